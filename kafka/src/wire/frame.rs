//! A frame: four bytes of length, then that much.

use std::io;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// No answer of ours is larger; a length beyond it is not Kafka talking.
pub(super) const MAX_FRAME_BYTES: usize = 64 << 20;
/// Room for the length at the front of a frame under construction.
pub(super) const LENGTH_BYTES: usize = 4;
/// The correlation id stands in every response.
const MIN_FRAME_BYTES: usize = 4;

/// Writes `frame`, whose first four bytes are room for its length. In one piece: with a second small write the
/// kernel waits for an acknowledgement in between.
pub(super) async fn write(stream: &mut (impl AsyncWrite + Unpin), frame: &mut [u8]) -> io::Result<()> {
    let length = u32::try_from(frame.len() - LENGTH_BYTES).ok().filter(|n| *n as usize <= MAX_FRAME_BYTES);
    let length = length.ok_or_else(|| invalid(format!("request of {} bytes", frame.len())))?;
    frame[..LENGTH_BYTES].copy_from_slice(&length.to_be_bytes());
    stream.write_all(frame).await?;
    stream.flush().await
}

/// Reads one frame's body. [`io::ErrorKind::InvalidData`] if its length cannot be right.
pub(super) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Bytes> {
    let claimed = stream.read_i32().await?;
    let length = usize::try_from(claimed).ok().filter(|n| (MIN_FRAME_BYTES..=MAX_FRAME_BYTES).contains(n));
    let length = length.ok_or_else(|| invalid(format!("frame length {claimed}")))?;
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    Ok(Bytes::from(body))
}

fn invalid(reason: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}
