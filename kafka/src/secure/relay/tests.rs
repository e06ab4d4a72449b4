//! The relay over sockets, before a broker that asks for a login and lets it last for a second.

use std::{
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::{
    ResponseError,
    messages::{
        ApiVersionsRequest, ApiVersionsResponse, RequestHeader, ResponseHeader, SaslAuthenticateRequest,
        SaslAuthenticateResponse, SaslHandshakeRequest, SaslHandshakeResponse,
        api_versions_response::ApiVersion,
    },
    protocol::{Decodable, Encodable, HeaderVersion, Request},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::AbortHandle,
    time::sleep,
};

use super::*;
use crate::{
    Security,
    secure::{Password, Sasl},
};

const LIFETIME: Duration = Duration::from_secs(1);
/// What a request of the test's own looks like to a broker; it is answered with its own body.
const ECHO: i16 = 999;

/// What a broker saw, and whether it is to refuse logins.
#[derive(Default)]
struct Seen {
    logins: AtomicUsize,
    refuses: bool,
}

struct ScriptedBroker {
    address: String,
    seen: Arc<Seen>,
    task: AbortHandle,
}

impl ScriptedBroker {
    async fn start(refuses: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let seen = Arc::new(Seen { refuses, ..Seen::default() });
        let of_all = seen.clone();
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serve_client(stream, of_all.clone()));
            }
        });
        Self { address, seen, task: task.abort_handle() }
    }

    fn config(&self) -> Config {
        let sasl = Sasl::plain("user", Password::Given("hush".to_owned()));
        Config {
            brokers: vec![self.address.clone()],
            client_id: "relay-test".to_owned(),
            timeout: Duration::from_secs(5),
            security: Security::default().with_sasl(sasl),
        }
    }
}

