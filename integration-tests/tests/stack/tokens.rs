//! Callers that show tokens, whose keys are in a file or at an address.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use graviola::hashing::Sha256;
use graviola::signing::ecdsa::{P256, SigningKey};
use integration_tests::client::{Client, problem};
use integration_tests::stack::{Running, TestStack};
use integration_tests::{topics, wait};
use libtest_mimic::Trial;
use parking_lot::Mutex;
use serde_json::{Value, json};
use service::settings::JwtSettings;
use tls::throw_away::Authority;
use tls::{ClientCertificates, KeyPair, Server, ServerFiles};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::auth::{Scratch, line};
use crate::{Context, test};

pub(crate) fn tests(context: &Context) -> Vec<Trial> {
    vec![
        test("callers_are_known_by_tokens", context, tokens),
        test("new_keys_of_an_issuer_are_fetched_once_they_are_needed", context, fetched),
        test("keys_are_fetched_over_https_by_an_authority_of_ones_own", context, over_https),
        test("a_token_cannot_take_the_name_of_a_key", context, names),
    ]
}

/// Somebody who signs tokens.
struct Issuer {
    key: SigningKey<P256>,
    id: &'static str,
}

impl Issuer {
    fn new(id: &'static str) -> Result<Self> {
        let key = SigningKey::generate().ok().context("no randomness")?;
        Ok(Self { key, id })
    }

    /// What it publishes.
    fn keys(&self) -> Result<String> {
        let mut buffer = [0; 256];
        let spki = self.key.to_spki_der(&mut buffer).ok().context("too long")?;
        let (x, y) = spki[spki.len() - 64..].split_at(32);
        let encode = |bytes| URL_SAFE_NO_PAD.encode(bytes);
        let key = json!({ "kty": "EC", "crv": "P-256", "kid": self.id, "x": encode(x), "y": encode(y) });
        Ok(json!({ "keys": [key] }).to_string())
    }

    /// A token for `name`, good for `seconds` from now.
    fn token(&self, name: &str, scope: &str, seconds: i64) -> Result<String> {
        let now = i64::try_from(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs())?;
        let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let header = part(json!({ "alg": "ES256", "kid": self.id }));
        let claims = part(json!({
            "iss": "https://issuer.test", "aud": ["gateway"], "sub": name, "scope": scope, "exp": now + seconds,
        }));
        let signed = format!("{header}.{claims}");
        let mut buffer = [0; 64];
        let signature =
            self.key.sign::<Sha256>(&[signed.as_bytes()], &mut buffer).ok().context("not signed")?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

/// Tokens of the issuer whose keys are at this place.
fn settings(keys: impl ToString) -> JwtSettings {
    JwtSettings {
        issuer: "https://issuer.test".into(),
        audience: "gateway".into(),
        algorithms: vec!["ES256".into()],
        keys: keys.to_string(),
        keys_authorities: None,
        leeway: Duration::from_secs(1),
    }
}

fn start(stack: &TestStack, jwt: JwtSettings) -> Result<Running> {
    let mut settings = stack.gateway_settings();
    settings.callers.jwt = Some(jwt);
    stack.start_gateway(settings)
}

async fn call(client: &Client, token: &str) -> Result<reqwest::Response> {
    let request = client.http.post(format!("{}/hash", client.base)).json(&json!({ "data": "x" }));
    Ok(request.bearer_auth(token).send().await?)
}

async fn answers(gateway: &Running, token: &str) -> Result<()> {
    let client = gateway.client()?;
    wait::until_ok("an answer", async || {
        let answer = call(&client, token).await?;
        ensure!(answer.status() == 200, "{}", answer.text().await?);
        Ok(())
    })
    .await
}

async fn tokens(context: Context) -> Result<()> {
    let (stack, issuer) = (context.stack().await?, Issuer::new("one")?);
    let file = Scratch::new(&issuer.keys()?)?;
    let processor = stack.start_processor(stack.processor_settings())?;
    let gateway = start(&stack, settings(file.0.display()))?;
    processor.ready().await?;
    answers(&gateway, &issuer.token("alice", "hash", 300)?).await?;
    let written = topics::read_all(&stack.broker.kafka(), &stack.requests()).await?;
    let mut names = written.iter().map(|found| found.record.headers.get("x-caller"));
    ensure!(names.all(|name| name == Some(&b"alice".to_vec())));
    let client = gateway.client()?;
    let forged = Issuer::new("one")?.token("alice", "hash", 300)?;
    for (token, status, challenge) in [
        (forged, 401, "its signature is wrong"),
        (issuer.token("alice", "hash", -10)?, 401, "it is over"),
        ("no-token".to_owned(), 401, "it is neither a key nor a token"),
        (issuer.token("alice", "length", 300)?, 403, r#"scope="hash""#),
    ] {
        let answer = call(&client, &token).await?;
        let told = answer.headers().get("www-authenticate").context("no challenge")?.to_str()?.to_owned();
        ensure!(told.contains(challenge), "{told}");
        ensure!(problem(answer).await?.status == status);
    }
    Ok(())
}

/// Answers every connection with what is in `keys` now, and counts them.
struct Publisher {
    address: String,
    keys: Arc<Mutex<String>>,
    asked: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Publisher {
    async fn start(keys: String, tls: Option<TlsAcceptor>) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let (keys, asked) = (Arc::new(Mutex::new(keys)), Arc::new(AtomicUsize::new(0)));
        let (now, count) = (keys.clone(), asked.clone());
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                let body = now.lock().clone();
                // One that breaks off is the test's to notice.
                let _ = match &tls {
                    None => answer(stream, &body).await,
                    Some(tls) => match tls.accept(stream).await {
                        Ok(stream) => answer(stream, &body).await,
                        Err(error) => Err(error.into()),
                    },
                };
            }
        });
        Ok(Self { address: format!("{scheme}://localhost:{port}/keys"), keys, asked, task })
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin, body: &str) -> Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    Ok(stream.shutdown().await?)
}

