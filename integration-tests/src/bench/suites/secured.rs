//! Suite `secured`: what TLS and logins cost with one request in flight, on one Apache Kafka that has a listener without
//! and one with them, both in the same container.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use tls::rustls::ClientConfig;
use tls::throw_away::Authority;
use tls::{Authorities, ClientFiles, client_config};
use uuid::Uuid;

use crate::bench::caller::Access;
use crate::bench::comparison::Comparison;
use crate::bench::rounds::{Contender, compare};
use crate::bench::session::Session;
use crate::bench::stack::{Layout, Stack};
use crate::secure::{self, Rule, SecureKafka, least_named};
use crate::topics;

/// The series without anything.
pub const OPEN: &str = "PLAINTEXT, HTTP";
/// The series with TLS and a login at Kafka.
pub const SASL_SSL: &str = "SASL_SSL, HTTP";
/// The series with both, and HTTPS and an API key at the gateway.
pub const ALL: &str = "SASL_SSL, HTTPS, API key";
/// Turns of one round.
pub const TURNS: usize = 3;

/// Gateway and worker log in as one user, which may do what both may.
const USER: &str = "bench";
/// Longer than any measurement, as sessions of hours are: what their renewal costs is not asked here.
const SESSION: Duration = Duration::from_secs(3600);
const PARTITIONS: i32 = 3;

/// Certificate, key and file of API keys of a gateway, in a folder that goes with this.
struct Https {
    folder: TempDir,
    api_key: String,
}

impl Https {
    fn new() -> Result<Self> {
        let https = Self { folder: TempDir::new()?, api_key: Uuid::new_v4().simple().to_string() };
        let authority = Authority::new("an authority of the bench");
        let issued = authority.issue("gateway", &["localhost"]);
        let keys = format!("bench {} hash\n", hex::encode(Sha256::digest(&https.api_key)));
        for (name, content) in [
            ("ca.pem", authority.certificate()),
            ("tls.crt", issued.certificate.as_str()),
            ("tls.key", issued.key.as_str()),
            ("keys", keys.as_str()),
        ] {
            std::fs::write(https.folder.path().join(name), content)?;
        }
        Ok(https)
    }

    fn settings(&self) -> Vec<(String, String)> {
        let file = |name: &str| self.folder.path().join(name).display().to_string();
        vec![
            ("SERVICE_1_TLS_CERT".to_owned(), file("tls.crt")),
            ("SERVICE_1_TLS_KEY".to_owned(), file("tls.key")),
            ("SERVICE_1_API_KEYS_FILE".to_owned(), file("keys")),
        ]
    }

    fn access(&self) -> Result<Access> {
        let authorities = Authorities::File(self.folder.path().join("ca.pem"));
        let mut config = ClientConfig::clone(&*client_config(&ClientFiles { authorities, identity: None })?);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Access { api_key: Some(self.api_key.clone()), https: Some(Arc::new(config)) })
    }
}

/// Measures the three in turns.
///
/// # Errors
/// There is no Docker engine, or something does not start.
pub async fn measure(session: &Session<'_>) -> Result<Comparison> {
    let kafka = SecureKafka::with_sessions(&[USER], SESSION).await?;
    let https = Https::new()?;
    let open = start(session, &kafka, OPEN, Vec::new(), Access::default()).await?;
    let login = login(&kafka);
    let secured = start(session, &kafka, SASL_SSL, login.clone(), Access::default()).await?;
    let both = [login, https.settings()].concat();
    let all = start(session, &kafka, ALL, both, https.access()?).await?;
    let targets = [open.target(OPEN), secured.target(SASL_SSL), all.target(ALL)];
    let contenders: Vec<_> = targets.iter().map(Contender::Http).collect();
    let load = session.load(1, session.options.payload);
    Ok(compare("secured, 1 in flight", &contenders, &load, session.options.rounds).await)
}

async fn start(
    session: &Session<'_>,
    kafka: &SecureKafka,
    series: &str,
    settings: Vec<(String, String)>,
    access: Access,
) -> Result<Stack> {
    let name = format!("bench-{}", Uuid::new_v4().simple());
    for topic in Stack::topics(&name) {
        topics::create(&kafka.kafka(), &topic, PARTITIONS).await?;
    }
    let broker = if settings.is_empty() { kafka.internal() } else { kafka.secure() };
    if !settings.is_empty() {
        grant(kafka, &name).await?;
    }
    let settings = [session.options.set.clone(), settings].concat();
    let layout = Layout { gateways: 1, workers: 1, programs: session.programs(), settings, access };
    Stack::start(&name, broker.bootstrap(), &layout).await.context(series.to_owned())
}

fn login(kafka: &SecureKafka) -> Vec<(String, String)> {
    [
        ("KAFKA_SECURITY_PROTOCOL", "SASL_SSL".to_owned()),
        ("KAFKA_SSL_CA", kafka.file("ca.pem").display().to_string()),
        ("KAFKA_SASL_MECHANISM", "SCRAM-SHA-512".to_owned()),
        ("KAFKA_SASL_USERNAME", USER.to_owned()),
        ("KAFKA_SASL_PASSWORD", secure::password(USER)),
        ("KAFKA_CREATE_TOPICS", "false".to_owned()),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .to_vec()
}

/// The least rights, under the names of this stack.
async fn grant(kafka: &SecureKafka, name: &str) -> Result<()> {
    let [requests, responses, dead_letters] = Stack::topics(name);
    let [gateways, workers] = Stack::groups(name);
    let names = [
        ("hash_requests", requests),
        ("hash_responses", responses),
        ("hash_requests.dlq", dead_letters),
        ("service_1", gateways),
        ("service_2", workers),
    ];
    let rules: Vec<_> = least_named(&names)?.into_iter().map(|rule| Rule { user: USER, ..rule }).collect();
    kafka.grant(&rules).await
}
