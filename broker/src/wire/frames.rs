//! Requests as they are cut from the stream: four bytes of length, then that many bytes.

use bytes::{Buf, Bytes, BytesMut};
use kafka_protocol::messages::ApiKey;
use thiserror::Error;
use tokio::{io::AsyncReadExt, net::tcp::ReadHalf};

/// Api key, version and correlation id: what every request begins with.
const SHORTEST: usize = 8;
/// Requests other than produce carry names and numbers. A small cap bounds what decoding them can cost.
const LONGEST_WITHOUT_RECORDS: usize = 1 << 20;
/// How much a client may send ahead while a request of its waits.
const READ_AHEAD: usize = 64 << 10;

/// Why a stream of requests ended early.
#[derive(Debug, Error)]
pub(crate) enum FrameError {
    #[error("a request of {0} bytes is no request")]
    Length(i32),
    #[error("a request of {length} bytes (api {api}) is over the limit of {limit}")]
    TooLarge { api: i16, length: usize, limit: usize },
    #[error("the client left in the middle of a request")]
    Truncated,
    #[error("cannot read from the client")]
    Read(#[from] std::io::Error),
}

/// The requests of one connection.
pub(crate) struct Frames<'a> {
    socket: ReadHalf<'a>,
    buffer: BytesMut,
    produce_limit: usize,
}

impl<'a> Frames<'a> {
    pub(crate) fn new(socket: ReadHalf<'a>, produce_limit: usize) -> Self {
        Self { socket, buffer: BytesMut::with_capacity(READ_AHEAD), produce_limit }
    }

    /// The next request without its length; `None` when the client has said all it had to say. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, FrameError> {
        loop {
            let missing = match self.wanted()? {
                Some(length) if self.buffer.len() >= 4 + length => {
                    self.buffer.advance(4);
                    return Ok(Some(self.buffer.split_to(length).freeze()));
                }
                Some(length) => 4 + length - self.buffer.len(),
                None => READ_AHEAD,
            };
            self.buffer.reserve(missing);
            if self.socket.read_buf(&mut self.buffer).await? == 0 {
                return if self.buffer.is_empty() { Ok(None) } else { Err(FrameError::Truncated) };
            }
        }
    }

    /// Completes when the client is gone. What it sends ahead meanwhile is kept for [`next`](Self::next), up to a
    /// bound; beyond it the client is left waiting, as it would be by TCP. Cancel-safe.
    pub(crate) async fn gone(&mut self) {
        while self.buffer.len() < READ_AHEAD {
            self.buffer.reserve(READ_AHEAD - self.buffer.len());
            if matches!(self.socket.read_buf(&mut self.buffer).await, Ok(0) | Err(_)) {
                return;
            }
        }
        std::future::pending::<()>().await;
    }

    /// The length of the request at the front, as soon as enough is there to judge it.
    fn wanted(&self) -> Result<Option<usize>, FrameError> {
        let Some((&length, rest)) = self.buffer.split_first_chunk::<4>() else { return Ok(None) };
        let stated = i32::from_be_bytes(length);
        let length = match usize::try_from(stated) {
            Ok(length) if length >= SHORTEST => length,
            _ => return Err(FrameError::Length(stated)),
        };
        let Some((&api, _)) = rest.split_first_chunk::<2>() else { return Ok(None) };
        let api = i16::from_be_bytes(api);
        let limit = if api == ApiKey::Produce as i16 {
            self.produce_limit
        } else {
            LONGEST_WITHOUT_RECORDS.min(self.produce_limit)
        };
        if length > limit {
            return Err(FrameError::TooLarge { api, length, limit });
        }
        Ok(Some(length))
    }
}
