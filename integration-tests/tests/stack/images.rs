//! The images that `make images` builds, beside Apache Kafka on one network: on a read-only root, without a capability,
//! as nobody in particular.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use integration_tests::broker::Choice;
use integration_tests::client::Client;
use libtest_mimic::Trial;
use serde_json::Value;
use testcontainers::bollard::Docker;
use testcontainers::core::{ContainerPort, IntoContainerPort as _, WaitFor};
use testcontainers::runners::AsyncRunner as _;
use testcontainers::{ContainerAsync, ContainerRequest, GenericImage, ImageExt as _};
use uuid::Uuid;

use crate::{Context, test};

const GATEWAY: &str = "api-gateway";
const PROCESSOR: &str = "hash-processor";
const KAFKA: (&str, &str) = ("apache/kafka", "4.3.1");

/// No image may be larger.
const LARGEST_IMAGE: i64 = 15 * 1024 * 1024;

/// Longest time from the start of a container to its readiness: a JVM's on a busy machine, or two health checks.
const START_LIMIT: Duration = Duration::from_secs(120);

/// What a service is given to stop in, as in Kubernetes. Then it is killed, and its exit status is another.
const STOP_LIMIT_SECONDS: i32 = 30;

pub(crate) fn tests(context: &Context) -> Vec<Trial> {
    if Choice::from_environment() != Choice::Container {
        return Vec::new();
    }
    vec![
        test("an_image_holds_one_program_and_says_what_it_is", context, shape),
        test("the_images_do_the_main_job_and_stop_in_order", context, main_job),
    ]
}

async fn shape(context: Context) -> Result<()> {
    drop(context);
    for (name, title) in [(GATEWAY, "api-gateway"), (PROCESSOR, "hash-processor")] {
        let Some(image) = Image::find(name).await? else { return Ok(()) };
        ensure!(image.layers == 1, "{name} has {} layers", image.layers);
        ensure!(image.bytes < LARGEST_IMAGE, "{name} has {} bytes", image.bytes);
        let user: Option<u32> = image.user.split(':').next().and_then(|user| user.parse().ok());
        ensure!(user.is_some_and(|user| user > 0), "{name} runs as {:?}", image.user);
        let check = [format!("/{name}"), "healthcheck".to_owned()];
        ensure!(image.health_check.ends_with(&check), "{name} is checked by {:?}", image.health_check);
        ensure!(image.label("title") == Some(title), "{:?}", image.labels);
        ensure!(image.label("licenses") == Some("MIT"), "{:?}", image.labels);
        ensure!(image.label("version") == Some(env!("CARGO_PKG_VERSION")), "{:?}", image.labels);
    }
    Ok(())
}

async fn main_job(context: Context) -> Result<()> {
    drop(context);
    let (Some(image), Some(_)) = (Image::find(GATEWAY).await?, Image::find(PROCESSOR).await?) else {
        return Ok(());
    };
    let network = format!("images-{}", Uuid::new_v4().simple());
    let kafka = format!("kafka-{network}");
    let _kafka = start_kafka(&network, &kafka).await?;
    let brokers = format!("{kafka}:9092");
    // Both start as they may in a cluster, in no order. Each is started once its own health check says so.
    let half_a_core = |request: ContainerRequest<GenericImage>| {
        request.with_host_config_modifier(|host| host.nano_cpus = Some(500_000_000))
    };
    let gateway = service(GATEWAY, &[3001, 9101], &network, &brokers).start();
    let processor = half_a_core(service(PROCESSOR, &[9102], &network, &brokers)).start();
    let (gateway, processor) =
        tokio::try_join!(gateway, processor).context("a service does not become healthy")?;

    let client = Client::new(port(&gateway, 3001).await?)?;
    for data in ["hello world", "", "Grüße, 世界", &"x".repeat(500_000)] {
        client.hash(data).await?;
    }

    let info = info(&gateway, 9101).await?;
    ensure!(info["version"].as_str() == image.label("version"), "{info}, but {:?}", image.labels);
    ensure!(info["commit"].as_str() == image.label("revision"), "{info}, but {:?}", image.labels);
    let limited = self::info(&processor, 9102).await?;
    ensure!(limited["heavy_threads"] == 1, "half a core, and as many threads as the host has: {limited}");

    for (name, container) in [(GATEWAY, gateway), (PROCESSOR, processor)] {
        let begin = Instant::now();
        container.stop_with_timeout(Some(STOP_LIMIT_SECONDS)).await?;
        let status = container.exit_code().await?;
        ensure!(status == Some(0), "{name} ended with {status:?} after {:?}", begin.elapsed());
    }
    Ok(())
}

