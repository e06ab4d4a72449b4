//! One socket to one broker, with the API versions both sides know.

use std::{collections::HashMap, io, ops::RangeInclusive, time::Duration};

use bytes::{Buf, Bytes, BytesMut};
use kafka_protocol::{
    ResponseError,
    messages::{ApiVersionsRequest, ApiVersionsResponse, RequestHeader, ResponseHeader},
    protocol::{Decodable, Encodable, HeaderVersion, Message, Request, StrBytes},
};
use socket2::SockRef;
use tokio::{
    io::AsyncWriteExt,
    net::TcpStream,
    time::{Instant, timeout},
};

use super::{WireError, accepted, answer, error::call_name, frame, stream::Stream};
use crate::{
    Config,
    secure::{self, Security, Session},
    sockets,
};

/// A connection of our own to one broker: one request in flight, answers checked.
#[derive(Debug)]
pub struct Connection {
    stream: Stream,
    address: String,
    client_id: StrBytes,
    correlation_id: i32,
    versions: HashMap<i16, RangeInclusive<i16>>,
    security: Security,
    session: Session,
    /// Something beside the versions was answered: whoever is there wants no more of us than it has.
    is_welcome: bool,
    /// A call is under way, or was given up before its answer had been read to the end.
    busy: bool,
}

impl Connection {
    /// Connects to `address` (`host:port`), asks which versions it speaks and logs in where that is configured, all within
    /// `config.timeout`.
    pub async fn open(address: &str, config: &Config) -> Result<Self, WireError> {
        let opened = timeout(config.timeout, Self::open_unbounded(address, config)).await;
        opened.unwrap_or_else(|_| {
            let (address, call) = (address.to_owned(), "connect".to_owned());
            Err(WireError::Timeout { address, call, limit: config.timeout })
        })
    }

    async fn open_unbounded(address: &str, config: &Config) -> Result<Self, WireError> {
        let deadline = Instant::now() + config.timeout;
        let connected = async {
            let stream = TcpStream::connect(address).await?;
            sockets::tune(&SockRef::from(&stream))?;
            Ok(stream)
        };
        let stream = connected
            .await
            .map_err(|source: io::Error| WireError::Connect { address: address.to_owned(), source })?;
        let stream = match config.security.tls() {
            Some(tls) => Stream::Tls(Box::new(secure::handshake(stream, address, tls.clone()).await?)),
            None => Stream::Bare(stream),
        };
        let mut connection = Self {
            stream,
            address: address.to_owned(),
            client_id: StrBytes::from_string(config.client_id.clone()),
            correlation_id: 0,
            versions: HashMap::new(),
            security: config.security.clone(),
            session: Session::default(),
            is_welcome: false,
            busy: false,
        };
        connection.negotiate().await.map_err(unwelcome)?;
        connection.log_in(deadline).await?;
        Ok(connection)
    }

    /// The newest version of `R` that both sides know and that is at most `cap`.
    pub fn version<R: Request>(&self, cap: i16) -> Result<i16, WireError> {
        self.version_within::<R>(0..=cap)
    }

    /// The newest version of `R` inside `wanted` that both sides know.
    pub fn version_within<R: Request>(&self, wanted: RangeInclusive<i16>) -> Result<i16, WireError> {
        let needed = R::VERSIONS.min.max(*wanted.start())..=R::VERSIONS.max.min(*wanted.end());
        let offered = self.versions.get(&R::KEY);
        let newest = offered.map(|o| (*o.start().max(needed.start()), *o.end().min(needed.end())));
        match newest {
            Some((oldest, newest)) if oldest <= newest => Ok(newest),
            _ => Err(WireError::NoCommonVersion {
                address: self.address.clone(),
                call: call_name(R::KEY),
                offered: offered.cloned(),
                needed,
            }),
        }
    }

    /// Sends `request` and awaits its answer, both within `limit`. A session that nears its end is renewed before. After any
    /// error, and when the call was dropped half way, the connection answers no further call.
    pub async fn call<R: Request>(
        &mut self,
        request: &R,
        version: i16,
        limit: Duration,
    ) -> Result<R::Response, WireError> {
        let (is_first, deadline) = (!self.is_welcome, Instant::now() + limit);
        let answer = async {
            if self.session.is_due(Instant::now()) {
                self.log_in(deadline).await?;
            }
            self.exchange(request, version).await
        };
        let answer = timeout(limit, answer).await.unwrap_or_else(|_| {
            Err(WireError::Timeout { address: self.address.clone(), call: call_name(R::KEY), limit })
        });
        let mut body = if is_first { answer.map_err(unwelcome)? } else { answer? };
        self.is_welcome = true;
        self.decode::<R::Response>(&mut body, R::KEY, version)
    }

    /// Logs in, if that is configured: for the first time, or again where [`session`](Self::session) is due. The caller
    /// gives it up at `deadline`.
    pub(crate) async fn log_in(&mut self, deadline: Instant) -> Result<(), WireError> {
        if let Some(sasl) = self.security.sasl().cloned() {
            let (refusals, aside) = (self.security.refusals().clone(), self.security.aside().clone());
            let session = secure::log_in(self, &sasl, &refusals, &aside, deadline).await;
            self.busy |= session.is_err();
            self.session = session?;
        }
        Ok(())
    }

    /// Until when the login is good.
    pub(crate) fn session(&self) -> Session {
        self.session
    }

    /// The bare stream, for whoever speaks over it in whole frames.
    pub(crate) fn stream(&mut self) -> &mut Stream {
        &mut self.stream
    }

