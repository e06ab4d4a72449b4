//! From a request's bytes to whoever answers it, and from the answer to bytes.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::{
    ResponseError,
    messages::{ApiKey, RequestHeader, ResponseHeader},
    protocol::{Decodable, Encodable, HeaderVersion, StrBytes},
};
use thiserror::Error;

use crate::{
    api,
    faults::{Effect, Point},
    node::{Endpoint, Node},
};

/// Why a request has no answer and closes its connection.
#[derive(Debug, Error)]
pub(crate) enum Refusal {
    #[error("api {0} is not spoken here")]
    UnknownApi(i16),
    #[error("{api:?} is not spoken in version {version}")]
    UnsupportedVersion { api: ApiKey, version: i16 },
    #[error("a {api:?} request of version {version} does not parse")]
    Malformed { api: ApiKey, version: i16, source: anyhow::Error },
    #[error("the answer to {api:?} cannot be written in version {version}")]
    Unwritable { api: ApiKey, version: i16, source: anyhow::Error },
    #[error("a fault that was asked for")]
    AskedFor,
}

impl Refusal {
    /// Whether it is a fault someone set, and no news.
    pub(crate) fn is_asked_for(&self) -> bool {
        matches!(self, Self::AskedFor)
    }
}

/// An answer as it goes to the socket (nothing, where none is wanted), and how long the connection rests after it.
pub(crate) struct Reply {
    pub(crate) bytes: Bytes,
    pub(crate) pause: Duration,
}

/// Who asks, and where.
pub(crate) struct Origin {
    pub(crate) peer: SocketAddr,
    pub(crate) endpoint: Arc<Endpoint>,
}

/// What an API needs to know of a request besides its body.
pub(crate) struct Call<'a> {
    pub(crate) node: &'a Node,
    pub(crate) peer: IpAddr,
    pub(crate) endpoint: &'a Endpoint,
    pub(crate) client_id: StrBytes,
    pub(crate) version: i16,
    api: ApiKey,
    correlation_id: i32,
}

impl Call<'_> {
    /// The error, if any, that a fault has in store for a request to `group`.
    pub(crate) fn group_fault(&self, group: &str) -> Option<ResponseError> {
        match self.node.faults.strike(Point::Group, group) {
            Some(Effect::Error(error)) => Some(error),
            _ => None,
        }
    }

    /// The throttle time to put into a produce or fetch answer, in milliseconds.
    pub(crate) fn throttle_ms(&self) -> i32 {
        match self.node.faults.strike(Point::Quota, "") {
            Some(Effect::Pause(pause)) => i32::try_from(pause.as_millis()).unwrap_or(i32::MAX),
            _ => 0,
        }
    }

    fn decode<T: Decodable>(&self, mut body: Bytes) -> Result<T, Refusal> {
        // The frame was bounded already: any length that its bytes are there for.
        guarded::decode(&mut body, self.version, usize::MAX).map_err(|source| self.malformed(source))
    }

    fn malformed(&self, source: anyhow::Error) -> Refusal {
        Refusal::Malformed { api: self.api, version: self.version, source }
    }

    fn reply<T: Encodable + HeaderVersion>(&self, response: &T) -> Result<Reply, Refusal> {
        let bytes = frame(self.correlation_id, response, self.version);
        let bytes =
            bytes.map_err(|source| Refusal::Unwritable { api: self.api, version: self.version, source })?;
        Ok(Reply { bytes, pause: Duration::ZERO })
    }

    fn throttled<T: Encodable + HeaderVersion>(&self, response: &T, pause_ms: i32) -> Result<Reply, Refusal> {
        let pause = Duration::from_millis(u64::from(pause_ms.unsigned_abs()));
        Ok(Reply { pause, ..self.reply(response)? })
    }
}

