//! What a start that must not happen says.

use std::os::unix::ffi::OsStringExt;

use crate::settings::catalogue::{Fallback, Service, Setting, UsedBy};
use crate::settings::kind::Kind;
use crate::settings::tests::{GATEWAY, Start};
use crate::settings::{GatewaySettings, LogSettings, Reader, Secret, Settings, load_from};

#[test]
fn a_bad_value_is_reported_with_key_source_and_what_was_expected() {
    let expected = "expected a port, 0 to 65535 (0 means any free one)";
    let from = |source: &str, found: &str| {
        format!("bad setting SERVICE_1_PORT (from {source}): found {found}, {expected}")
    };
    let complaint = Start::new().toml("service_1_port = 70000").complaint();
    assert_eq!(complaint, from("file settings.toml", "\"70000\""));
    let complaint = Start::new().dot_env("SERVICE_1_PORT=x").complaint();
    assert_eq!(complaint, from("`.env`", "\"x\""));
    let complaint = Start::new().variable("SERVICE_1_PORT", "-1").complaint();
    assert_eq!(complaint, from("the environment", "\"-1\""));
    let complaint = Start::new().flags(&["--service-1-port=80 80"]).complaint();
    assert_eq!(complaint, from("the command line", "\"80 80\""));
    let complaint = Start::new().toml("[service_1_port]\nnumber = 1").complaint();
    assert_eq!(complaint, from("file settings.toml", "a table or an array"));
    let complaint = Start::new().toml("service_1_port = [1]").complaint();
    assert_eq!(complaint, from("file settings.toml", "a table or an array"));
}

#[test]
fn a_bad_value_under_an_alias_is_reported_with_the_alias() {
    let complaint = Start::new().variable("KAFKA_BOOTSTRAP_SERVERS", "kafka").complaint();
    assert_eq!(
        complaint,
        "bad setting KAFKA_BROKERS (from the environment, as KAFKA_BOOTSTRAP_SERVERS): found \"kafka\", \
         expected host:port, several separated by commas"
    );
}

#[test]
fn a_bad_value_that_a_higher_layer_covers_is_none() {
    let start = Start::new().dot_env("SERVICE_1_PORT=x").variable("SERVICE_1_PORT", "4000");
    assert_eq!(start.gateway().port, 4000);
}

#[test]
fn everything_that_is_wrong_is_reported_at_once() {
    let start = Start::new().toml("kafka_timeout = \"soon\"\nkafka_brokerz = 1");
    let complaint = start.variable("SERVICE_1_PORT", "x").complaint();
    let lines: Vec<&str> = complaint.lines().collect();
    assert_eq!(lines.len(), 3, "{complaint}");
    for key in ["kafka_brokerz", "KAFKA_TIMEOUT", "SERVICE_1_PORT"] {
        let named = |line: &&str| line.contains(&format!("setting {key} (from "));
        assert_eq!(lines.iter().filter(|line| named(line)).count(), 1, "{key} in {complaint}");
    }
}

#[test]
fn a_key_nobody_knows_is_reported_with_the_nearest_one() {
    let complaint = Start::new().toml("kafka_broker = \"a:1\"").complaint();
    assert_eq!(
        complaint,
        "unknown setting kafka_broker (from file settings.toml); did you mean kafka_brokers?"
    );
    let complaint = Start::new().toml("KAFKA_BROKERS = \"a:1\"").complaint();
    assert_eq!(
        complaint,
        "unknown setting KAFKA_BROKERS (from file settings.toml); did you mean kafka_brokers?"
    );
    let complaint = Start::new().toml("[database]\nurl = \"postgres://\"").complaint();
    assert_eq!(complaint, "unknown setting database (from file settings.toml); `--help` lists all settings");
}

#[test]
fn a_file_that_cannot_be_read_is_reported() {
    let complaint = Start::new().flags(&["--config", "none.toml"]).complaint();
    assert_eq!(complaint, "cannot read settings from file none.toml: No such file or directory (os error 2)");
}

