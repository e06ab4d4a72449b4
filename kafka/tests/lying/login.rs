//! Logging in at a broker that lies: one that does not know the password, or wants to know it, or keeps us busy.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use kafka::{
    Config, Security,
    secure::{Password, Sasl, ScramHash, SecretFile, TokenSource},
    wire::{Connection, WireError},
};
use kafka_protocol::{
    messages::{
        ApiVersionsRequest, ApiVersionsResponse, RequestHeader, ResponseHeader, SaslAuthenticateRequest,
        SaslAuthenticateResponse, SaslHandshakeRequest, SaslHandshakeResponse,
        api_versions_response::ApiVersion,
    },
    protocol::{Decodable, Encodable, HeaderVersion, Request, StrBytes},
};
use tempfile::NamedTempFile;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use crate::liar::framed;

const TIMEOUT: Duration = Duration::from_secs(20);
/// A mechanism has no more messages than that; the broker that asks on is given up.
const MOST_MESSAGES: usize = 8;

/// What a broker answers to a message of the client, the first, the second and so on.
type Script = fn(usize, &str) -> Answer;

#[derive(Default)]
struct Answer {
    challenge: Vec<u8>,
    error: i16,
    words: Option<String>,
    lifetime_ms: i64,
}

fn says(challenge: impl Into<Vec<u8>>) -> Answer {
    Answer { challenge: challenge.into(), ..Answer::default() }
}

/// A broker that lets anybody begin, with any mechanism, and then keeps to its script.
struct Door {
    address: String,
    messages: Arc<AtomicUsize>,
    _task: JoinSet<()>,
}

impl Door {
    async fn open(handshake: i16, script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (messages, mut task) = (Arc::<AtomicUsize>::default(), JoinSet::new());
        let counter = messages.clone();
        task.spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                // Ends when the client leaves.
                let _: io::Result<()> = serve(stream, handshake, script, &counter).await;
            }
        });
        Self { address, messages, _task: task }
    }

    /// Logs in by `sasl`.
    async fn knock(&self, sasl: Sasl, timeout: Duration) -> Result<Connection, WireError> {
        let config = Config {
            brokers: vec![self.address.clone()],
            client_id: "login-test".to_owned(),
            timeout,
            security: Security::default().with_sasl(sasl),
        };
        Connection::open(&self.address, &config).await
    }
}

async fn serve(
    mut stream: TcpStream,
    handshake: i16,
    script: Script,
    messages: &AtomicUsize,
) -> io::Result<()> {
    let mut step = 0;
    loop {
        let length = stream.read_u32().await?;
        let mut request = vec![0; length as usize];
        stream.read_exact(&mut request).await?;
        let mut request = Bytes::from(request);
        let (key, version) =
            (i16::from_be_bytes([request[0], request[1]]), i16::from_be_bytes([request[2], request[3]]));
        let answer = match key {
            ApiVersionsRequest::KEY => {
                let id = begin::<ApiVersionsRequest>(&mut request, version);
                let keys = [
                    (ApiVersionsRequest::KEY, 3),
                    (SaslHandshakeRequest::KEY, 1),
                    (SaslAuthenticateRequest::KEY, 2),
                ];
                let offered = keys
                    .map(|(key, newest)| ApiVersion::default().with_api_key(key).with_max_version(newest));
                let answer = ApiVersionsResponse::default().with_api_keys(offered.to_vec());
                // Versions beyond are unknown here, which is said in version 0.
                if version > 3 {
                    answered(id, 0, &answer.with_error_code(35))
                } else {
                    answered(id, version, &answer)
                }
            }
            SaslHandshakeRequest::KEY => {
                let id = begin::<SaslHandshakeRequest>(&mut request, version);
                let offered = vec![StrBytes::from_static_str("GSSAPI-OF-THE-LONGEST-NAME"); 5_000];
                answered(
                    id,
                    version,
                    &SaslHandshakeResponse::default().with_error_code(handshake).with_mechanisms(offered),
                )
            }
            SaslAuthenticateRequest::KEY => {
                let id = begin::<SaslAuthenticateRequest>(&mut request, version);
                let said = SaslAuthenticateRequest::decode(&mut request, version).expect("a request");
                let told = script(step, &String::from_utf8_lossy(&said.auth_bytes));
                step += 1;
                messages.fetch_add(1, Relaxed);
                let answer = SaslAuthenticateResponse::default()
                    .with_error_code(told.error)
                    .with_error_message(told.words.map(StrBytes::from_string))
                    .with_auth_bytes(told.challenge.into())
                    .with_session_lifetime_ms(told.lifetime_ms);
                answered(id, version, &answer)
            }
            other => panic!("asked for API {other}"),
        };
        stream.write_all(&framed(&answer)).await?;
    }
}

/// Reads the header; its correlation id.
fn begin<R: Request>(request: &mut Bytes, version: i16) -> i32 {
    RequestHeader::decode(request, R::header_version(version)).expect("a header").correlation_id
}

