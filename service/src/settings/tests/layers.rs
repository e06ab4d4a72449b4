//! Which layer wins, and what each layer can say.

use std::time::Duration;

use crate::settings::tests::Start;
use crate::settings::{
    GatewaySettings, LogFormat, NoWorker, Port, ProcessorSettings, ReplyRouting, markdown_table,
};

fn seconds(number: u64) -> Duration {
    Duration::from_secs(number)
}

#[test]
fn each_layer_wins_over_those_below() {
    let start = Start::new();
    assert_eq!(start.gateway().kafka.timeout, seconds(5), "defaults");
    let start = start.toml("kafka_timeout = 11");
    assert_eq!(start.gateway().kafka.timeout, seconds(11), "file over defaults");
    let start = start.dot_env("KAFKA_TIMEOUT=12");
    assert_eq!(start.gateway().kafka.timeout, seconds(12), ".env over file");
    let start = start.variable("KAFKA_TIMEOUT", "13");
    assert_eq!(start.gateway().kafka.timeout, seconds(13), "environment over .env");
    let start = start.flags(&["--kafka-timeout", "14"]);
    assert_eq!(start.gateway().kafka.timeout, seconds(14), "command line over environment");
}

#[test]
fn a_layer_that_lacks_a_setting_leaves_it_to_those_below() {
    let start = Start::new()
        .toml("kafka_timeout = 11")
        .dot_env("REQUEST_TIMEOUT=12")
        .variable("SHUTDOWN_DELAY", "13")
        .flags(&["--service-1-no-worker-grace=14"]);
    let settings = start.gateway();
    assert_eq!(
        (settings.kafka.timeout, settings.request_timeout, settings.shutdown_delay, settings.no_worker_grace),
        (seconds(11), seconds(12), seconds(13), seconds(14))
    );
    assert_eq!(settings.port, 3001);
}

#[test]
fn the_file_is_named_by_flag_else_environment_else_dot_env() {
    let named = |start: Start| start.gateway().port;
    let files = || {
        let start = Start::new().file("a.toml", "service_1_port = 1").file("b.toml", "service_1_port = 2");
        start.file("c.toml", "service_1_port = 3")
    };
    assert_eq!(named(files().dot_env("CONFIG_FILE=a.toml")), 1);
    assert_eq!(named(files().dot_env("CONFIG_FILE=a.toml").variable("CONFIG_FILE", "b.toml")), 2);
    assert_eq!(named(files().variable("CONFIG_FILE", "b.toml").flags(&["--config", "c.toml"])), 3);
    assert_eq!(named(files().variable("CONFIG_FILE", "b.toml").flags(&["--config-file", "c.toml"])), 3);
    assert_eq!(named(files().variable("CONFIG_FILE", "")), 3001, "empty counts as not set");
    let start = files();
    let absolute = start.path().join("a.toml").display().to_string();
    assert_eq!(named(start.variable("CONFIG_FILE", absolute)), 1);
}

#[test]
fn an_empty_variable_counts_as_not_set() {
    let start = Start::new().toml("kafka_timeout = 11\nservice_1_group_id = \"g\"");
    let start = start.dot_env("KAFKA_TIMEOUT=\nSERVICE_1_GROUP_ID=\"\"").variable("KAFKA_TIMEOUT", "");
    let settings = start.gateway();
    assert_eq!((settings.kafka.timeout, settings.group_id.as_str()), (seconds(11), "g"));
    let start = Start::new().dot_env("SERVICE_1_MANAGEMENT_PORT=").variable("SERVICE_1_MANAGEMENT_PORT", "");
    assert!(!start.gateway().management_port.set);
}

#[test]
fn an_empty_value_in_the_file_or_on_the_command_line_is_a_value() {
    let complaint = Start::new().toml("kafka_client_id = \"\"").complaint();
    assert!(complaint.contains("KAFKA_CLIENT_ID (from file settings.toml): found \"\""), "{complaint}");
    let complaint = Start::new().flags(&["--kafka-client-id", ""]).complaint();
    assert!(complaint.contains("KAFKA_CLIENT_ID (from the command line): found \"\""), "{complaint}");
    assert_eq!(
        Start::new().toml("service_2_reply_topics = []").processor().reply_topics,
        Vec::<String>::new()
    );
}

