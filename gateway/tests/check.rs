//! `api-gateway check` as a person runs it, against a broker over sockets.

use std::path::PathBuf;
use std::process::Output;
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use embedded_broker::Broker;
use tls::throw_away::Authority;
use tokio::process::Command;
use tokio::time::timeout;

/// The program ends within this time, or the test fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// Exit status and stdout.
async fn check(broker: &Broker, arguments: &str) -> (Option<i32>, String) {
    let run = Command::new(env!("CARGO_BIN_EXE_api-gateway"))
        .arg("check")
        .args(arguments.split_whitespace())
        .env_clear()
        .env("KAFKA_BROKERS", broker.bootstrap())
        .current_dir(env!("CARGO_TARGET_TMPDIR"))
        .kill_on_drop(true)
        .output();
    let Output { status, stdout, .. } = timeout(PATIENCE, run).await.expect("it ends").expect("it runs");
    (status.code(), String::from_utf8(stdout).expect("it is text"))
}

#[tokio::test]
async fn it_says_what_a_gateway_needs_and_what_is_not_so() {
    let broker = Broker::start(embedded_broker::Config::default()).await.unwrap();
    broker.create_topic("hash_requests", 3).unwrap();
    let (status, out) = check(&broker, "").await;
    assert_eq!(status, Some(0), "{out}");
    for line in [
        "ok    cluster: 1 broker, reached at 127.0.0.1:",
        "warn  topic hash_requests: the topic has retention.ms",
        "ok    topic hash_responses: is missing; the service creates it at its start, with 3 partitions",
        "ok    group service_1: no members (Dead)",
        "warn  group service_2: no members (Dead): no worker is running, so requests get 503 no_workers",
    ] {
        assert!(out.contains(line), "{line} in\n{out}");
    }
    assert_eq!(broker.topic_names(), ["hash_requests"], "a check creates nothing");
}

#[tokio::test]
async fn a_topic_too_small_for_the_largest_body_is_worth_a_warning() {
    let broker = Broker::start(embedded_broker::Config::default()).await.unwrap();
    let small = [("max.message.bytes".to_owned(), "100000".to_owned())].into();
    broker.create_topic_with("hash_requests", 3, &small).unwrap();
    let (_, out) = check(&broker, "").await;
    assert!(
        out.contains("warn  topic hash_requests: max.message.bytes is 100000: larger records are refused"),
        "{out}"
    );
}

#[tokio::test]
async fn a_failure_is_1_and_nothing_hangs() {
    let broker = Broker::start(embedded_broker::Config::default()).await.unwrap();
    let (status, out) = check(&broker, "--kafka-create-topics false").await;
    assert_eq!(status, Some(1), "{out}");
    assert!(out.contains("FAIL  topic hash_requests: is missing, and KAFKA_CREATE_TOPICS is false"), "{out}");
    broker.faults().freeze();
    let (status, out) = check(&broker, "--kafka-timeout 0.5").await;
    assert_eq!(status, Some(1), "{out}");
    assert!(out.contains("\nFAIL  broker 127.0.0.1:"), "{out}");
}

/// Files in a folder that goes with the test, as arguments name them.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("the folder of the build takes more");
        Self(path)
    }

    fn put(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, text).expect("it takes a file");
        path.display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left in the folder of the build harms nobody.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// RFC 8037, A.2.
const KEYS_OF_TOKENS: &str = r#"{"keys":[{"kid":"2026-03","kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
const JWT: &str = "--service-1-jwt-issuer i --service-1-jwt-audience a";
const DIGEST: &str = "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9";