#[test]
fn a_file_that_is_not_toml_is_reported_without_its_content() {
    let complaint = Start::new().toml("kafka_timeout = 5\nkafka_client_id = \"hunter2\nx = 1").complaint();
    assert_eq!(
        complaint,
        "cannot read settings from file settings.toml: TOML parse error at line 2, column 27: invalid basic string"
    );
}

#[test]
fn a_line_of_dot_env_that_is_no_assignment_is_reported_without_its_content() {
    let complaint = Start::new().dot_env("KAFKA_TIMEOUT=5\nhunter2 hunter2\nSERVICE_1_PORT=x").complaint();
    let lines: Vec<&str> = complaint.lines().collect();
    assert_eq!(
        lines[0],
        "cannot read settings from `.env`: a line after KAFKA_TIMEOUT is not KEY=value (quote values that hold blanks)"
    );
    assert!(lines[1].contains("SERVICE_1_PORT (from `.env`)"), "the other lines count: {complaint}");
    let complaint = Start::new().dot_env("= 1").complaint();
    assert_eq!(
        complaint,
        "cannot read settings from `.env`: its first entry is not KEY=value (quote values that hold blanks)"
    );
}

#[test]
fn a_dot_env_that_cannot_be_read_is_reported() {
    let start = Start::new();
    std::fs::create_dir(start.path().join(".env")).unwrap();
    let complaint = start.complaint();
    assert!(complaint.starts_with("cannot read settings from `.env`: "), "{complaint}");
}

#[test]
fn bytes_that_are_no_text_are_reported_for_our_settings_and_ignored_for_others() {
    let bytes = || std::ffi::OsString::from_vec(vec![0xff, 0xfe]);
    assert_eq!(
        Start::new().variable("KAFKA_CLIENT_ID", bytes()).complaint(),
        "bad setting KAFKA_CLIENT_ID (from the environment): found bytes that are not UTF-8, \
         expected 1 to 255 characters"
    );
    let start = Start::new().variable("LS_COLORS", bytes()).variable("SERVICE_2_MAX_AGE", bytes());
    assert!(start.load().is_ok());
}

#[test]
fn one_topic_for_both_ways_is_a_contradiction() {
    let complaint = Start::new().variable("KAFKA_RESPONSE_TOPIC", "hash_requests").complaint();
    assert_eq!(
        complaint,
        "bad settings KAFKA_REQUEST_TOPIC and KAFKA_RESPONSE_TOPIC: both are \"hash_requests\"; \
         replies would be taken for requests"
    );
}

#[test]
fn one_group_for_both_services_is_a_contradiction() {
    let complaint = Start::new().variable("SERVICE_1_GROUP_ID", "service_2").complaint();
    assert_eq!(
        complaint,
        "bad settings SERVICE_1_GROUP_ID and SERVICE_2_GROUP_ID: both are \"service_2\"; \
         gateways would take one another for workers"
    );
}

#[test]
fn a_body_that_is_allowed_has_to_fit_what_may_be_pending() {
    let bytes = |shards: usize| (GatewaySettings::MAX_BODY_BYTES * shards).to_string();
    let start = |bytes: String, shards: &str| {
        Start::new().variable("SERVICE_1_MAX_PENDING_BYTES", bytes).variable("SERVICE_1_SHARDS", shards)
    };
    assert!(start(bytes(1), "1").load().is_ok() && start(bytes(2), "2").load().is_ok());
    assert_eq!(
        start(bytes(1), "2").complaint(),
        "bad settings SERVICE_1_MAX_PENDING_BYTES and SERVICE_1_SHARDS: 786432 bytes for 2 shards; \
         each needs room for one body of the largest size, so at least 1572864 bytes in all"
    );
}

#[test]
fn replies_may_not_go_where_dead_letters_go() {
    let complaint = Start::new().variable("KAFKA_RESPONSE_TOPIC", "hash_requests.dlq").complaint();
    assert_eq!(
        complaint,
        "bad settings KAFKA_RESPONSE_TOPIC: \"hash_requests.dlq\" is where dead letters go"
    );
}

