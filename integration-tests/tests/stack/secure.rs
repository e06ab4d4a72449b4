//! Apache Kafka behind TLS, logins and access control: the main job with the least rights, sessions that end, and what is
//! wrong, named.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use integration_tests::broker::Choice;
use integration_tests::client::Client;
use integration_tests::secure::{Action, GATEWAY, On, Rule, SESSION, SecureKafka, WORKER, least_named};
use integration_tests::stack::TestStack;
use integration_tests::{topics, wait};
use libtest_mimic::Trial;
use rskafka::client::partition::OffsetAt;
use service::settings::{KafkaLogin, KafkaSecurity, PasswordMechanism, Secret, SecretSource};

use crate::{Context, test};

const SCRAM: PasswordMechanism = PasswordMechanism::ScramSha512;

/// What is wrong is named within this time.
const NAMED_WITHIN: Duration = Duration::from_secs(5);

pub(crate) fn tests(context: &Context) -> Vec<Trial> {
    if Choice::from_environment() != Choice::Container {
        return Vec::new();
    }
    vec![
        test(
            "the_least_rights_are_enough_and_sessions_are_renewed_without_a_failed_request",
            context,
            main_job,
        ),
        test("whoever_cannot_reach_a_secured_broker_is_told_why", context, named),
        test("each_mechanism_logs_in_on_our_own_connections_and_on_those_of_rskafka", context, mechanisms),
    ]
}

async fn main_job(_: Context) -> Result<()> {
    let kafka = SecureKafka::start(&[GATEWAY, WORKER]).await?;
    let stack = TestStack::new(kafka.secure());
    make_topics(&kafka, &stack).await?;
    grant_the_least(&kafka, &stack).await?;

    let mut settings = stack.processor_settings();
    settings.kafka.security = kafka.login(PasswordMechanism::ScramSha256, WORKER);
    settings.kafka.create_topics = false;
    let processor = stack.start_processor(settings)?;
    let mut settings = stack.gateway_settings();
    settings.kafka.security = kafka.login(SCRAM, GATEWAY);
    settings.kafka.create_topics = false;
    let gateway = stack.start_gateway(settings)?;
    processor.ready().await?;
    gateway.answering().await?;

    let client = gateway.client()?;
    client.hash(&"x".repeat(500_000)).await.context("a large body")?;
    let begin = Instant::now();
    let mut answered = 0_u32;
    while begin.elapsed() < SESSION * 4 {
        client.hash(&format!("request {answered}")).await.with_context(|| format!("request {answered}"))?;
        answered += 1;
    }
    ensure!(answered > 100, "only {answered} requests in {:?}", begin.elapsed());

    let text = topics::record(Some("no request"), Some(b"hello"), &[]);
    topics::write(&kafka.kafka(), &stack.requests(), 0, vec![text]).await?;
    wait::until_ok("the dead letter", async || {
        let letters = topics::read_all(&kafka.kafka(), &stack.dead_letters()).await?;
        ensure!(letters.len() == 1, "there are {}", letters.len());
        anyhow::Ok(())
    })
    .await?;
    gateway.stop(Duration::from_secs(20)).await?;
    processor.stop(Duration::from_secs(20)).await
}

