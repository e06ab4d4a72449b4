//! One connection: one request at a time, answered in the order they came.
//!
//! That is what Kafka does, and clients rely on it: a fetch that waits for records holds up what is pipelined behind
//! it on the same socket, and nothing else. While a request waits, the socket is watched, so that a client that is
//! gone takes its waiting fetch or join with it.

use std::time::Duration;

use thiserror::Error;
use tokio::{
    io::AsyncWriteExt,
    net::TcpStream,
    time::{sleep, timeout},
};

use crate::{
    dispatch::{self, Origin, Reply},
    node::Node,
    wire::{FrameError, Frames},
};

/// A client that does not take its answer for so long is given up.
const WRITE_LIMIT: Duration = Duration::from_secs(60);

/// Why the broker closed a connection.
#[derive(Debug, Error)]
pub(crate) enum Closed {
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error(transparent)]
    Refused(#[from] dispatch::Refusal),
    #[error("nothing was sent for {0:?}")]
    Idle(Duration),
    #[error("the answer was not taken for {WRITE_LIMIT:?}")]
    Stuck,
    #[error("cannot write to the client")]
    Write(#[source] std::io::Error),
}

impl Closed {
    /// Whether the client did something it should not have, rather than merely go away.
    pub(crate) fn is_the_clients_fault(&self) -> bool {
        match self {
            Self::Refused(_) | Self::Stuck => true,
            Self::Frame(error) => matches!(error, FrameError::Length(_) | FrameError::TooLarge { .. }),
            Self::Idle(_) | Self::Write(_) => false,
        }
    }
}

/// Serves a connection until its client leaves (`Ok`) or there is a reason to close it.
pub(crate) async fn serve(node: &Node, socket: &mut TcpStream, origin: &Origin) -> Result<(), Closed> {
    // Best effort: without it answers are merely late.
    let _ = socket.set_nodelay(true);
    let (read, mut write) = socket.split();
    let mut frames = Frames::new(read, node.config.max_request_bytes);
    let idle = node.config.max_idle;
    loop {
        let next = timeout(idle, frames.next()).await.map_err(|_| Closed::Idle(idle))??;
        let Some(request) = next else { return Ok(()) };
        let handled = async {
            node.faults.thawed().await;
            let reply = dispatch::answer(node, origin, request).await?;
            sleep_if_any(node.faults.current_delay()).await;
            node.faults.thawed().await;
            Ok::<_, dispatch::Refusal>(reply)
        };
        let reply = tokio::select! {
            // What can be handled at once is, even if the client did not stay for the answer (acks=0).
            biased;
            reply = handled => reply?,
            () = frames.gone() => return Ok(()),
        };
        let Reply { bytes, pause } = reply;
        let sent = timeout(WRITE_LIMIT, write.write_all(&bytes)).await;
        sent.map_err(|_| Closed::Stuck)?.map_err(Closed::Write)?;
        sleep_if_any(pause).await;
    }
}

async fn sleep_if_any(duration: Duration) {
    if !duration.is_zero() {
        sleep(duration).await;
    }
}
