//! HTTPS on the gateway: versions, protocols, certificates that change, clients that have to show theirs.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::{http1, http2};
use hyper::{Request, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use integration_tests::stack::{Running, TestStack};
use integration_tests::{client::Client, wait};
use libtest_mimic::Trial;
use service::settings::HttpsSettings;
use tempfile::TempDir;
use tls::rustls::pki_types::ServerName;
use tls::rustls::{self, ClientConfig, SupportedProtocolVersion};
use tls::throw_away::{Authority, Issued};
use tls::{Authorities, ClientFiles, KeyPair, client_config};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::{Context, test};

/// Longest that one call may take: more than the gateway gives a request.
const CALL_LIMIT: Duration = Duration::from_secs(15);

const HELLO: &str = "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9";

pub(crate) fn tests(context: &Context) -> Vec<Trial> {
    vec![
        test("both_versions_of_tls_and_of_http_are_served", context, versions),
        test("the_port_for_https_takes_nothing_plain_and_the_management_port_does", context, plain),
        test("a_new_certificate_is_shown_without_dropping_connections", context, new_certificate),
        test("clients_may_have_to_show_a_certificate", context, client_certificates),
        test("a_gateway_with_the_wrong_key_does_not_start", context, wrong_key),
        test("clients_that_say_nothing_keep_nobody_out_and_are_dropped", context, silent_clients),
    ]
}

/// Certificates in a folder that goes with the test.
pub(crate) struct Files {
    folder: TempDir,
    authority: Authority,
}

impl Files {
    pub(crate) fn new() -> Result<Self> {
        let folder = TempDir::new()?;
        let authority = Authority::new("test authority");
        std::fs::write(folder.path().join("ca.crt"), authority.certificate())?;
        Ok(Self { folder, authority })
    }

    fn put(&self, name: &str, issued: &Issued) -> Result<KeyPair> {
        let pair = KeyPair {
            certificate: self.folder.path().join(format!("{name}.crt")),
            key: self.folder.path().join(format!("{name}.key")),
        };
        std::fs::write(&pair.certificate, &issued.certificate)?;
        std::fs::write(&pair.key, &issued.key)?;
        Ok(pair)
    }

    fn ca(&self) -> PathBuf {
        self.folder.path().join("ca.crt")
    }

    /// Settings of a gateway with a certificate of its own.
    pub(crate) fn settings(&self) -> Result<HttpsSettings> {
        let pair = self.put("gateway", &self.authority.issue("gateway", &["localhost"]))?;
        Ok(HttpsSettings {
            certificate: pair.certificate,
            key: pair.key,
            client_authorities: None,
            client_certificate_required: true,
        })
    }

    pub(crate) fn client(&self, identity: Option<KeyPair>) -> Result<ClientConfig> {
        let files = ClientFiles { authorities: Authorities::File(self.ca()), identity };
        Ok(ClientConfig::clone(&*client_config(&files)?))
    }
}

pub(crate) async fn start(stack: &TestStack, https: HttpsSettings) -> Result<Running> {
    let mut settings = stack.gateway_settings();
    settings.https = Some(https);
    let gateway = stack.start_gateway(settings)?;
    gateway.ready().await?;
    Ok(gateway)
}

pub(crate) async fn connect(
    port: u16,
    mut config: ClientConfig,
    protocol: &[u8],
) -> Result<TlsStream<TcpStream>> {
    config.alpn_protocols = vec![protocol.to_vec()];
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let name = ServerName::try_from("localhost")?;
    Ok(TlsConnector::from(Arc::new(config)).connect(name, stream).await?)
}

fn request() -> Result<Request<Full<Bytes>>> {
    let request = Request::post("https://localhost/hash").header("content-type", "application/json");
    Ok(request
        .header("host", "localhost")
        .body(Full::new(Bytes::from_static(br#"{"data":"hello world"}"#)))?)
}

async fn is_right(answer: hyper::Response<hyper::body::Incoming>) -> Result<()> {
    let status = answer.status();
    let body = answer.into_body().collect().await?.to_bytes();
    let body = String::from_utf8_lossy(&body);
    ensure!(status == StatusCode::OK && body.contains(HELLO), "{status}: {body}");
    Ok(())
}

/// A connection on which one request follows the other.
async fn over_http1(stream: TlsStream<TcpStream>) -> Result<http1::SendRequest<Full<Bytes>>> {
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}

/// One whole call on a connection of its own. One that gets no end is an error as well.
async fn call(port: u16, config: ClientConfig) -> Result<()> {
    let answer = async {
        let mut sender = over_http1(connect(port, config, b"http/1.1").await?).await?;
        is_right(sender.send_request(request()?).await?).await
    };
    timeout(CALL_LIMIT, answer).await.context("neither an answer nor an error")?
}

async fn versions(context: Context) -> Result<()> {
    let (stack, files) = (context.stack().await?, Files::new()?);
    let processor = stack.start_processor(stack.processor_settings())?;
    let gateway = start(&stack, files.settings()?).await?;
    processor.ready().await?;
    wait::until_ok("an answer", async || call(gateway.port, files.client(None)?).await).await?;
    let both: [&'static SupportedProtocolVersion; 2] = [&rustls::version::TLS12, &rustls::version::TLS13];
    for version in both {
        let config = || -> Result<ClientConfig> {
            let roots = rustls::RootCertStore::from_iter(roots(&files)?);
            Ok(ClientConfig::builder_with_provider(tls::provider()?)
                .with_protocol_versions(&[version])?
                .with_root_certificates(roots)
                .with_no_client_auth())
        };
        call(gateway.port, config()?).await?;
        let stream = connect(gateway.port, config()?, b"h2").await?;
        ensure!(stream.get_ref().1.alpn_protocol() == Some(&b"h2"[..]));
        ensure!(stream.get_ref().1.protocol_version() == Some(version.version));
        let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        // Side by side on one connection.
        let answers = futures::future::join_all((0..20).map(|_| {
            let sent = request().map(|request| sender.send_request(request));
            async move { is_right(sent?.await?).await }
        }));
        for answer in answers.await {
            answer?;
        }
    }
    Ok(())
}

fn roots(files: &Files) -> Result<Vec<rustls::pki_types::TrustAnchor<'static>>> {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject as _;
    let mut store = rustls::RootCertStore::empty();
    store.add(CertificateDer::from_pem_slice(files.authority.certificate().as_bytes())?)?;
    Ok(store.roots)
}

async fn plain(context: Context) -> Result<()> {
    let (stack, files) = (context.stack().await?, Files::new()?);
    let gateway = start(&stack, files.settings()?).await?;
    ensure!(Client::new(gateway.port)?.get("/openapi.json").await.is_err(), "plain HTTP was answered");
    ensure!(Client::new(gateway.management_port)?.get("/health/live").await?.0 == 200);
    // Nobody else was harmed.
    let mut sender = over_http1(connect(gateway.port, files.client(None)?, b"http/1.1").await?).await?;
    let get = Request::get("/openapi.json").header("host", "localhost").body(Full::default())?;
    ensure!(sender.send_request(get).await?.status() == 200);
    Ok(())
}

async fn new_certificate(context: Context) -> Result<()> {
    let (stack, files) = (context.stack().await?, Files::new()?);
    let processor = stack.start_processor(stack.processor_settings())?;
    let gateway = start(&stack, files.settings()?).await?;
    processor.ready().await?;
    wait::until_ok("an answer", async || call(gateway.port, files.client(None)?).await).await?;
    // A client of its own each time, so that no session is resumed.
    let shown = async || {
        let stream = connect(gateway.port, files.client(None)?, b"http/1.1").await?;
        let certificates = stream.get_ref().1.peer_certificates().context("none was shown")?;
        anyhow::Ok((certificates[0].to_vec(), stream))
    };
    let (before, stream) = shown().await?;
    let mut kept = over_http1(stream).await?;
    is_right(kept.send_request(request()?).await?).await?;
    let now = DateTime::from_timestamp(Utc::now().timestamp(), 0).context("no such time")?;
    let end = now + TimeDelta::days(10);
    ensure!(ends_at(&gateway).await? > end);
    let issued = files.authority.issue_between("gateway", &["localhost"], now - TimeDelta::days(1), end);
    files.put("gateway", &issued)?;
    wait::until_ok("the new certificate", async || {
        ensure!(shown().await?.0 != before);
        Ok(())
    })
    .await?;
    ensure!(ends_at(&gateway).await? == end, "the metric is the old one's");
    is_right(kept.send_request(request()?).await?).await?;
    call(gateway.port, files.client(None)?).await
}

/// When the certificate ends that the gateway says that it shows.
async fn ends_at(gateway: &Running) -> Result<DateTime<Utc>> {
    let shown = gateway.metric("gateway_certificate_expiry_timestamp_seconds").await?;
    #[expect(clippy::cast_possible_truncation, reason = "whole seconds")]
    DateTime::from_timestamp(shown as i64, 0).context("no such time")
}

async fn client_certificates(context: Context) -> Result<()> {
    let (stack, files, strangers) = (context.stack().await?, Files::new()?, Authority::new("strangers"));
    let processor = stack.start_processor(stack.processor_settings())?;
    let ours = files.put("ours", &files.authority.issue("client", &[]))?;
    let strange = files.put("strange", &strangers.issue("client", &[]))?;
    let accepted = files.folder.path().join("clients.crt");
    std::fs::write(&accepted, files.authority.certificate())?;
    let mut settings = HttpsSettings { client_authorities: Some(accepted.clone()), ..files.settings()? };
    let gateway = start(&stack, settings.clone()).await?;
    processor.ready().await?;
    let ours = || files.client(Some(ours.clone()));
    let strange = || files.client(Some(strange.clone()));
    wait::until_ok("an answer", async || call(gateway.port, ours()?).await).await?;
    ensure!(call(gateway.port, strange()?).await.is_err());
    ensure!(call(gateway.port, files.client(None)?).await.is_err());

    settings.client_certificate_required = false;
    let lenient = start(&stack, settings).await?;
    wait::until_ok("an answer", async || call(lenient.port, files.client(None)?).await).await?;
    call(lenient.port, ours()?).await?;
    ensure!(call(lenient.port, strange()?).await.is_err());

    std::fs::write(&accepted, strangers.certificate())?;
    wait::until_ok("the others are let in", async || {
        call(gateway.port, strange()?).await?;
        ensure!(call(gateway.port, ours()?).await.is_err());
        Ok(())
    })
    .await
}

async fn wrong_key(context: Context) -> Result<()> {
    let (stack, files) = (context.stack().await?, Files::new()?);
    let mut https = files.settings()?;
    https.key = files.put("other", &files.authority.issue("other", &["localhost"]))?.key;
    let mut settings = stack.gateway_settings();
    settings.https = Some(https);
    let error = format!("{:#}", stack.start_gateway(settings).err().context("it started")?);
    ensure!(error.contains("other.key is not the key of the certificate"), "{error}");
    Ok(())
}

async fn silent_clients(context: Context) -> Result<()> {
    let (stack, files) = (context.stack().await?, Files::new()?);
    let gateway = start(&stack, files.settings()?).await?;
    // More than the server's libraries would let shake hands at once.
    let mut silent = Vec::new();
    for _ in 0..300 {
        silent.push(TcpStream::connect(("127.0.0.1", gateway.port)).await?);
    }
    let connected = connect(gateway.port, files.client(None)?, b"http/1.1");
    // Far less than the handshakes of the others may take.
    tokio::time::timeout(Duration::from_secs(2), connected).await.context("the silent keep others out")??;
    let dropped = async {
        for client in &mut silent {
            // Closed or reset, whichever comes.
            let _ = client.read(&mut [0]).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), dropped).await.context("the silent are not dropped")
}
