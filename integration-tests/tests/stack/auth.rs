//! Who may call, and that nothing tells what they know them by.

use std::io::Write as _;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use integration_tests::client::{Client, problem};
use integration_tests::process::{Environment, Process, Program};
use integration_tests::stack::{Running, TestStack};
use integration_tests::{topics, wait};
use libtest_mimic::Trial;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tempfile::{NamedTempFile, TempPath};

use crate::{Context, test};

pub(crate) const ALICE: &str = "agw_alices-key-that-nobody-may-see";
pub(crate) const BOB: &str = "agw_bobs-key-that-nobody-may-see";
/// A set of keys of tokens.
pub(crate) const KEYS: &str =
    r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
const STRANGER: &str = "agw_a-strangers-key-that-nobody-may-see";

pub(crate) fn tests(context: &Context) -> Vec<Trial> {
    vec![
        test("callers_are_known_by_api_keys", context, api_keys),
        test("who_calls_is_asked_before_the_body_is_looked_at", context, order),
        test("a_callers_name_goes_along_and_cannot_be_forged", context, name_goes_along),
        test("no_secret_is_shown_anywhere_in_a_whole_run", context, secrets),
    ]
}

/// A file that goes with the test.
pub(crate) struct Scratch(pub(crate) TempPath);

impl Scratch {
    pub(crate) fn new(text: &str) -> Result<Self> {
        let mut file = NamedTempFile::new()?;
        file.write_all(text.as_bytes())?;
        Ok(Self(file.into_temp_path()))
    }
}

/// A line of the file of keys.
pub(crate) fn line(name: &str, key: &str, scopes: &str) -> String {
    format!("{name} {} {scopes}\n", hex::encode(Sha256::digest(key)))
}

/// One call with these headers.
pub(crate) async fn call(client: &Client, headers: &[(&str, &str)]) -> Result<reqwest::Response> {
    let mut request = client.http.post(format!("{}/hash", client.base)).json(&json!({ "data": "x" }));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    Ok(request.send().await?)
}

