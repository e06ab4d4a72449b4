//! Connecting, negotiating versions, and answers that cannot be right.

use std::{future::pending, time::Duration};

use anyhow::Result;
use bytes::{BufMut, BytesMut};
use kafka::wire::{self, Connection, ResponseError, WireError};
use kafka_protocol::{
    messages::{ApiVersionsRequest, MetadataRequest, MetadataResponse},
    protocol::{Encodable, Request},
};
use tokio::{io::AsyncWriteExt, net::TcpListener};

use crate::{
    Broker, config,
    scripted::{Asked, read_request, scripted, write_frame, write_versions},
    unique,
};

/// The one API that the scripted brokers offer, and its newest version there.
const METADATA: (i16, i16) = (MetadataRequest::KEY, 9);
const SHORT: Duration = Duration::from_millis(200);

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
    let error = wire::open_leader(&broker.kafka, &missing, 0).await.unwrap_err();
    assert_eq!(error.kafka(), Some(ResponseError::UnknownTopicOrPartition));
    Ok(())
}

#[tokio::test]
async fn finds_the_coordinator_of_a_group() -> Result<()> {
    let broker = Broker::start().await?;
    let connection = wire::open_coordinator(&broker.kafka, &unique("group"), None).await?;
    assert!(connection.version::<MetadataRequest>(i16::MAX).is_ok());
    Ok(())
}

#[tokio::test]
async fn tries_every_address_and_does_not_wait_for_a_silent_one() -> Result<()> {
    let broker = Broker::start().await?;
    let live = broker.kafka.config().brokers[0].clone();
    let (silent, _tasks) = scripted(async |_| pending().await).await?;
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
    let (address, _tasks) = scripted(async |_| pending().await).await?;
    let config = kafka::Config { timeout: SHORT, ..config([address.clone()]) };
    let error = Connection::open(&address, &config).await.unwrap_err();
    assert!(matches!(error, WireError::Timeout { limit: SHORT, .. }), "{error:?}");
    Ok(())
}

#[tokio::test]
async fn negotiates_with_a_broker_that_lacks_the_newest_version() -> Result<()> {
    for known in [0, 2, 3] {
        let (address, _tasks) = scripted(move |mut stream| async move {
            loop {
                let asked = read_request(&mut stream).await?;
                let is_known = asked.version <= known;
                let code = if is_known { 0 } else { ResponseError::UnsupportedVersion.code() };
                let answered = Asked { version: if is_known { asked.version } else { 0 }, ..asked };
                write_versions(&mut stream, answered, code, &[(ApiVersionsRequest::KEY, known), METADATA])
                    .await?;
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
        let (address, _tasks) = scripted(move |mut stream| {
            let answer = answer.clone();
            async move {
                read_request(&mut stream).await?;
                stream.write_all(&answer).await?;
                pending().await
            }
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
        let asked = read_request(&mut stream).await?;
        write_versions(&mut stream, asked, 0, &[METADATA]).await?;
        let asked = read_request(&mut stream).await?;
        // An answer to Metadata with bytes too many; then sound ones, which nobody must take.
        for extra in [7, 0] {
            let mut answer = BytesMut::new();
            answer.put_i32(asked.correlation_id + i32::from(extra == 0));
            answer.put_u8(0);
            MetadataResponse::default().encode(&mut answer, 9)?;
            answer.put_bytes(0, extra);
            write_frame(&mut stream, &answer).await?;
        }
        pending().await
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
        let asked = read_request(&mut stream).await?;
        write_versions(&mut stream, asked, 0, &[METADATA]).await?;
        pending().await
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

async fn refused_address() -> Result<String> {
    Ok(TcpListener::bind("127.0.0.1:0").await?.local_addr()?.to_string())
}