async fn named(_: Context) -> Result<()> {
    let kafka = SecureKafka::start(&[GATEWAY, WORKER]).await?;
    let stack = TestStack::new(kafka.secure());
    make_topics(&kafka, &stack).await?;
    grant_the_least(&kafka, &stack).await?;
    let good = kafka.login(SCRAM, GATEWAY);

    let mut wrong_password = good.clone();
    wrong_password.login = Some(KafkaLogin::Password {
        mechanism: SCRAM,
        username: GATEWAY.to_owned(),
        password: SecretSource::Given(Secret::new("a slip".to_owned())),
    });
    let mut unknown_authority = good.clone();
    if let Some(tls) = &mut unknown_authority.tls {
        tls.authorities = Some(kafka.file("other-ca.pem"));
    }
    let no_tls = KafkaSecurity { tls: None, ..good.clone() };
    let no_login = KafkaSecurity { login: None, ..good.clone() };
    // The certificate is for another name.
    let elsewhere = kafka.secure_at("127.0.0.1");
    let (secure, internal) = (kafka.secure_at("localhost"), kafka.internal().bootstrap().to_owned());
    let stranger = kafka.login(SCRAM, WORKER);

    for (what, broker, security, expected) in [
        (
            "a wrong password",
            &secure,
            &wrong_password,
            "invalid credentials with SASL mechanism SCRAM-SHA-512",
        ),
        ("an unknown authority", &secure, &unknown_authority, "see KAFKA_SSL_CA"),
        ("another name", &elsewhere, &good, "for another name"),
        ("no TLS", &secure, &no_tls, "KAFKA_SECURITY_PROTOCOL"),
        ("no login", &secure, &no_login, "KAFKA_SECURITY_PROTOCOL"),
        ("TLS where there is none", &internal, &good, "no TLS with"),
        ("a missing right", &secure, &stranger, "TopicAuthorizationFailed"),
        ("somebody else's rights", &secure, &stranger, "not allowed: Write on topic"),
    ] {
        let mut settings = stack.gateway_settings();
        settings.kafka.brokers = vec![broker.clone()];
        settings.kafka.security = security.clone();
        settings.kafka.create_topics = false;
        if what == "a missing right" {
            settings.kafka.request_topic = "a-topic-of-others".to_owned();
        }
        let gateway = stack.start_gateway(settings)?;
        let begin = Instant::now();
        let health = Client::new(gateway.management_port)?;
        wait::until_ok(what, async || {
            let (status, page) = health.get("/health/ready").await?;
            ensure!(status == 503 && page.contains(expected), "{status} {page}");
            anyhow::Ok(())
        })
        .await?;
        ensure!(begin.elapsed() < NAMED_WITHIN, "{what} was named after {:?}", begin.elapsed());
        gateway.stop(Duration::from_secs(20)).await.with_context(|| what.to_owned())?;
    }
    Ok(())
}

async fn mechanisms(_: Context) -> Result<()> {
    let kafka = SecureKafka::start(&[GATEWAY]).await?;
    let stack = TestStack::new(kafka.secure());
    make_topics(&kafka, &stack).await?;
    kafka.grant(&[rule(GATEWAY, Action::Read, On::Topic(&stack.requests()))]).await?;

    let token = kafka.file("token");
    let by_token =
        KafkaSecurity { login: Some(KafkaLogin::TokenFile(token.clone())), ..kafka.login(SCRAM, GATEWAY) };
    for (mechanism, security) in [
        ("PLAIN", kafka.login(PasswordMechanism::Plain, GATEWAY)),
        ("SCRAM-SHA-256", kafka.login(PasswordMechanism::ScramSha256, GATEWAY)),
        ("SCRAM-SHA-512", kafka.login(PasswordMechanism::ScramSha512, GATEWAY)),
        ("OAUTHBEARER", by_token),
    ] {
        std::fs::write(&token, unsigned_token(GATEWAY))?;
        let mut settings = stack.gateway_settings().kafka;
        settings.security = security;
        let client = kafka::Kafka::new(connect::config(&settings)?);
        // Asks over a connection of our own first.
        let partition = client.connect(&stack.requests(), 0).await.with_context(|| mechanism.to_owned())?;
        let begin = Instant::now();
        let mut asked = 0_u32;
        while begin.elapsed() < SESSION + SESSION / 2 {
            std::fs::write(&token, unsigned_token(GATEWAY))?;
            let end = partition.get_offset(OffsetAt::Latest).await;
            end.with_context(|| format!("{mechanism}, question {asked} after {:?}", begin.elapsed()))?;
            asked += 1;
        }
    }
    Ok(())
}

/// A token as a broker takes it that verifies none.
fn unsigned_token(user: &str) -> String {
    use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
    let now = chrono::Utc::now().timestamp();
    let claims = serde_json::json!({ "sub": user, "iat": now, "exp": now + 3600 });
    let header = serde_json::json!({ "alg": "none" });
    format!("{}.{}.", BASE64.encode(header.to_string()), BASE64.encode(claims.to_string()))
}

async fn make_topics(kafka: &SecureKafka, stack: &TestStack) -> Result<()> {
    for (topic, partitions) in [(stack.requests(), 3), (stack.responses(), 3), (stack.dead_letters(), 1)] {
        topics::create(&kafka.kafka(), &topic, partitions).await?;
    }
    Ok(())
}

/// The least that gateway and worker need, under this stack's names.
async fn grant_the_least(kafka: &SecureKafka, stack: &TestStack) -> Result<()> {
    let names = [
        ("hash_requests", stack.requests()),
        ("hash_responses", stack.responses()),
        ("hash_requests.dlq", stack.dead_letters()),
        ("service_1", stack.gateway_group()),
        ("service_2", stack.worker_group()),
    ];
    kafka.grant(&least_named(&names)?).await
}

fn rule<'a>(user: &'a str, action: Action, on: On<'a>) -> Rule<'a> {
    Rule { user, action, on }
}
