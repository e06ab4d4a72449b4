//! A frame: four bytes of length, then that much.

use std::io;

use bytes::{BufMut, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

/// No request of ours is larger, and no answer that holds records; a length beyond it is not Kafka talking.
pub(crate) const MAX_FRAME_BYTES: usize = 64 << 20;
/// The correlation id stands in every response.
const MIN_FRAME_BYTES: usize = 4;
const LENGTH_BYTES: usize = 4;
/// Most answers are smaller. One that is not makes the room grow, at most twofold.
const FIRST_ROOM_BYTES: usize = 16 << 10;

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

/// Reads one frame's body, of `longest` bytes at most. Room is made as bytes arrive, not as they are announced.
/// [`io::ErrorKind::InvalidData`] if its length cannot be right.
pub(super) async fn read(stream: &mut (impl AsyncRead + Unpin), longest: usize) -> io::Result<Bytes> {
    let claimed = stream.read_i32().await?;
    let length = usize::try_from(claimed).ok().filter(|n| (MIN_FRAME_BYTES..=longest).contains(n));
    let invalid = || {
        let hint = if is_tls_alert(claimed) { ", which is TLS: see KAFKA_SECURITY_PROTOCOL" } else { "" };
        io::Error::new(io::ErrorKind::InvalidData, format!("frame length {claimed}{hint}"))
    };
    let mut left = length.ok_or_else(invalid)?;
    let mut body = BytesMut::with_capacity(left.min(FIRST_ROOM_BYTES));
    while left > 0 {
        let read = stream.read_buf(&mut (&mut body).limit(left)).await?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        left -= read;
    }
    Ok(body.freeze())
}

/// A listener that wants TLS answers a plain request with an alert of the protocol's own.
fn is_tls_alert(claimed: i32) -> bool {
    claimed.to_be_bytes()[..2] == [21, 3]
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    /// That nothing is taken up for what was announced is seen by `fuzz_frame`, which counts memory.
    #[tokio::test]
    async fn a_frame_that_breaks_off_is_an_error() {
        let (mut broker, mut stream) = tokio::io::duplex(1 << 20);
        broker.write_all(&(64_i32 << 20).to_be_bytes()).await.unwrap();
        broker.write_all(&[7; 1000]).await.unwrap();
        drop(broker);
        let error = read(&mut stream, MAX_FRAME_BYTES).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }

    #[tokio::test]
    async fn a_frame_ends_where_the_next_begins() {
        let (mut broker, mut stream) = tokio::io::duplex(64);
        let bodies = [vec![1; 4], vec![2; 100_000], vec![3; 5]];
        let sent = bodies.clone();
        let sending = tokio::spawn(async move {
            for body in sent {
                broker.write_u32(u32::try_from(body.len()).unwrap()).await.unwrap();
                broker.write_all(&body).await.unwrap();
            }
        });
        for body in bodies {
            assert_eq!(read(&mut stream, 100_000).await.unwrap(), body);
        }
        sending.await.unwrap();
    }
}