#[test]
fn a_variable_that_kubernetes_set_is_explained() {
    let complaint = Start::new().variable("SERVICE_1_PORT", "tcp://10.0.0.1:3001").complaint();
    let hint = "; Kubernetes sets this for a Service of that name: put `enableServiceLinks: false` in the pod's spec";
    assert!(complaint.ends_with(hint), "{complaint}");
}

#[test]
fn a_variable_that_is_almost_a_setting_is_worth_a_notice_but_stops_nothing() {
    let start = Start::new().dot_env("SERVICE_1_PROT=1").variable("KAFKA_BROKER", "a:1");
    let start = start.variable("KAFKA_HEAP_OPTS", "-Xmx1g").variable("SERVICE_2_MAX_AGE", "5");
    assert_eq!(
        start.load().unwrap().notices,
        [
            "SERVICE_1_PROT (from `.env`) is no setting and is ignored; did you mean SERVICE_1_PORT?",
            "KAFKA_BROKER (from the environment) is no setting and is ignored; did you mean KAFKA_BROKERS?",
        ]
    );
}

/// A catalogue with a secret in it.
static WITH_SECRET: &[Setting] = &[Setting {
    key: "SERVICE_1_PASSWORD",
    alias: None,
    kind: Kind::Secret,
    default: Fallback::Nothing("none"),
    help: "A password",
    used_by: UsedBy::Both,
}];

#[derive(Debug)]
struct SecretSettings {
    password: Option<Secret<String>>,
    log: LogSettings,
}

impl Settings for SecretSettings {
    const SERVICE: Service = Service::Gateway;

    fn read(reader: &mut Reader) -> Self {
        Self { password: reader.secret("SERVICE_1_PASSWORD"), log: LogSettings::default() }
    }

    fn log(&self) -> &LogSettings {
        &self.log
    }
}

#[test]
fn a_secret_is_read_and_never_shown() {
    let load = |start: Start| {
        let loaded = load_from::<SecretSettings>(WITH_SECRET, &GATEWAY, Vec::new(), &start.inputs());
        loaded.map(|(loaded, _)| loaded)
    };
    let settings = load(Start::new().variable("SERVICE_1_PASSWORD", "hunter2")).unwrap().settings;
    assert!(!format!("{settings:?}").contains("hunter2"));
    let password = settings.password.unwrap();
    assert_eq!(password.expose(), "hunter2");
    assert_eq!((format!("{password}"), format!("{password:?}")), ("***".to_owned(), "***".to_owned()));
    assert!(load(Start::new()).unwrap().settings.password.is_none());

    let problem = load(Start::new().toml("service_1_password = [\"hunter2\"]")).unwrap_err().to_string();
    assert!(problem.contains("SERVICE_1_PASSWORD") && !problem.contains("hunter2"), "{problem}");
    let help = load(Start::new().flags(&["--help"])).unwrap_err().to_string();
    assert!(!help.contains("password"), "a flag would be seen in the list of processes: {help}");
}

#[test]
fn one_port_for_requests_and_probes_is_a_conflict() {
    let said = |port: &str| {
        format!(
            "bad settings SERVICE_1_PORT and SERVICE_1_MANAGEMENT_PORT: both are {port}; requests and probes need a port \
             each"
        )
    };
    let both = Start::new().variable("SERVICE_1_PORT", "4000").variable("SERVICE_1_MANAGEMENT_PORT", "4000");
    assert_eq!(both.complaint(), said("4000"));
    assert_eq!(Start::new().variable("SERVICE_1_PORT", "9101").complaint(), said("9101"));
    let any = Start::new().variable("SERVICE_1_PORT", "0").variable("SERVICE_1_MANAGEMENT_PORT", "0");
    assert_eq!(any.gateway().port, 0);
}
