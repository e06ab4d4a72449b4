//! One way of one connection.
//!
//! ```text
//!   socket ─▶ take ─▶ bounded queue ─▶ give ─▶ other socket
//!             reads as fast as          decides, when bytes are due,
//!             the queue has room        whether they arrive
//! ```

use std::io;
use std::num::NonZeroU32;
use std::ops::ControlFlow;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until};

use super::cut::Frames;
use super::switches::Switches;
use super::{Carry, Direction, Flow};

/// Bytes read at once.
const PIECE: usize = 16 << 10;
/// Pieces that may be on their way; with more the sender is left waiting, as it would be by TCP.
const PIECES: usize = 64;
/// A limited flow gives so many portions a second.
const PORTIONS: u32 = 20;

/// The connection has to be reset, on both sides.
pub(super) struct Broken;

/// Bytes with the time at which they were read, or how reading ended.
type Piece = (Instant, io::Result<Bytes>);

/// Carries what `from` sends to `to` until `from` has said its last. The end is passed on like everything else.
pub(super) async fn run(
    from: ReadHalf<'_>,
    to: WriteHalf<'_>,
    direction: Direction,
    switches: &Switches,
) -> Result<(), Broken> {
    let (queue, pieces) = mpsc::channel(PIECES);
    let taking = async {
        take(from, queue).await;
        // What was taken may still be on its way: only the giving side ends a pump.
        std::future::pending().await
    };
    let mut giver = Giver {
        to,
        direction,
        switches,
        flow: switches.flow(direction).subscribe(),
        frames: Frames::default(),
        lossy: false,
    };
    tokio::select! {
        ended = giver.run(pieces) => ended,
        never = taking => never,
    }
}

async fn take(mut from: ReadHalf<'_>, queue: mpsc::Sender<Piece>) {
    let mut buffer = BytesMut::new();
    loop {
        buffer.reserve(PIECE);
        let read = from.read_buf(&mut buffer).await;
        let last = !matches!(read, Ok(1..));
        let piece = read.map(|_| buffer.split().freeze());
        if queue.send((Instant::now(), piece)).await.is_err() || last {
            return;
        }
    }
}

struct Giver<'a> {
    to: WriteHalf<'a>,
    direction: Direction,
    switches: &'a Switches,
    flow: watch::Receiver<Flow>,
    frames: Frames,
    /// Bytes were lost: what follows them would make no sense.
    lossy: bool,
}

impl Giver<'_> {
    async fn run(&mut self, mut pieces: mpsc::Receiver<Piece>) -> Result<(), Broken> {
        loop {
            let piece = tokio::select! {
                piece = pieces.recv() => piece,
                _ = self.flow.changed() => {
                    self.check()?;
                    continue;
                }
            };
            let Some((read, bytes)) = piece else { return Ok(()) };
            let bytes = bytes.map_err(|_| Broken)?;
            self.due(read).await?;
            match bytes {
                bytes if bytes.is_empty() => return self.end().await,
                bytes => self.give(bytes).await?,
            }
        }
    }

    /// Waits until what was read then may arrive, or get lost.
    async fn due(&mut self, read: Instant) -> Result<(), Broken> {
        loop {
            let flow = *self.flow.borrow_and_update();
            self.check()?;
            let due = read + flow.delay;
            match flow.carry {
                Carry::Lose => return Ok(()),
                Carry::Pass if due <= Instant::now() => return Ok(()),
                Carry::Pass => tokio::select! {
                    () = sleep_until(due) => {}
                    _ = self.flow.changed() => {}
                },
                Carry::Hold => drop(self.flow.changed().await),
            }
        }
    }

    async fn give(&mut self, mut bytes: Bytes) -> Result<(), Broken> {
        while !bytes.is_empty() {
            let flow = *self.flow.borrow();
            if flow.carry == Carry::Lose {
                self.lossy = true;
                return Ok(());
            }
            let portion = flow.bytes_per_second.map_or(bytes.len(), portion).min(bytes.len());
            let portion = bytes.split_to(portion);
            let next = || self.switches.cuts.take(self.direction);
            if let ControlFlow::Break(passing) = self.frames.admit(&portion, next) {
                // Best effort: the reset follows either way.
                let _ = self.to.write_all(&portion[..passing]).await;
                return Err(Broken);
            }
            self.to.write_all(&portion).await.map_err(|_| Broken)?;
            if let Some(limit) = flow.bytes_per_second {
                sleep(
                    Duration::from_secs(1) * u32::try_from(portion.len()).unwrap_or(u32::MAX) / limit.get(),
                )
                .await;
            }
        }
        Ok(())
    }

    /// Passes the end on. Where anything gets lost, a client that left takes the connection with it, and a broker that
    /// left is not missed until bytes may pass again.
    async fn end(&mut self) -> Result<(), Broken> {
        let loses = |direction| self.switches.flow(direction).borrow().carry == Carry::Lose;
        if self.direction == Direction::Requests && Direction::BOTH.into_iter().any(loses) {
            return Err(Broken);
        }
        while self.flow.borrow_and_update().carry == Carry::Lose {
            self.lossy = true;
            let _ = self.flow.changed().await;
        }
        self.check()?;
        self.to.shutdown().await.map_err(|_| Broken)
    }

    /// A connection that lost bytes is over when bytes may pass again.
    fn check(&self) -> Result<(), Broken> {
        let whole = !self.lossy || self.flow.borrow().carry != Carry::Pass;
        if whole { Ok(()) } else { Err(Broken) }
    }
}

/// Bytes that a limited flow gives at once.
fn portion(bytes_per_second: NonZeroU32) -> usize {
    usize::try_from(bytes_per_second.get().div_ceil(PORTIONS)).unwrap_or(usize::MAX)
}