fn answered<A: Encodable + HeaderVersion>(id: i32, version: i16, body: &A) -> BytesMut {
    let mut frame = BytesMut::new();
    let header = ResponseHeader::default().with_correlation_id(id);
    header.encode(&mut frame, A::header_version(version)).expect("a header");
    body.encode(&mut frame, version).expect("an answer");
    frame
}

fn scram() -> Sasl {
    Sasl::scram(ScramHash::Sha256, "user", Password::Given("hush".to_owned()))
}

/// The client's nonce in its first message.
fn nonce(said: &str) -> &str {
    said.split_once(",r=").map_or("", |(_, nonce)| nonce)
}

/// A sound first message, but for what follows the nonce.
fn first(said: &str, rest: &str) -> Answer {
    says(format!("r={}{rest}", nonce(said)))
}

#[tokio::test]
async fn whoever_does_not_know_the_password_learns_nothing_and_is_named() {
    let scripts: &[(&str, Script, &str)] = &[
        ("another login's nonce", |_, _| says("r=another,s=c2FsdA==,i=4096"), "is not to this login"),
        ("a nonce that adds nothing", |_, said| first(said, ",s=c2FsdA==,i=4096"), "is not to this login"),
        ("a cheap proof", |_, said| first(said, "X,s=c2FsdA==,i=1"), "asks for 1 iterations"),
        (
            "endless work",
            |_, said| first(said, "X,s=c2FsdA==,i=2147483648"),
            "asks for 2147483648 iterations",
        ),
        (
            "work beyond numbers",
            |_, said| first(said, "X,s=c2FsdA==,i=99999999999999999999"),
            "iterations, not 4096 to",
        ),
        ("no salt", |_, said| first(said, "X"), "not one of SCRAM"),
        ("half of a message", |_, said| first(said, "X,s=c2Fs"), "not one of SCRAM"),
        ("a salt that is none", |_, said| first(said, "X,s=?,i=4096"), "not base64"),
        ("nothing", |_, _| says(""), "not one of SCRAM"),
        ("bytes", |_, _| says([0xff; 40]), "not UTF-8"),
        (
            "another signature",
            |step, said| if step == 0 { first(said, "X,s=c2FsdA==,i=4096") } else { says("v=AAAA") },
            "does not know the password",
        ),
        (
            "no signature",
            |step, said| if step == 0 { first(said, "X,s=c2FsdA==,i=4096") } else { says("") },
            "not one of SCRAM",
        ),
        ("the same again and again", |_, said| first(said, "X,s=c2FsdA==,i=4096"), "not one of SCRAM"),
        ("an error", |_, _| Answer { error: 58, ..Answer::default() }, "SaslAuthenticationFailed"),
        ("an unknown error", |_, _| Answer { error: 9999, ..Answer::default() }, "9999"),
    ];
    for (name, script, expected) in scripts {
        let door = Door::open(0, *script).await;
        let error = door.knock(scram(), TIMEOUT).await.expect_err(name);
        assert!(matches!(error, WireError::Login { mechanism: "SCRAM-SHA-256", .. }), "{name}: {error:?}");
        assert!(error.to_string().contains(expected), "{name}: {error}");
        assert!(!error.to_string().contains("hush"), "{name}: {error}");
        assert!(door.messages.load(Relaxed) <= MOST_MESSAGES, "{name}");
    }
}

#[tokio::test]
async fn a_broker_may_talk_for_ever_and_is_not_listened_to() {
    let talk = |_: usize, _: &str| Answer { error: 58, words: Some("no and ".repeat(4_000)), ..says("more") };
    let door = Door::open(0, talk).await;
    let error = door.knock(scram(), TIMEOUT).await.unwrap_err().to_string();
    assert!(error.contains("no and no and") && error.len() < 1_000, "{} bytes: {error}", error.len());
    let door = Door::open(33, talk).await;
    let error = door.knock(scram(), TIMEOUT).await.unwrap_err().to_string();
    assert!(error.contains("this listener offers GSSAPI") && error.len() < 1_000, "{} bytes", error.len());

    let token = NamedTempFile::new().unwrap();
    std::fs::write(token.path(), "token").unwrap();
    let door = Door::open(0, |_, _| says("{\"status\":\"invalid_token\"}")).await;
    let bearer = Sasl::OauthBearer(TokenSource::File(SecretFile::at(token.path())));
    let error = door.knock(bearer, TIMEOUT).await.unwrap_err();
    assert!(error.to_string().contains("invalid_token"), "{error}");
    assert_eq!(door.messages.load(Relaxed), 2);
}

#[tokio::test]
async fn a_session_of_any_length_is_borne() {
    let scripts: &[Script] = &[
        |_, _| Answer { lifetime_ms: i64::MAX, ..Answer::default() },
        |_, _| Answer { lifetime_ms: i64::MIN, ..Answer::default() },
        |_, _| Answer { lifetime_ms: 1, ..Answer::default() },
    ];
    for script in scripts {
        let door = Door::open(0, *script).await;
        let plain = Sasl::plain("user", Password::Given("hush".to_owned()));
        door.knock(plain, TIMEOUT).await.unwrap();
        assert_eq!(door.messages.load(Relaxed), 1);
    }
}
