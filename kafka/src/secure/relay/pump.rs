//! Passes frames between rskafka and a broker, and logs in again between two of them.
//!
//! While all is well bytes pass as they come, both ways at once. When the session is due, the next request waits until
//! those before it are answered: then the connection is silent, the login is renewed over it, and the request goes on.

use std::{
    io,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    select,
    sync::Notify,
    time::{Instant, timeout, timeout_at},
};

use super::frames::Frames;
use crate::{
    Config,
    secure::Session,
    wire::{Connection, WireError},
};

/// What is read at once.
const BUFFER_BYTES: usize = 64 << 10;
/// Longest wait for the answers that are due before a login is renewed: more than a broker takes for any produce or fetch.
const LAST_ANSWERS: Duration = Duration::from_secs(60);

/// Why a relayed connection ended otherwise than by somebody's closing it.
#[derive(Debug, thiserror::Error)]
pub(super) enum Ended {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("cannot renew the session: {0}")]
    Renewal(#[from] WireError),
}

/// Passes frames until one of both closes. Both are closed then.
pub(super) async fn run(caller: TcpStream, mut broker: Connection, config: &Config) -> Result<(), Ended> {
    let (from_caller, mut to_caller) = caller.into_split();
    let mut requests =
        Requests { from: from_caller, buffer: vec![0; BUFFER_BYTES], held: 0, frames: Frames::default() };
    loop {
        let (session, flight) = (broker.session(), Flight::default());
        let (from_broker, to_broker) = tokio::io::split(broker.stream());
        let is_due = select! {
            biased;
            sent = requests.send(to_broker, session, &flight) => sent?,
            received = receive(from_broker, &mut to_caller, &flight) => { received?; false }
        };
        if !is_due {
            return Ok(());
        }
        let deadline = Instant::now() + config.timeout;
        timeout_at(deadline, broker.log_in(deadline))
            .await
            .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    }
}

/// rskafka's side.
struct Requests<R> {
    from: R,
    buffer: Vec<u8>,
    /// So much of the buffer was read, and not yet sent.
    held: usize,
    /// How far the broker has been sent to.
    frames: Frames,
}

impl<R: AsyncRead + Unpin> Requests<R> {
    /// Sends requests until the session is due, no request is half sent and none is unanswered: true. False once rskafka
    /// has closed its side.
    async fn send(
        &mut self,
        mut to: impl AsyncWrite + Unpin,
        session: Session,
        flight: &Flight,
    ) -> io::Result<bool> {
        loop {
            if self.held == 0 {
                self.held = self.from.read(&mut self.buffer).await?;
                if self.held == 0 {
                    return Ok(false);
                }
            }
            let mut passing = self.held;
            if session.is_due(Instant::now()) {
                passing = self.frames.until_boundary(&self.buffer[..self.held])?;
                if passing == 0 {
                    let landed = timeout(LAST_ANSWERS, flight.all_landed()).await;
                    return landed.map(|()| true).map_err(|_| io::ErrorKind::TimedOut.into());
                }
            }
            let bytes = &self.buffer[..passing];
            flight.began(self.frames.pass(bytes)?);
            to.write_all(bytes).await?;
            to.flush().await?;
            self.buffer.copy_within(passing..self.held, 0);
            self.held -= passing;
        }
    }
}

/// Passes answers on until the broker closes.
async fn receive(
    mut from: impl AsyncRead + Unpin,
    to: &mut (impl AsyncWrite + Unpin),
    flight: &Flight,
) -> io::Result<()> {
    let (mut buffer, mut frames) = (vec![0; BUFFER_BYTES], Frames::default());
    loop {
        let read = from.read(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        to.write_all(&buffer[..read]).await?;
        flight.landed(frames.pass(&buffer[..read])?);
    }
}

/// Requests that are not yet answered. rskafka sends none that gets no answer.
#[derive(Debug, Default)]
struct Flight {
    count: AtomicUsize,
    landed: Notify,
}

impl Flight {
    fn began(&self, count: usize) {
        self.count.fetch_add(count, Relaxed);
    }

    fn landed(&self, count: usize) {
        // A broker that answers more than it was asked is not ours to judge.
        let before = self.count.fetch_update(Relaxed, Relaxed, |flying| Some(flying.saturating_sub(count)));
        if before.is_ok_and(|before| before <= count) {
            self.landed.notify_one();
        }
    }

    async fn all_landed(&self) {
        while self.count.load(Relaxed) > 0 {
            self.landed.notified().await;
        }
    }
}