async fn api_keys(context: Context) -> Result<()> {
    let stack = context.stack().await?;
    let file = Scratch::new(&(line("alice", ALICE, "hash") + &line("bob", BOB, "length")))?;
    let processor = stack.start_processor(stack.processor_settings())?;
    let gateway = guarded(&stack, &file)?;
    let client = gateway.client()?;
    processor.ready().await?;
    gateway.ready().await?;
    let bearer = format!("Bearer {ALICE}");
    wait::until_ok("an answer", async || {
        let status = call(&client, &[("authorization", &bearer)]).await?.status();
        ensure!(status == 200, "{status}");
        Ok(())
    })
    .await?;
    ensure!(call(&client, &[("x-api-key", ALICE)]).await?.status() == 200);

    let wrong = format!("Bearer {STRANGER}");
    for (headers, status, code, challenge) in [
        (vec![], 401, "unauthenticated", r#"Bearer realm="api-gateway""#),
        (vec![("authorization", wrong.as_str())], 401, "unauthenticated", r#"error="invalid_token""#),
        (vec![("authorization", "Basic eDp5")], 401, "unauthenticated", r#"error="invalid_request""#),
        (vec![("x-api-key", BOB)], 403, "forbidden", r#"error="insufficient_scope", scope="hash""#),
    ] {
        let answer = call(&client, &headers).await?;
        let challenged = answer.headers().get("www-authenticate").cloned().context("no challenge")?;
        ensure!(challenged.to_str()?.contains(challenge), "{challenged:?}");
        let refused = problem(answer).await?;
        ensure!((refused.status, refused.code.as_str()) == (status, code), "{refused:?}");
    }
    let (status, document) = client.get("/openapi.json").await?;
    ensure!(status == 200 && document.contains("securitySchemes"), "the description is for everybody");
    Ok(())
}

/// A gateway that asks for the keys in `file`.
pub(crate) fn guarded(stack: &TestStack, file: &Scratch) -> Result<Running> {
    let mut settings = stack.gateway_settings();
    settings.callers.api_keys_file = Some(file.0.to_path_buf());
    stack.start_gateway(settings)
}

async fn order(context: Context) -> Result<()> {
    let stack = context.stack().await?;
    let file = Scratch::new(&line("alice", ALICE, "hash"))?;
    let gateway = guarded(&stack, &file)?;
    let client = gateway.client()?;
    let post = |path: &str| client.http.post(format!("{}{path}", client.base)).body("no JSON");
    ensure!(post("/nothing").send().await?.status() == 404);
    ensure!(client.http.get(format!("{}/hash", client.base)).send().await?.status() == 405);
    ensure!(post("/hash").send().await?.status() == 401);
    ensure!(post("/hash").header("x-api-key", ALICE).send().await?.status() == 415);
    Ok(())
}

async fn name_goes_along(context: Context) -> Result<()> {
    let stack = context.stack().await?;
    let file = Scratch::new(&line("alice", ALICE, "hash"))?;
    let processor = stack.start_processor(stack.processor_settings())?;
    let gateway = guarded(&stack, &file)?;
    processor.ready().await?;
    let client = gateway.client()?;
    wait::until_ok("an answer", async || {
        let answer = call(&client, &[("x-api-key", ALICE), ("x-caller", "mallory")]).await?;
        ensure!(answer.status() == 200, "{}", answer.status());
        Ok(())
    })
    .await?;
    let written = topics::read_all(&stack.broker.kafka(), &stack.requests()).await?;
    let callers: Vec<_> = written.iter().map(|found| found.record.headers.get("x-caller")).collect();
    ensure!(
        !callers.is_empty() && callers.iter().all(|name| *name == Some(&b"alice".to_vec())),
        "{callers:?}"
    );
    ensure!(!written.iter().any(|found| holds_secret(&format!("{:?}", found.record))), "a key was written");

    // A gateway that asks nobody writes no name, whatever is sent.
    let open = stack.start_gateway(stack.gateway_settings())?;
    open.answering().await?;
    let client = open.client()?;
    ensure!(call(&client, &[("x-api-key", ALICE), ("x-caller", "mallory")]).await?.status() == 200);
    let written = topics::read_all(&stack.broker.kafka(), &stack.requests()).await?;
    let mut names = written.iter().filter_map(|found| found.record.headers.get("x-caller"));
    ensure!(names.all(|name| name == b"alice"));
    Ok(())
}

/// Everything that is secret here is recognized by this.
pub(crate) fn holds_secret(text: &str) -> bool {
    text.contains("that-nobody-may-see")
}

async fn secrets(context: Context) -> Result<()> {
    let stack = context.stack().await?;
    let file = Scratch::new(&line("alice", ALICE, "hash"))?;
    let keys = Scratch::new(KEYS)?;
    let gateway = gateway_environment(&stack, &file, &keys);
    let worker = environment(&stack).with("SERVICE_2_MANAGEMENT_PORT", 0);
    let mut processes = [
        Process::start(Program::Gateway, &gateway.pairs())?,
        Process::start(Program::Processor, &worker.pairs())?,
    ];
    let client = Client::at(&processes[0].listening().await?)?;
    let mut seen = Vec::new();
    wait::until_ok("an answer", async || {
        let answer = call(&client, &[("x-api-key", ALICE)]).await?;
        ensure!(answer.status() == 200, "{}", answer.text().await?);
        Ok(())
    })
    .await?;
    // A token whose last part is the secret.
    let token = "eyJhbGciOiJFUzI1NiJ9.e30.that-nobody-may-see";
    for secret in [ALICE, STRANGER, token] {
        for headers in [("x-api-key", secret.to_owned()), ("authorization", format!("Bearer {secret}"))] {
            let answer = call(&client, &[(headers.0, &headers.1)]).await?;
            seen.push(format!("{:?} {}", answer.headers().clone(), answer.text().await?));
        }
    }
    // A line of the file that is wrong holds the key itself, and is read while the gateway runs.
    std::fs::write(&file.0, format!("alice {ALICE} hash"))?;
    wait::until_ok("the broken file was seen", async || {
        ensure!(processes[0].log().contains("cannot be read again"), "{}", processes[0].log());
        Ok(())
    })
    .await?;
    for process in &processes {
        let management = Client::at(&process.management().await?)?;
        for path in ["/info", "/metrics", "/health/ready", "/health/live"] {
            seen.push(management.get(path).await?.1);
        }
    }
    seen.push(client.get("/openapi.json").await?.1);
    for process in &mut processes {
        process.terminate().await?;
        seen.push(process.log());
    }
    for program in [env!("CARGO_BIN_EXE_test-gateway"), env!("CARGO_BIN_EXE_test-processor")] {
        let help = Command::new(program).arg("--help").env_clear().envs(gateway.pairs()).output()?;
        ensure!(help.status.success() && !help.stdout.is_empty());
        seen.push(String::from_utf8(help.stdout)? + &String::from_utf8(help.stderr)?);
    }
    ensure!(seen.iter().any(|text| text.contains("alice")), "the caller's name is in the log");
    for text in &seen {
        ensure!(!holds_secret(text), "a secret is shown in:\n{text}");
    }
    Ok(())
}

/// What both services are told in a run that says as much as it can.
fn environment(stack: &TestStack) -> Environment {
    Environment::default()
        .with("KAFKA_BROKERS", stack.broker.addresses().join(","))
        .with("KAFKA_REQUEST_TOPIC", stack.requests())
        .with("KAFKA_RESPONSE_TOPIC", stack.responses())
        .with("SERVICE_1_GROUP_ID", stack.gateway_group())
        .with("SERVICE_2_GROUP_ID", stack.worker_group())
        .with("RUST_LOG", "trace")
}

/// The same for a gateway that knows callers by API keys and by tokens.
pub(crate) fn gateway_environment(
    stack: &TestStack,
    keys: &Scratch,
    keys_of_tokens: &Scratch,
) -> Environment {
    environment(stack)
        .with("SERVICE_1_JWT_ISSUER", "https://issuer.test")
        .with("SERVICE_1_JWT_AUDIENCE", "gateway")
        .with("SERVICE_1_JWKS", keys_of_tokens.0.display())
        .with("SERVICE_1_HOST", "127.0.0.1")
        .with("SERVICE_1_PORT", 0)
        .with("SERVICE_1_MANAGEMENT_PORT", 0)
        .with("SERVICE_1_API_KEYS_FILE", keys.0.display())
}