#[test]
fn the_alias_works_in_every_source() {
    let brokers = |start: Start| start.gateway().kafka.brokers.join(" ");
    assert_eq!(brokers(Start::new().toml("kafka_bootstrap_servers = \"a:1\"")), "a:1");
    assert_eq!(brokers(Start::new().dot_env("KAFKA_BOOTSTRAP_SERVERS=a:1")), "a:1");
    assert_eq!(brokers(Start::new().variable("KAFKA_BOOTSTRAP_SERVERS", "a:1")), "a:1");
    assert_eq!(brokers(Start::new().flags(&["--kafka-bootstrap-servers", "a:1"])), "a:1");
}

#[test]
fn within_one_source_a_name_and_its_alias_agree_and_a_higher_source_wins_over_both() {
    let brokers = |start: &Start| start.gateway().kafka.brokers.join(" ");
    let both = |alias: &str| {
        Start::new().variable("KAFKA_BROKERS", "name:1").variable("KAFKA_BOOTSTRAP_SERVERS", alias)
    };
    assert_eq!(brokers(&both("name:1")), "name:1");
    assert_eq!(
        both("alias:1").complaint(),
        "bad settings KAFKA_BROKERS and KAFKA_BOOTSTRAP_SERVERS: they are two names of one setting, and the environment \
         gives them different values"
    );
    let start = Start::new().dot_env("KAFKA_BROKERS=name:1").variable("KAFKA_BOOTSTRAP_SERVERS", "alias:1");
    assert_eq!(brokers(&start), "alias:1");
}

#[test]
fn text_that_looks_like_something_else_stays_text() {
    let start = Start::new().variable("KAFKA_CLIENT_ID", "123").variable("SERVICE_1_GROUP_ID", "true");
    let settings = start.dot_env("SERVICE_2_GROUP_ID=1.50").gateway();
    assert_eq!((settings.kafka.client_id.as_str(), settings.group_id.as_str()), ("123", "true"));
    assert_eq!(settings.worker_group_id, "1.50");
    let settings = Start::new().toml("kafka_client_id = 123\nservice_1_group_id = true").gateway();
    assert_eq!((settings.kafka.client_id.as_str(), settings.group_id.as_str()), ("123", "true"));
}

#[test]
fn the_file_may_use_the_types_of_toml_or_text() {
    let settings = Start::new()
        .toml(
            "kafka_brokers = [\"a:1\", \"b:2\"]\nkafka_create_topics = false\nkafka_timeout = 0.25\n\
             kafka_partitions = 12\nservice_1_port = \"4000\"\nrequest_timeout = \"2.5\"\n",
        )
        .gateway();
    assert_eq!(settings.kafka.brokers, ["a:1", "b:2"]);
    assert!(!settings.kafka.create_topics);
    assert_eq!(settings.kafka.timeout, Duration::from_millis(250));
    assert_eq!((settings.kafka.partitions, settings.port), (12, 4000));
    assert_eq!(settings.request_timeout, Duration::from_millis(2500));
}

#[test]
fn a_shared_file_may_hold_the_settings_of_both_services_and_each_judges_its_own() {
    let shared = "kafka_timeout = 7\nservice_1_port = \"not a port\"\nservice_2_max_in_flight = 5\n";
    let start = Start::new().toml(shared);
    let settings = start.processor();
    assert_eq!((settings.kafka.timeout, settings.max_in_flight), (seconds(7), 5));
    assert!(start.complaint().contains("SERVICE_1_PORT"));
}

#[test]
fn a_port_knows_whether_it_was_set() {
    let port = |start: Start| start.gateway().management_port;
    assert_eq!(port(Start::new()), Port { number: 9101, set: false });
    assert_eq!(port(Start::new().variable("SERVICE_1_MANAGEMENT_PORT", "9101")), Port::exactly(9101));
    assert_eq!(port(Start::new().toml("service_1_management_port = 0")), Port::ANY);
    assert_eq!(Start::new().processor().management_port, Port { number: 9102, set: false });
}