#[tokio::test]
async fn it_reads_keys_and_certificates_and_shows_none() {
    let broker = Broker::start(embedded_broker::Config::default()).await.unwrap();
    let (status, out) = check(&broker, "").await;
    assert!(status == Some(0) && out.starts_with("warn  callers: anybody may call"), "{out}");

    let (folder, authority) = (Folder::new("good"), Authority::new("authority"));
    let issued = authority.issue("gateway", &["localhost"]);
    let keys = folder.put("keys", &format!("alice {DIGEST} hash\nalice {} hash\n", DIGEST.replace('b', "a")));
    let keys_of_tokens = folder.put("keys.json", KEYS_OF_TOKENS);
    let (certificate, key) = (folder.put("a.crt", &issued.certificate), folder.put("a.key", &issued.key));
    let clients = folder.put("ca.crt", authority.certificate());
    let (status, out) = check(
        &broker,
        &format!(
            "--service-1-api-keys-file {keys} {JWT} --service-1-jwks {keys_of_tokens} \
             --service-1-jwt-algorithms EdDSA --service-1-tls-cert {certificate} --service-1-tls-key {key} \
             --service-1-tls-client-ca {clients}"
        ),
    )
    .await;
    assert_eq!(status, Some(0), "{out}");
    for line in [
        format!("ok    API keys {keys}: 2 keys of 1 caller"),
        format!("ok    keys of tokens {keys_of_tokens}: 1 key: \"2026-03\""),
        format!(
            "ok    HTTPS {certificate}: the key is the certificate's, which counts until 4096-01-01 00:00:00 UTC"
        ),
        format!("ok    client certificates {clients}: 1 authority"),
    ] {
        assert!(out.lines().any(|found| found == line), "{line} in\n{out}");
    }
    for secret in [DIGEST, issued.key.lines().nth(1).unwrap(), "11qYAYKxCrfVS"] {
        assert!(!out.contains(secret), "{out}");
    }
}

#[tokio::test]
async fn it_says_what_is_wrong_with_keys_and_certificates() {
    let broker = Broker::start(embedded_broker::Config::default()).await.unwrap();
    let (folder, authority) = (Folder::new("bad"), Authority::new("authority"));
    let now = Utc::now();
    let day = |day: i64| now + TimeDelta::days(day);
    let put = |name: &str, from: i64, until: i64| {
        let issued = authority.issue_between(name, &["localhost"], day(from), day(until));
        let certificate = folder.put(&format!("{name}.crt"), &issued.certificate);
        (certificate, folder.put(&format!("{name}.key"), &issued.key))
    };
    let tls = |(certificate, key): (&str, &str)| {
        format!("--service-1-tls-cert {certificate} --service-1-tls-key {key}")
    };
    let (soon, over, early) = (put("soon", -80, 9), put("over", -90, -1), put("early", 1, 90));
    let keys_of_tokens = folder.put("keys.json", KEYS_OF_TOKENS);
    let nobody = folder.put("nobody", "nobody\n");
    let empty = folder.put("empty", "");
    // A port of ours that nobody serves, and one that nobody has.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for (arguments, status, expected) in [
        (
            format!("--service-1-api-keys-file {empty}"),
            1,
            format!("FAIL  API keys {empty}: {empty}: it has no keys; "),
        ),
        (
            format!("--service-1-api-keys-file {nobody}"),
            0,
            format!("warn  API keys {nobody}: nobody gets in"),
        ),
        (
            format!("--service-1-api-keys-file {}", folder.0.display()),
            1,
            format!(
                "FAIL  API keys {0}: cannot read the API keys in {0}: it is no regular file",
                folder.0.display()
            ),
        ),
        (
            format!("{JWT} --service-1-jwks {keys_of_tokens}"),
            1,
            "1 key, none for an algorithm out of SERVICE_1_JWT_ALGORITHMS (RS256, ES256)".to_owned(),
        ),
        (
            format!("{JWT} --service-1-jwks http://{closed}/keys"),
            1,
            format!("FAIL  keys of tokens http://{closed}/keys: http://{closed}/keys: "),
        ),
        (
            format!("{JWT} --service-1-jwks http://{}/keys", silent.local_addr().unwrap()),
            1,
            "it did not answer within 5s".to_owned(),
        ),
        (
            tls((&soon.0, &soon.1)),
            0,
            format!("warn  HTTPS {}: the key is the certificate's, which ends", soon.0),
        ),
        (
            tls((&over.0, &over.1)),
            1,
            format!("FAIL  HTTPS {}: the key is the certificate's, which ended", over.0),
        ),
        (
            tls((&early.0, &early.1)),
            1,
            format!("FAIL  HTTPS {}: the key is the certificate's, which counts from", early.0),
        ),
        (
            tls((&soon.0, &over.1)),
            1,
            format!("FAIL  HTTPS {}: {} is not the key of the certificate", soon.0, over.1),
        ),
        (
            "--kafka-security-protocol SSL --kafka-ssl-ca /none".to_owned(),
            1,
            "FAIL  kafka: KAFKA_SSL_CA".to_owned(),
        ),
    ] {
        let (ended, out) = check(&broker, &arguments).await;
        assert!(ended == Some(status) && out.contains(&expected), "{arguments}: {expected} in\n{out}");
    }
}