/// Answers one request, a frame without its length.
pub(crate) async fn answer(node: &Node, origin: &Origin, mut request: Bytes) -> Result<Reply, Refusal> {
    let &[k0, k1, v0, v1, c0, c1, c2, c3] =
        request.first_chunk::<8>().expect("no shorter frame is passed on to here");
    let (key, version) = (i16::from_be_bytes([k0, k1]), i16::from_be_bytes([v0, v1]));
    let correlation_id = i32::from_be_bytes([c0, c1, c2, c3]);
    let spoken = api::versions::find(key).ok_or(Refusal::UnknownApi(key))?;
    let api = spoken.key;
    let (peer, endpoint, client_id) = (origin.peer.ip(), &*origin.endpoint, StrBytes::default());
    let mut call = Call { node, peer, endpoint, client_id, version, api, correlation_id };
    if !(spoken.min..=spoken.max).contains(&version) {
        if api == ApiKey::ApiVersions {
            // The one version mismatch the protocol has an answer for: in version 0, which everybody reads.
            call.version = 0;
            return call.reply(&api::versions::answer(Some(ResponseError::UnsupportedVersion)));
        }
        return Err(Refusal::UnsupportedVersion { api, version });
    }
    let header = RequestHeader::decode(&mut request, api.request_header_version(version));
    call.client_id = header.map_err(|source| call.malformed(source))?.client_id.unwrap_or_default();
    route(&call, request).await
}

async fn route(call: &Call<'_>, body: Bytes) -> Result<Reply, Refusal> {
    match call.api {
        ApiKey::Produce => {
            let request = call.decode(body)?;
            let Some(response) = api::produce::answer(call, request)? else {
                return Ok(Reply { bytes: Bytes::new(), pause: Duration::ZERO });
            };
            call.throttled(&response, response.throttle_time_ms)
        }
        ApiKey::Fetch => {
            let response = api::fetch::answer(call, &call.decode(body)?).await;
            call.throttled(&response, response.throttle_time_ms)
        }
        ApiKey::ListOffsets => call.reply(&api::list_offsets::answer(call, call.decode(body)?)),
        ApiKey::Metadata => call.reply(&api::metadata::answer(call, call.decode(body)?)),
        ApiKey::OffsetCommit => call.reply(&api::offsets::commit(call, call.decode(body)?)),
        ApiKey::OffsetFetch => call.reply(&api::offsets::fetch(call, call.decode(body)?)),
        ApiKey::FindCoordinator => call.reply(&api::coordinator::find(call, call.decode(body)?)),
        ApiKey::JoinGroup => call.reply(&api::membership::join(call, call.decode(body)?).await),
        ApiKey::Heartbeat => call.reply(&api::membership::heartbeat(call, &call.decode(body)?)),
        ApiKey::LeaveGroup => call.reply(&api::membership::leave(call, call.decode(body)?)),
        ApiKey::SyncGroup => call.reply(&api::membership::sync(call, call.decode(body)?).await),
        ApiKey::DescribeGroups => call.reply(&api::coordinator::describe(call, call.decode(body)?)),
        ApiKey::ListGroups => call.reply(&api::coordinator::list(call, &call.decode(body)?)),
        ApiKey::ApiVersions => call.reply(&api::versions::answer(None)),
        ApiKey::CreateTopics => call.reply(&api::topics::create(call, call.decode(body)?)),
        ApiKey::DeleteTopics => call.reply(&api::topics::delete(call, call.decode(body)?)),
        ApiKey::CreatePartitions => call.reply(&api::topics::grow(call, call.decode(body)?)),
        ApiKey::DeleteRecords => call.reply(&api::records::delete(call, call.decode(body)?)),
        ApiKey::InitProducerId => call.reply(&api::produce::init_producer_id(call, &call.decode(body)?)),
        ApiKey::DescribeConfigs => call.reply(&api::configs::describe(call, call.decode(body)?)),
        other => Err(Refusal::UnknownApi(other as i16)),
    }
}

/// Length, header and response, ready for the socket.
fn frame<T: Encodable + HeaderVersion>(
    correlation_id: i32,
    response: &T,
    version: i16,
) -> anyhow::Result<Bytes> {
    let mut frame = BytesMut::with_capacity(256);
    frame.put_i32(0);
    let header = ResponseHeader::default().with_correlation_id(correlation_id);
    header.encode(&mut frame, T::header_version(version))?;
    response.encode(&mut frame, version)?;
    let length = i32::try_from(frame.len() - 4)?;
    frame[..4].copy_from_slice(&length.to_be_bytes());
    Ok(frame.freeze())
}