/// One node, which tells its clients to find it by `name`.
async fn start_kafka(network: &str, name: &str) -> Result<ContainerAsync<GenericImage>> {
    let settings = [
        ("KAFKA_NODE_ID", "1".to_owned()),
        ("KAFKA_PROCESS_ROLES", "broker,controller".to_owned()),
        ("KAFKA_CONTROLLER_QUORUM_VOTERS", "1@localhost:9093".to_owned()),
        ("KAFKA_CONTROLLER_LISTENER_NAMES", "CONTROLLER".to_owned()),
        ("KAFKA_LISTENERS", "PLAINTEXT://:9092,CONTROLLER://localhost:9093".to_owned()),
        ("KAFKA_ADVERTISED_LISTENERS", format!("PLAINTEXT://{name}:9092")),
        ("KAFKA_LISTENER_SECURITY_PROTOCOL_MAP", "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT".to_owned()),
        ("KAFKA_INTER_BROKER_LISTENER_NAME", "PLAINTEXT".to_owned()),
        ("KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR", "1".to_owned()),
        ("KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS", "0".to_owned()),
        ("KAFKA_AUTO_CREATE_TOPICS_ENABLE", "false".to_owned()),
        ("KAFKA_HEAP_OPTS", "-Xms256m -Xmx512m".to_owned()),
    ];
    let image = GenericImage::new(KAFKA.0, KAFKA.1)
        .with_wait_for(WaitFor::message_on_stdout("Kafka Server started"))
        .with_network(network)
        .with_container_name(name)
        .with_startup_timeout(START_LIMIT);
    let image = settings.into_iter().fold(image, |image, (name, value)| image.with_env_var(name, value));
    image.start().await.context("cannot start Apache Kafka in a container")
}

/// A service as it should run anywhere; started, it is healthy.
fn service(name: &str, ports: &[u16], network: &str, brokers: &str) -> ContainerRequest<GenericImage> {
    let image = ports
        .iter()
        .fold(GenericImage::new(name, "latest"), |image, port| image.with_exposed_port(port.tcp()));
    image
        .with_wait_for(WaitFor::healthcheck())
        .with_network(network)
        .with_env_var("KAFKA_BROKERS", brokers)
        .with_readonly_rootfs(true)
        .with_cap_drop("ALL")
        .with_security_opt("no-new-privileges")
        .with_startup_timeout(START_LIMIT)
}

async fn port(container: &ContainerAsync<GenericImage>, port: u16) -> Result<u16> {
    Ok(container.get_host_port_ipv4(ContainerPort::Tcp(port)).await?)
}

async fn info(container: &ContainerAsync<GenericImage>, management_port: u16) -> Result<Value> {
    let (_, page) = Client::new(port(container, management_port).await?)?.get("/info").await?;
    Ok(serde_json::from_str(&page)?)
}

/// What the engine knows of an image.
struct Image {
    layers: usize,
    bytes: i64,
    user: String,
    health_check: Vec<String>,
    labels: HashMap<String, String>,
}

impl Image {
    /// None if it was not built, which it says.
    async fn find(name: &str) -> Result<Option<Self>> {
        let docker = Docker::connect_with_defaults()?;
        let Ok(found) = docker.inspect_image(&format!("{name}:latest")).await else {
            eprintln!("skipped: there is no image {name}:latest; `make images` builds it");
            return Ok(None);
        };
        let config = found.config.context("an image without a configuration")?;
        Ok(Some(Self {
            layers: found.root_fs.and_then(|root| root.layers).map_or(0, |layers| layers.len()),
            bytes: found.size.context("an image without a size")?,
            user: config.user.unwrap_or_default(),
            health_check: config.healthcheck.and_then(|check| check.test).unwrap_or_default(),
            labels: config.labels.unwrap_or_default(),
        }))
    }

    /// A label of those that the Open Container Initiative names.
    fn label(&self, name: &str) -> Option<&str> {
        self.labels.get(&format!("org.opencontainers.image.{name}")).map(String::as_str)
    }
}