impl Drop for ScriptedBroker {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// One request after the other, as a broker does. Ends as a broker does: on a request that its session does not cover.
async fn serve_client(mut stream: TcpStream, seen: Arc<Seen>) {
    let (mut is_between, mut expires) = (true, None::<Instant>);
    while let Ok(mut frame) = read_frame(&mut stream).await {
        let key = i16::from_be_bytes([frame[0], frame[1]]);
        let version = i16::from_be_bytes([frame[2], frame[3]]);
        if key == ECHO {
            if !is_between || expires.is_none_or(|end| Instant::now() > end) {
                return;
            }
            sleep(Duration::from_millis(20)).await;
            write_frame(&mut stream, &frame).await;
            continue;
        }
        let answer = match key {
            ApiVersionsRequest::KEY => {
                let id = header(&mut frame, ApiVersionsRequest::header_version(version));
                let keys = [ApiVersionsRequest::KEY, SaslHandshakeRequest::KEY, SaslAuthenticateRequest::KEY];
                let offered = keys.map(|key| ApiVersion::default().with_api_key(key).with_max_version(2));
                let answer = ApiVersionsResponse::default().with_api_keys(offered.to_vec());
                if version > 2 {
                    answered(id, 0, &answer.with_error_code(ResponseError::UnsupportedVersion.code()))
                } else {
                    answered(id, version, &answer)
                }
            }
            SaslHandshakeRequest::KEY => {
                let id = header(&mut frame, SaslHandshakeRequest::header_version(version));
                is_between = false;
                answered(id, version, &SaslHandshakeResponse::default())
            }
            SaslAuthenticateRequest::KEY => {
                let id = header(&mut frame, SaslAuthenticateRequest::header_version(version));
                let request = SaslAuthenticateRequest::decode(&mut frame, version).unwrap();
                assert_eq!(&request.auth_bytes[..], b"\0user\0hush");
                seen.logins.fetch_add(1, Relaxed);
                (is_between, expires) = (true, Some(Instant::now() + LIFETIME));
                let lifetime = i64::try_from(LIFETIME.as_millis()).unwrap();
                let answer = SaslAuthenticateResponse::default().with_session_lifetime_ms(lifetime);
                let code = ResponseError::SaslAuthenticationFailed.code();
                answered(id, version, &if seen.refuses { answer.with_error_code(code) } else { answer })
            }
            other => panic!("asked for API {other}"),
        };
        write_frame(&mut stream, &answer).await;
    }
}

/// Reads the header, which stands before the body; its correlation id.
fn header(frame: &mut Bytes, version: i16) -> i32 {
    RequestHeader::decode(frame, version).unwrap().correlation_id
}

fn answered<A: Encodable + HeaderVersion>(id: i32, version: i16, body: &A) -> BytesMut {
    let mut frame = BytesMut::new();
    let header = ResponseHeader::default().with_correlation_id(id);
    header.encode(&mut frame, A::header_version(version)).unwrap();
    body.encode(&mut frame, version).unwrap();
    frame
}

async fn read_frame(stream: &mut TcpStream) -> io::Result<Bytes> {
    let length = stream.read_u32().await?;
    let mut body = vec![0; usize::try_from(length).unwrap()];
    stream.read_exact(&mut body).await?;
    Ok(body.into())
}

async fn write_frame(stream: &mut TcpStream, body: &[u8]) {
    let mut frame = BytesMut::new();
    frame.put_u32(u32::try_from(body.len()).unwrap());
    frame.extend_from_slice(body);
    // Whoever is gone does not wait for it.
    let _ = stream.write_all(&frame).await;
}

/// Asks the relay for the way to `broker`; what it replies.
async fn dial(relay: &Relay, broker: &str) -> (TcpStream, u8) {
    let (host, port) = broker.split_once(':').unwrap();
    let mut stream = TcpStream::connect(relay.address()).await.unwrap();
    let mut request = BytesMut::from(&[5, 1, 0, 5, 1, 0, 3][..]);
    request.put_u8(u8::try_from(host.len()).unwrap());
    request.extend_from_slice(host.as_bytes());
    request.put_u16(port.parse().unwrap());
    stream.write_all(&request).await.unwrap();
    let mut reply = [0; 12];
    stream.read_exact(&mut reply).await.unwrap();
    (stream, reply[3])
}

#[tokio::test]
async fn sessions_are_renewed_between_requests_and_every_request_is_answered() {
    let broker = ScriptedBroker::start(false).await;
    let relay = Relay::start(&broker.config()).await.unwrap();
    let (mut stream, reply) = dial(&relay, &broker.address).await;
    assert_eq!(reply, 0);
    let begin = Instant::now();
    let mut asked = 0_u32;
    while begin.elapsed() < LIFETIME * 3 {
        // Several at once, one of them in two pieces: a login must not come between them.
        let requests: Vec<Vec<u8>> = (0..3)
            .map(|_| {
                asked += 1;
                [&ECHO.to_be_bytes()[..], &[0, 0], &asked.to_be_bytes(), &vec![7; 100_000]].concat()
            })
            .collect();
        let framed = |body: &Vec<u8>| [&u32::try_from(body.len()).unwrap().to_be_bytes(), &body[..]].concat();
        let bytes: Vec<u8> = requests.iter().flat_map(framed).collect();
        let (first, second) = bytes.split_at(bytes.len() / 2);
        stream.write_all(first).await.unwrap();
        sleep(Duration::from_millis(1)).await;
        stream.write_all(second).await.unwrap();
        for request in requests {
            assert_eq!(read_frame(&mut stream).await.unwrap(), request, "after {:?}", begin.elapsed());
        }
    }
    let logins = broker.seen.logins.load(Relaxed);
    assert!((3..=5).contains(&logins), "{logins} logins in {:?}", begin.elapsed());
}

#[tokio::test]
async fn a_silent_connection_is_renewed_by_the_request_that_ends_its_silence() {
    let broker = ScriptedBroker::start(false).await;
    let relay = Relay::start(&broker.config()).await.unwrap();
    let (mut stream, _) = dial(&relay, &broker.address).await;
    sleep(LIFETIME + LIFETIME / 2).await;
    assert_eq!(broker.seen.logins.load(Relaxed), 1);
    let request = [&ECHO.to_be_bytes()[..], &[0; 6]].concat();
    write_frame(&mut stream, &request).await;
    assert_eq!(read_frame(&mut stream).await.unwrap(), request);
    assert_eq!(broker.seen.logins.load(Relaxed), 2);
}

#[tokio::test]
async fn why_a_broker_cannot_be_dialled_is_kept_for_whoever_asks() {
    let broker = ScriptedBroker::start(true).await;
    let relay = Relay::start(&broker.config()).await.unwrap();
    let (_, reply) = dial(&relay, &broker.address).await;
    assert_eq!(reply, 1);
    let failure = relay.take_failure().unwrap();
    assert!(matches!(&failure, WireError::Login { mechanism: "PLAIN", .. }), "{failure:?}");
    assert!(relay.take_failure().is_none());
}

#[tokio::test]
async fn another_process_is_turned_away() {
    let broker = ScriptedBroker::start(false).await;
    let relay = Relay::start(&broker.config()).await.unwrap();
    let (_, port) =
        relay.address().split_once(':').map(|(host, port)| (host.to_owned(), port.to_owned())).unwrap();
    let script = format!(
        "exec 3<>/dev/tcp/127.0.0.1/{port} && printf '\\x05\\x01\\x00' >&3; cat <&3 2>/dev/null | wc -c"
    );
    let other = tokio::task::spawn_blocking(move || Command::new("bash").args(["-c", &script]).output());
    let said = other.await.unwrap().unwrap();
    assert_eq!(String::from_utf8_lossy(&said.stdout).trim(), "0", "it was answered");
    assert_eq!(broker.seen.logins.load(Relaxed), 0);
}