    /// A request and its answer as [`call`](Self::call) has them, without its limit and without a renewal.
    pub(crate) async fn exchange_one<R: Request>(
        &mut self,
        request: &R,
        version: i16,
    ) -> Result<R::Response, WireError> {
        let mut body = self.exchange(request, version).await?;
        self.decode::<R::Response>(&mut body, R::KEY, version)
    }

    /// The address this connection was opened to, `host:port`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// KIP-511: ask in the newest version; a broker that lacks it answers in version 0 with UNSUPPORTED_VERSION and
    /// names the one it has.
    async fn negotiate(&mut self) -> Result<(), WireError> {
        let newest = ApiVersionsRequest::VERSIONS.max;
        let request = ApiVersionsRequest::default()
            .with_client_software_name(StrBytes::from_static_str(env!("CARGO_PKG_NAME")))
            .with_client_software_version(StrBytes::from_static_str(env!("CARGO_PKG_VERSION")));
        let mut version = newest;
        let mut body = self.exchange(&request, version).await?;
        if body.get(..2) == Some(&ResponseError::UnsupportedVersion.code().to_be_bytes()) {
            let refusal: ApiVersionsResponse = self.decode(&mut body, ApiVersionsRequest::KEY, 0)?;
            let offered = refusal.api_keys.iter().find(|api| api.api_key == ApiVersionsRequest::KEY);
            version = offered.map_or(0, |api| api.max_version).clamp(0, newest - 1);
            // Fields that version 0 to 2 lack must not be set.
            let request = if version < 3 { ApiVersionsRequest::default() } else { request };
            body = self.exchange(&request, version).await?;
        }
        let answer: ApiVersionsResponse = self.decode(&mut body, ApiVersionsRequest::KEY, version)?;
        accepted(answer.error_code, || "ApiVersions".to_owned())?;
        let offered = answer.api_keys.iter().map(|api| (api.api_key, api.min_version..=api.max_version));
        self.versions = offered.collect();
        Ok(())
    }

    /// One frame there, one frame back; gives the body behind the response header.
    async fn exchange<R: Request>(&mut self, request: &R, version: i16) -> Result<Bytes, WireError> {
        if self.busy {
            let source =
                io::Error::new(io::ErrorKind::NotConnected, "an earlier call failed or was given up");
            return Err(WireError::Closed { address: self.address.clone(), source });
        }
        self.correlation_id = self.correlation_id.wrapping_add(1);
        let outgoing = self.encode(request, version)?;
        self.busy = true;
        // In one piece: before a second small one the kernel may wait for an acknowledgement of the first.
        let answered = async {
            self.stream.write_all(&outgoing).await?;
            self.stream.flush().await?;
            frame::read(&mut self.stream, answer::max_bytes(R::KEY)).await
        };
        let mut body = answered.await.map_err(|error| self.lost(error))?;
        let header_version = R::Response::header_version(version);
        let header =
            ResponseHeader::decode(&mut body, header_version).map_err(|e| self.broken(e.to_string()))?;
        if header.correlation_id != self.correlation_id {
            let (got, sent) = (header.correlation_id, self.correlation_id);
            return Err(self.broken(format!("correlation id {got}, expected {sent}")));
        }
        self.busy = false;
        Ok(body)
    }

    fn encode<R: Request>(&self, request: &R, version: i16) -> Result<BytesMut, WireError> {
        let unencodable = |reason| WireError::Unencodable { call: call_name(R::KEY), reason };
        let header = RequestHeader::default()
            .with_request_api_key(R::KEY)
            .with_request_api_version(version)
            .with_correlation_id(self.correlation_id)
            .with_client_id(Some(self.client_id.clone()));
        let mut outgoing = frame::begin();
        let encoded = header.encode(&mut outgoing, R::header_version(version));
        let encoded = encoded.and_then(|()| request.encode(&mut outgoing, version));
        encoded.map_err(|error| unencodable(error.to_string()))?;
        frame::finish(&mut outgoing).map_err(unencodable)?;
        Ok(outgoing)
    }

    fn decode<A: Decodable>(&mut self, body: &mut Bytes, key: i16, version: i16) -> Result<A, WireError> {
        let reason = match answer::decode::<A>(body, key, version) {
            Ok(answer) if !body.has_remaining() => return Ok(answer),
            Ok(_) => format!("{} bytes behind the answer to {} v{version}", body.remaining(), call_name(key)),
            Err(error) => format!("{} v{version}: {error}", call_name(key)),
        };
        self.busy = true;
        Err(self.broken(reason))
    }

    fn lost(&self, error: io::Error) -> WireError {
        match error.kind() {
            io::ErrorKind::InvalidData => self.broken(error.to_string()),
            _ => WireError::Closed { address: self.address.clone(), source: error },
        }
    }

    fn broken(&self, reason: String) -> WireError {
        WireError::Broken { address: self.address.clone(), reason }
    }
}

/// A broker says nothing to a client that knows less of security than it asks for: it closes.
fn unwelcome(error: WireError) -> WireError {
    match error {
        WireError::Closed { address, source } if source.kind() == io::ErrorKind::UnexpectedEof => {
            let words = "by the broker before it answered anything; if that lasts, does it want TLS or a login (see \
                         KAFKA_SECURITY_PROTOCOL)?";
            WireError::Closed { address, source: io::Error::new(source.kind(), words) }
        }
        error => error,
    }
}