async fn fetched(context: Context) -> Result<()> {
    let (stack, old, new) = (context.stack().await?, Issuer::new("old")?, Issuer::new("new")?);
    let publisher = Publisher::start(old.keys()?, None).await?;
    let processor = stack.start_processor(stack.processor_settings())?;
    let gateway = start(&stack, settings(&publisher.address))?;
    processor.ready().await?;
    gateway.ready().await?;
    answers(&gateway, &old.token("alice", "hash", 300)?).await?;
    ensure!(publisher.asked() == 1);

    // The first token with a new key is answered, by fetching the keys once.
    *publisher.keys.lock() = new.keys()?;
    let client = gateway.client()?;
    let token = new.token("alice", "hash", 300)?;
    let together = futures::future::join_all((0..5).map(|_| call(&client, &token))).await;
    for answer in together {
        ensure!(answer?.status() == 200);
    }
    ensure!(publisher.asked() == 2);
    // And the old one counts no more: however often it is shown, nobody asks again within a minute.
    for _ in 0..5 {
        ensure!(call(&client, &old.token("alice", "hash", 300)?).await?.status() == 401);
    }
    ensure!(publisher.asked() == 2);
    Ok(())
}

async fn over_https(context: Context) -> Result<()> {
    let (stack, issuer, authority) = (context.stack().await?, Issuer::new("one")?, Authority::new("issuers"));
    let issued = authority.issue("issuer", &["localhost"]);
    let (certificate, key) = (Scratch::new(&issued.certificate)?, Scratch::new(&issued.key)?);
    let identity = KeyPair { certificate: certificate.0.to_path_buf(), key: key.0.to_path_buf() };
    let server = Server::load(ServerFiles { identity, clients: ClientCertificates::NotAsked })?;
    let acceptor = TlsAcceptor::from(Arc::new(server.config()?));
    let publisher = Publisher::start(issuer.keys()?, Some(acceptor)).await?;
    let processor = stack.start_processor(stack.processor_settings())?;
    let (trusted, other) = (Scratch::new(authority.certificate())?, Authority::new("others"));
    let mistrusted = Scratch::new(other.certificate())?;
    let by = |file: &Scratch| JwtSettings {
        keys_authorities: Some(file.0.to_path_buf()),
        ..settings(&publisher.address)
    };
    let gateway = start(&stack, by(&trusted))?;
    let wary = start(&stack, by(&mistrusted))?;
    processor.ready().await?;
    let token = issuer.token("alice", "hash", 300)?;
    answers(&gateway, &token).await?;
    // Who has no keys cannot say that a token is wrong.
    let answer = call(&wary.client()?, &token).await?;
    ensure!(answer.headers().get("retry-after").is_some_and(|seconds| seconds == "2"), "{answer:?}");
    let refused = problem(answer).await?;
    ensure!((refused.status, refused.code.as_str()) == (503, "keys_unavailable"), "{refused:?}");
    ensure!(call(&wary.client()?, "no-token").await?.status() == 401);
    let (status, report) = Client::new(wary.management_port)?.get("/health/ready").await?;
    let report: Value = serde_json::from_str(&report)?;
    let waits_for = report["waiting_for"].as_array().context("no list")?;
    ensure!(status == 503 && waits_for.contains(&json!("keys of tokens")), "{report}");
    let error = report["keys_of_tokens"]["last_error"].as_str().unwrap_or_default();
    ensure!(report["keys_of_tokens"]["count"] == 0 && error.contains("certificate"), "{report}");
    Ok(())
}

async fn names(context: Context) -> Result<()> {
    let (stack, issuer) = (context.stack().await?, Issuer::new("one")?);
    let (keys, file) = (Scratch::new(&issuer.keys()?)?, Scratch::new(&line("alice", "alices-key", "hash"))?);
    let processor = stack.start_processor(stack.processor_settings())?;
    let mut settings_of_both = stack.gateway_settings();
    settings_of_both.callers.jwt = Some(settings(keys.0.display()));
    settings_of_both.callers.api_keys_file = Some(file.0.to_path_buf());
    let gateway = stack.start_gateway(settings_of_both)?;
    processor.ready().await?;
    answers(&gateway, "alices-key").await?;
    answers(&gateway, &issuer.token("bob", "hash", 300)?).await?;
    let refused = call(&gateway.client()?, &issuer.token("alice", "hash", 300)?).await?;
    ensure!(refused.status() == 401);
    Ok(())
}
