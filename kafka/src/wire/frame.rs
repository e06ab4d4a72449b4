//! A frame: four bytes of length, then that much.

use std::io;

use bytes::{BufMut, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

/// No answer of ours is larger; a length beyond it is not Kafka talking.
const MAX_FRAME_BYTES: usize = 64 << 20;
/// The correlation id stands in every response.
const MIN_FRAME_BYTES: usize = 4;
const LENGTH_BYTES: usize = 4;

/// An outgoing frame with room for its length in front; the body goes behind it.
pub(super) fn begin() -> BytesMut {
    let mut frame = BytesMut::with_capacity(256);
    frame.put_bytes(0, LENGTH_BYTES);
    frame
}

/// Fills in the length, or says that the frame is too large.
pub(super) fn finish(frame: &mut [u8]) -> Result<(), String> {
    let length = frame.len() - LENGTH_BYTES;
    let length = u32::try_from(length).ok().filter(|_| length <= MAX_FRAME_BYTES);
    let length = length.ok_or_else(|| format!("it has {} bytes", frame.len()))?;
    frame[..LENGTH_BYTES].copy_from_slice(&length.to_be_bytes());
    Ok(())
}

/// Reads one frame's body. [`io::ErrorKind::InvalidData`] if its length cannot be right.
pub(super) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Bytes> {
    let claimed = stream.read_i32().await?;
    let length = usize::try_from(claimed).ok().filter(|n| (MIN_FRAME_BYTES..=MAX_FRAME_BYTES).contains(n));
    let invalid = || {
        let hint = if is_tls_alert(claimed) { ", which is TLS: see KAFKA_SECURITY_PROTOCOL" } else { "" };
        io::Error::new(io::ErrorKind::InvalidData, format!("frame length {claimed}{hint}"))
    };
    let mut body = vec![0; length.ok_or_else(invalid)?];
    stream.read_exact(&mut body).await?;
    Ok(Bytes::from(body))
}

/// A listener that wants TLS answers a plain request with an alert of the protocol's own.
fn is_tls_alert(claimed: i32) -> bool {
    claimed.to_be_bytes()[..2] == [21, 3]
}
