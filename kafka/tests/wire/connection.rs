//! Connecting, negotiating versions, and answers that cannot be right.

use std::{future::Future, time::Duration};

use anyhow::Result;
use bytes::{Buf, BufMut, BytesMut};
use kafka::wire::{self, Connection, ResponseError, WireError};
use kafka_protocol::{
    messages::{ApiVersionsResponse, MetadataRequest, api_versions_response::ApiVersion},
    protocol::{Encodable, Request},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use crate::{Broker, config, unique};

const SHORT: Duration = Duration::from_millis(200);
const API_VERSIONS: i16 = 18;

#[tokio::test]
async fn asks_for_metadata_without_creating_anything() -> Result<()> {
    let broker = Broker::start().await?;
    let config = broker.kafka.config();
    let missing = unique("missing");
    let mut connection = wire::bootstrap(config).await?;
    for _ in 0..2 {
        let view = wire::metadata(&mut connection, Some(&[&missing]), config).await?;
        assert_eq!(view.topic(&missing).unwrap().error, Some(ResponseError::UnknownTopicOrPartition));
        assert!(!view.brokers.is_empty());
        assert!(view.controller().is_some());
    }
    let everything = wire::metadata(&mut connection, None, config).await?;
    assert!(everything.topic(&missing).is_none());
    let error = wire::open_leader(config, &missing, 0).await.unwrap_err();
    assert_eq!(error.kafka(), Some(ResponseError::UnknownTopicOrPartition));
    Ok(())
}

#[tokio::test]
async fn finds_the_coordinator_of_a_group() -> Result<()> {
    let broker = Broker::start().await?;
    let connection = wire::open_coordinator(broker.kafka.config(), &unique("group")).await?;
    assert!(connection.version::<MetadataRequest>(i16::MAX).is_ok());
    Ok(())
}

#[tokio::test]
async fn tries_every_address_and_does_not_wait_for_a_silent_one() -> Result<()> {
    let broker = Broker::start().await?;
    let live = broker.kafka.config().brokers[0].clone();
    let (silent, _tasks) = scripted(async |_| std::future::pending().await).await?;
    let refused = refused_address().await?;
    let tried = std::time::Instant::now();
    let connection = wire::bootstrap(&config([refused, silent, live.clone()])).await?;
    assert_eq!(connection.address(), live);
    assert!(tried.elapsed() < Duration::from_secs(3), "the silent address held up the live one");
    Ok(())
}

#[tokio::test]
async fn names_all_addresses_if_none_answers() -> Result<()> {
    let addresses = [refused_address().await?, refused_address().await?];
    let error = wire::bootstrap(&config(addresses.clone())).await.unwrap_err();
    assert!(matches!(&error, WireError::NoBroker { source: Some(_), .. }), "{error:?}");
    assert!(addresses.iter().all(|address| error.to_string().contains(address)), "{error}");
    Ok(())
}

#[tokio::test]
async fn gives_up_on_a_broker_that_accepts_and_never_answers() -> Result<()> {
    let (address, _tasks) = scripted(async |_| std::future::pending().await).await?;
    let config = kafka::Config { timeout: SHORT, ..config([address.clone()]) };
    let error = Connection::open(&address, &config).await.unwrap_err();
    assert!(matches!(error, WireError::Timeout { limit: SHORT, .. }), "{error:?}");
    Ok(())
}

#[tokio::test]
async fn negotiates_with_a_broker_that_lacks_the_newest_version() -> Result<()> {
    for known in [0, 2, 3] {
        let (address, _tasks) = scripted(async move |mut stream| {
            loop {
                let (version, correlation_id) = read_request(&mut stream).await?;
                let answered = if version <= known { version } else { 0 };
                let code = if version <= known { 0 } else { ResponseError::UnsupportedVersion.code() };
                write_versions(&mut stream, correlation_id, answered, code, known).await?;
            }
        })
        .await?;
        let connection = Connection::open(&address, &config([address.clone()])).await?;
        assert_eq!(connection.version::<MetadataRequest>(i16::MAX)?, 9);
        assert_eq!(connection.version::<MetadataRequest>(5)?, 5);
        assert!(connection.version_within::<MetadataRequest>(10..=12).is_err());
    }
    Ok(())
}

#[tokio::test]
async fn refuses_answers_that_cannot_be_right() -> Result<()> {
    for (name, answer) in [
        ("a web server", b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()),
        ("a negative length", (-1_i32).to_be_bytes().to_vec()),
        ("a length beyond every limit", (i32::MAX).to_be_bytes().to_vec()),
        ("no room for a correlation id", [0, 0, 0, 2, 0, 0].to_vec()),
        ("another correlation id", [0, 0, 0, 6, 0, 0, 0, 99, 0, 0].to_vec()),
    ] {
        let (address, _tasks) = scripted(async move |mut stream| {
            read_request(&mut stream).await?;
            stream.write_all(&answer).await?;
            std::future::pending().await
        })
        .await?;
        let error = Connection::open(&address, &config([address.clone()])).await.unwrap_err();
        assert!(matches!(error, WireError::Broken { .. }), "{name}: {error:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_connection_is_spent_after_a_failed_call() -> Result<()> {
    let (address, _tasks) = scripted(async |mut stream| {
        let (version, correlation_id) = read_request(&mut stream).await?;
        write_versions(&mut stream, correlation_id, version, 0, 4).await?;
        let (_, correlation_id) = read_request(&mut stream).await?;
        // An answer to Metadata with bytes too many; then sound ones, which nobody must take.
        for extra in [7, 0] {
            let mut answer = BytesMut::new();
            answer.put_i32(correlation_id + i32::from(extra == 0));
            answer.put_u8(0);
            kafka_protocol::messages::MetadataResponse::default().encode(&mut answer, 9)?;
            answer.put_bytes(0, extra);
            write_frame(&mut stream, &answer).await?;
        }
        std::future::pending().await
    })
    .await?;
    let config = config([address.clone()]);
    let mut connection = Connection::open(&address, &config).await?;
    let error = wire::metadata(&mut connection, None, &config).await.unwrap_err();
    assert!(error.to_string().contains("7 bytes behind"), "{error}");
    let error = wire::metadata(&mut connection, None, &config).await.unwrap_err();
    assert!(matches!(error, WireError::Closed { .. }), "{error:?}");
    Ok(())
}

#[tokio::test]
async fn a_connection_is_spent_after_a_call_that_was_given_up() -> Result<()> {
    let (address, _tasks) = scripted(async |mut stream| {
        let (version, correlation_id) = read_request(&mut stream).await?;
        write_versions(&mut stream, correlation_id, version, 0, 4).await?;
        std::future::pending().await
    })
    .await?;
    let config = config([address.clone()]);
    let mut connection = Connection::open(&address, &config).await?;
    let request = MetadataRequest::default().with_topics(Some(Vec::new()));
    let error = connection.call(&request, 9, SHORT).await.unwrap_err();
    assert!(matches!(error, WireError::Timeout { limit: SHORT, .. }), "{error:?}");
    let error = connection.call(&request, 9, SHORT).await.unwrap_err();
    assert!(matches!(error, WireError::Closed { .. }), "{error:?}");
    Ok(())
}

/// A listener that runs `script` on the first connection, until the set is dropped.
async fn scripted<F>(
    script: impl FnOnce(TcpStream) -> F + Send + 'static,
) -> Result<(String, JoinSet<Result<()>>)>
where
    F: Future<Output = Result<()>> + Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move { script(listener.accept().await?.0).await });
    Ok((address, tasks))
}

async fn refused_address() -> Result<String> {
    Ok(TcpListener::bind("127.0.0.1:0").await?.local_addr()?.to_string())
}

/// Reads one request; gives its version and correlation id.
async fn read_request(stream: &mut TcpStream) -> Result<(i16, i32)> {
    let length = stream.read_u32().await?;
    let mut request = vec![0; length as usize];
    stream.read_exact(&mut request).await?;
    Ok(((&request[2..]).get_i16(), (&request[4..]).get_i32()))
}

/// Answers ApiVersions: Metadata 0 to 9, and ApiVersions itself up to `known`.
async fn write_versions(
    stream: &mut TcpStream,
    correlation_id: i32,
    version: i16,
    code: i16,
    known: i16,
) -> Result<()> {
    let api = |key, max| ApiVersion::default().with_api_key(key).with_max_version(max);
    let response = ApiVersionsResponse::default()
        .with_error_code(code)
        .with_api_keys(vec![api(API_VERSIONS, known), api(MetadataRequest::KEY, 9)]);
    let mut answer = BytesMut::new();
    answer.put_i32(correlation_id);
    response.encode(&mut answer, version)?;
    write_frame(stream, &answer).await
}

async fn write_frame(stream: &mut TcpStream, body: &[u8]) -> Result<()> {
    stream.write_u32(u32::try_from(body.len())?).await?;
    Ok(stream.write_all(body).await?)
}
