# `make help` lists what is here. Works with GNU make 3.81 and later, and with either Compose: the plug-in of the
# Docker client (`docker compose`) or the program of its own (`docker-compose`), whichever is there.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

# Which services `make up` starts: all, or for example `make up SERVICES=kafka`.
SERVICES ?=
# What `make bench` measures: a broker's address, or the embedded one.
BENCH_ARGS ?=
# What `make soak` is told: see `make soak SOAK_ARGS=--help`.
SOAK_ARGS ?=

COMPOSE := $(shell if docker compose version >/dev/null 2>&1; then echo docker compose; \
	elif command -v docker-compose >/dev/null 2>&1; then echo docker-compose; fi)
NEED_COMPOSE = @test -n "$(COMPOSE)" || { \
	echo "Neither 'docker compose' nor 'docker-compose' was found: install Docker with Compose," \
	"or work without Docker: make dev" >&2; exit 1; }
ZOOKEEPER := -f docker-compose.zookeeper.yml

# await_health CONTAINER, NAME, HOW TO SEE WHY: waits until the container is healthy, at most two minutes.
await_health = for _ in $$(seq 120); do \
		health=$$(docker inspect --format '{{.State.Health.Status}}' $(1)); \
		if [ "$$health" = healthy ]; then break; fi; sleep 1; \
	done; \
	if [ "$$health" != healthy ]; then echo "$(2) is $$health after two minutes; see: $(3)" >&2; exit 1; fi
AWAIT_KAFKA = $(call await_health,kafka,Kafka,make logs); \
	echo "Kafka is healthy: localhost:9092 from here, kafka:29092 from containers$(if $(SERVICES),,; Kafka UI: http://localhost:8080)"

# Gateway and worker as containers; named with Kafka where only some services are to run.
APP := $(COMPOSE) --profile app
APP_SERVICES := hash-processor api-gateway
# And those that look at them, and the secured ones.
SECURE := $(COMPOSE) --profile secure
SECURE_SERVICES := hash-processor-secure api-gateway-secure
ALL := $(APP) --profile observability --profile secure

.PHONY: help up up-app up-observability up-secure down up-zookeeper logs run-both dev images test test-containers test-images lint fuzz fuzz-http sbom bench soak clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: ## Start Apache Kafka and Kafka UI in Docker and wait until Kafka is healthy
	$(NEED_COMPOSE)
	$(COMPOSE) up -d $(SERVICES)
	@$(AWAIT_KAFKA)

up-zookeeper: ## The same with Kafka on ZooKeeper (instead of, not beside, `make up`)
	$(NEED_COMPOSE)
	$(COMPOSE) $(ZOOKEEPER) up -d $(SERVICES)
	@$(AWAIT_KAFKA)

up-app: ## Start all of it in Docker: Kafka, Kafka UI, gateway and worker (`make images` builds the last two)
	$(NEED_COMPOSE)
	$(APP) up -d $(if $(SERVICES),$(SERVICES) $(APP_SERVICES))
	@$(AWAIT_KAFKA)
	@for service in $(APP_SERVICES); do \
		$(call await_health,$$($(APP) ps -q $$service),$$service,$(APP) logs $$service); \
	done; \
	echo "Gateway: http://localhost:3001/hash"

up-observability: up-app ## The same with Prometheus and Grafana beside it
	$(ALL) up -d prometheus grafana
	@echo "Grafana: http://localhost:3000; Prometheus: http://localhost:9090"

up-secure: ## Start a secured stack beside it: SASL_SSL, ACLs, HTTPS and an API key, of throw-away files that it makes
	$(NEED_COMPOSE)
	@deploy/secure/make-files
	$(SECURE) up -d $(or $(SERVICES),kafka-ui-secure) $(SECURE_SERVICES)
	@for service in $(SECURE_SERVICES); do \
		$(call await_health,$$($(SECURE) ps -q $$service),$$service,$(SECURE) logs $$service); \
	done; \
	echo "Gateway: https://localhost:3443/hash; Kafka: localhost:9093$(if $(SERVICES),,; Kafka UI: http://localhost:8081)"

down: ## Stop whatever of it runs; Kafka keeps its data
	$(NEED_COMPOSE)
	$(ALL) down --remove-orphans

logs: ## Follow Kafka's log
	$(NEED_COMPOSE)
	docker logs --tail 100 --follow kafka

# Both start under job control (set -m), each in a process group of its own: Ctrl-C reaches this script alone, which
# passes on one signal to each. A second signal would make them hurry.
run-both: ## Run gateway and processor against KAFKA_BROKERS (default localhost:9092); Ctrl-C stops both
	cargo build -p api-gateway -p hash-processor
	@set -m; programs=$${CARGO_TARGET_DIR:-target}/debug; \
	"$$programs/hash-processor" & processor=$$!; \
	"$$programs/api-gateway" & gateway=$$!; \
	set +m; stopping=; \
	stop() { if [ -z "$$stopping" ]; then stopping=yes; kill $$gateway $$processor 2>/dev/null || true; fi; }; \
	trap stop INT TERM; \
	while kill -0 $$gateway 2>/dev/null && kill -0 $$processor 2>/dev/null; do sleep 0.2 || true; done; \
	stop; \
	status=0; wait $$gateway || status=$$?; wait $$processor || status=$$?; \
	exit $$status

dev: ## Run everything in one process on the embedded broker, without Docker
	cargo run -p devstack

images: ## Build the container images api-gateway and hash-processor (ARCH=aarch64 for the other processor)
	deploy/images/build

test: ## Run all tests on the embedded broker, without Docker
	cargo test --workspace

test-containers: ## Run the integration tests on Apache Kafka in a container
	TEST_BROKER=container cargo test -p integration-tests

test-images: images ## Build the images and run the tests that run them beside Apache Kafka
	TEST_BROKER=container cargo test -p integration-tests --test stack image

lint: ## Check formatting, clippy and the dependency rules
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	.ci/check-dependencies

fuzz: ## Feed every decoder with damaged input, guided by coverage, a minute each (FUZZ_SECONDS=60, FUZZ_ONLY=fuzz_batch)
	.ci/fuzz

sbom: ## Write what the shipped programs are made of, as CycloneDX, to target/sbom
	.ci/sbom

bench: ## Measure latency and throughput beside their floors (BENCH_ARGS are passed on)
	cargo run --release -p integration-tests --bin bench -- $(BENCH_ARGS)

soak: ## Soak the stack: ten minutes of faults, judged (SOAK_ARGS, for example --broker container --nodes 3)
	cargo run --release -p integration-tests --bin soak -- $(SOAK_ARGS)

fuzz-http: ## Send five minutes of generated requests to a gateway of its own, and look at its memory (needs Schemathesis)
	.ci/fuzz-http

clean: ## Remove build output, throw-away certificates, and the containers with Kafka's data where Docker is there
	cargo clean
	rm -rf deploy/secure/files
	$(if $(COMPOSE),$(ALL) down --volumes --remove-orphans)
	$(if $(COMPOSE),$(COMPOSE) $(ZOOKEEPER) down --volumes --remove-orphans)