#[test]
fn workers_are_not_looked_for_where_the_routing_is_any_unless_somebody_says_so() {
    let no_worker = |start: Start| start.gateway().no_worker;
    let any = || Start::new().variable("SERVICE_1_REPLY_ROUTING", "any");
    assert_eq!(no_worker(Start::new()), NoWorker::Group);
    assert_eq!(no_worker(Start::new().variable("SERVICE_1_NO_WORKER", "off")), NoWorker::Off);
    assert_eq!(any().gateway().reply_routing, ReplyRouting::Any);
    assert_eq!(no_worker(any()), NoWorker::Off);
    assert_eq!(no_worker(any().variable("SERVICE_1_NO_WORKER", "group")), NoWorker::Group);
}

#[test]
fn settings_built_in_code_are_those_of_a_start_that_was_told_nothing() {
    assert_eq!(GatewaySettings::default(), Start::new().gateway());
    assert_eq!(ProcessorSettings::default(), Start::new().processor());
}

#[test]
fn the_defaults_are_the_documented_ones() {
    let gateway = GatewaySettings::default();
    assert_eq!(gateway.kafka.brokers, ["localhost:9092"]);
    assert_eq!(gateway.kafka.request_topic, "hash_requests");
    assert_eq!(gateway.kafka.response_topic, "hash_responses");
    assert_eq!(gateway.kafka.dead_letter_topic(), "hash_requests.dlq");
    assert_eq!((gateway.kafka.timeout, gateway.request_timeout), (seconds(5), seconds(10)));
    assert_eq!((gateway.kafka.client_id.as_str(), gateway.kafka.partitions), ("api-gateway", 3));
    assert!(gateway.kafka.create_topics);
    assert_eq!(
        (gateway.log.format, gateway.log.filter.as_str()),
        (LogFormat::Text, "info,actix_http=off,actix_server=warn,rskafka=off")
    );
    assert_eq!((gateway.host.as_str(), gateway.port), ("0.0.0.0", 3001));
    assert_eq!((gateway.group_id.as_str(), gateway.worker_group_id.as_str()), ("service_1", "service_2"));
    assert_eq!((gateway.max_pending, gateway.max_pending_bytes), (10_000, 64 * 1024 * 1024));
    assert_eq!((gateway.shutdown_delay, gateway.no_worker_grace), (seconds(0), seconds(1)));
    assert_eq!((gateway.reply_routing, gateway.shards), (ReplyRouting::Partition, 1));
    let processor = ProcessorSettings::default();
    assert_eq!(
        (processor.kafka.client_id.as_str(), processor.group_id.as_str()),
        ("hash-processor", "service_2")
    );
    assert_eq!((processor.max_age, processor.max_in_flight), (seconds(3600), 1000));
    assert!(processor.heavy_threads >= 1);
}

#[test]
fn the_response_topic_is_always_among_those_a_request_may_name() {
    let processor = ProcessorSettings::default();
    assert_eq!(processor.allowed_reply_topics(), ["hash_responses", "hash_requests.reply"]);
    let processor = Start::new().variable("SERVICE_2_REPLY_TOPICS", "a, hash_responses,b").processor();
    assert_eq!(processor.allowed_reply_topics(), ["hash_responses", "a", "b"]);
}

#[test]
fn the_table_has_one_row_of_five_cells_for_each_setting() {
    let table = markdown_table();
    let rows: Vec<&str> = table.lines().skip(2).collect();
    assert_eq!(rows.len(), crate::settings::catalogue::CATALOGUE.len() + 1, "and one for CONFIG_FILE");
    for row in &rows {
        assert_eq!(row.matches('|').count(), 6, "{row}");
    }
    assert!(rows.contains(
        &"| `KAFKA_BROKERS`, alias `KAFKA_BOOTSTRAP_SERVERS` | `localhost:9092` | host:port,… | both | \
          Brokers to find the cluster by |"
    ));
}
