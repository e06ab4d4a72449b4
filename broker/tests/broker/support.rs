//! A connection that sends any request in any version, and the requests the tests send most.

use std::{net::SocketAddr, time::Duration};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use embedded_broker::{Broker, Config, ResponseError};
use kafka_protocol::{
    messages::{
        FetchRequest, FetchResponse, GroupId, ProduceRequest, ProduceResponse, RequestHeader, ResponseHeader,
        TopicName,
        fetch_request::{FetchPartition, FetchTopic},
        produce_request::{PartitionProduceData, TopicProduceData},
    },
    protocol::{Decodable, Encodable, HeaderVersion, Request, StrBytes},
    records::{
        Compression, NO_PRODUCER_EPOCH, NO_PRODUCER_ID, NO_SEQUENCE, Record, RecordBatchDecoder,
        RecordBatchEncoder, RecordEncodeOptions, TimestampType,
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// The bound of everything that is waited for here.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) async fn start() -> Broker {
    Broker::start(Config::default()).await.unwrap()
}

pub(crate) fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

pub(crate) fn topic(name: &str) -> TopicName {
    TopicName(text(name))
}

pub(crate) fn group(id: &str) -> GroupId {
    GroupId(text(id))
}

/// Asks until `done` holds; panics with `what` was waited for.
pub(crate) async fn until(what: &str, mut done: impl FnMut() -> bool) {
    let waited = async {
        while !done() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, waited).await.unwrap_or_else(|_| panic!("waited for {what}"));
}

pub(crate) struct Connection {
    pub(crate) socket: TcpStream,
    correlation_id: i32,
}

impl Connection {
    pub(crate) async fn open(broker: &Broker) -> Self {
        Self::to(broker.addr()).await
    }

    pub(crate) async fn to(addr: SocketAddr) -> Self {
        let socket = TcpStream::connect(addr).await.unwrap();
        socket.set_nodelay(true).unwrap();
        Self { socket, correlation_id: 0 }
    }

    pub(crate) async fn send<R: Request>(&mut self, request: &R, version: i16) -> std::io::Result<()> {
        self.correlation_id += 1;
        let header = RequestHeader::default()
            .with_request_api_key(R::KEY)
            .with_request_api_version(version)
            .with_correlation_id(self.correlation_id)
            .with_client_id(Some(text("test")));
        let mut frame = BytesMut::new();
        frame.put_i32(0);
        header.encode(&mut frame, R::header_version(version)).unwrap();
        request.encode(&mut frame, version).unwrap();
        let length = u32::try_from(frame.len() - 4).unwrap();
        frame[..4].copy_from_slice(&length.to_be_bytes());
        self.socket.write_all(&frame).await
    }

    /// Reads the next answer, whose correlation id has to be `correlation_id`.
    pub(crate) async fn receive<R: Request>(
        &mut self,
        version: i16,
        correlation_id: i32,
    ) -> std::io::Result<R::Response> {
        let length = self.socket.read_u32().await?;
        let mut bytes = vec![0; usize::try_from(length).unwrap()];
        self.socket.read_exact(&mut bytes).await?;
        let mut bytes = Bytes::from(bytes);
        let header = ResponseHeader::decode(&mut bytes, R::Response::header_version(version)).unwrap();
        assert_eq!(header.correlation_id, correlation_id);
        let response = R::Response::decode(&mut bytes, version).unwrap();
        assert!(!bytes.has_remaining(), "trailing bytes in an answer to api {} v{version}", R::KEY);
        Ok(response)
    }

    pub(crate) async fn try_call<R: Request>(
        &mut self,
        request: &R,
        version: i16,
    ) -> std::io::Result<R::Response> {
        let called = async {
            self.send(request, version).await?;
            self.receive::<R>(version, self.correlation_id).await
        };
        timeout(PATIENCE, called).await.expect("an answer or a closed connection")
    }

    pub(crate) async fn call<R: Request>(&mut self, request: &R, version: i16) -> R::Response {
        self.try_call(request, version).await.unwrap()
    }

    /// Produces one record to partition 0 and returns its offset.
    pub(crate) async fn produce(&mut self, topic_name: &str, value: &str) -> Result<i64, ResponseError> {
        produced(&self.call(&produce_request(topic_name, 0, batch(&[value])), 8).await)
    }

    /// Fetches partition 0 and returns the values there.
    pub(crate) async fn fetch(
        &mut self,
        topic_name: &str,
        offset: i64,
        wait: Duration,
    ) -> Result<Vec<String>, ResponseError> {
        fetched(&self.call(&fetch_request(topic_name, offset, wait), 11).await)
    }
}

pub(crate) fn produce_request(topic_name: &str, partition: i32, records: Bytes) -> ProduceRequest {
    let data = PartitionProduceData::default().with_index(partition).with_records(Some(records));
    let data = TopicProduceData::default().with_name(topic(topic_name)).with_partition_data(vec![data]);
    ProduceRequest::default().with_acks(-1).with_timeout_ms(5_000).with_topic_data(vec![data])
}

pub(crate) fn produced(response: &ProduceResponse) -> Result<i64, ResponseError> {
    let partition = &response.responses[0].partition_responses[0];
    ResponseError::try_from_code(partition.error_code).map_or(Ok(partition.base_offset), Err)
}

pub(crate) fn fetch_request(topic_name: &str, offset: i64, wait: Duration) -> FetchRequest {
    let partition = FetchPartition::default().with_fetch_offset(offset).with_partition_max_bytes(1 << 20);
    let wanted = FetchTopic::default().with_topic(topic(topic_name)).with_partitions(vec![partition]);
    FetchRequest::default()
        .with_min_bytes(1)
        .with_max_bytes(i32::MAX)
        .with_max_wait_ms(i32::try_from(wait.as_millis()).unwrap())
        .with_topics(vec![wanted])
}

pub(crate) fn fetched(response: &FetchResponse) -> Result<Vec<String>, ResponseError> {
    let partition = &response.responses[0].partitions[0];
    if let Some(error) = ResponseError::try_from_code(partition.error_code) {
        return Err(error);
    }
    let mut records = partition.records.clone().unwrap_or_default();
    let batches = RecordBatchDecoder::decode_all(&mut records).unwrap();
    let values = batches.into_iter().flat_map(|batch| batch.records).map(|record| record.value.unwrap());
    Ok(values.map(|value| String::from_utf8(value.to_vec()).unwrap()).collect())
}

/// An uncompressed batch of records with these values.
pub(crate) fn batch(values: &[&str]) -> Bytes {
    let record = |(offset, value): (i32, &&str)| Record {
        transactional: false,
        control: false,
        delete_horizon: false,
        partition_leader_epoch: -1,
        producer_id: NO_PRODUCER_ID,
        producer_epoch: NO_PRODUCER_EPOCH,
        timestamp_type: TimestampType::Creation,
        offset: offset.into(),
        sequence: NO_SEQUENCE + offset,
        timestamp: 1_000 + i64::from(offset),
        key: None,
        value: Some(Bytes::copy_from_slice(value.as_bytes())),
        headers: Default::default(),
    };
    let records: Vec<_> = (0..).zip(values).map(record).collect();
    let options = RecordEncodeOptions { version: 2, compression: Compression::None };
    let mut bytes = BytesMut::new();
    RecordBatchEncoder::encode(&mut bytes, &records, &options).unwrap();
    bytes.freeze()
}
