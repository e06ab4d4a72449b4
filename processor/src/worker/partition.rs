//! One partition of the request topic, from the assignment to its end.
//!
//! ```text
//!   held ─▶ open, until it succeeds ─▶ serve (stream.rs)
//!   ending (revoked, or shutdown) ─▶ nothing new is read; what is under way is finished, for 2.5 s at most
//!   over ─▶ nothing is written any more; the last position is handed over
//! ```

use std::sync::Arc;
use std::time::Duration;

use kafka::Backoff;
use kafka::group::Commits;
use kafka::reader::{Reader, Start};

use super::context::Context;
use super::stream::Stream;
use crate::ledger::Lease;

/// How long what is under way may take once the partition has to be given up. The group waits 3 s, and the last
/// position has to reach it in that time.
pub(crate) const DRAIN_LIMIT: Duration = Duration::from_millis(2_500);

/// A partition to work on.
#[derive(Debug)]
pub(crate) struct Partition {
    pub(crate) context: Arc<Context>,
    pub(crate) number: i32,
    pub(crate) lease: Arc<Lease>,
    pub(crate) commits: Commits,
    /// The position that the group has; with none, the partition is read from its earliest record.
    pub(crate) committed: Option<i64>,
}

impl Partition {
    /// Works until the lease ends, then finishes what is under way, for [`DRAIN_LIMIT`] at most, and hands over the
    /// last position. May be dropped at any time: what is under way is given up then.
    pub(crate) async fn run(self) {
        let reader = tokio::select! {
            biased;
            () = self.lease.ending() => return,
            reader = self.open() => reader,
        };
        let (number, lease) = (self.number, Arc::clone(&self.lease));
        let mut stream = Stream::new(self, reader);
        stream.serve().await;
        if tokio::time::timeout(DRAIN_LIMIT, stream.finish()).await.is_err() {
            tracing::warn!(
                partition = number,
                records = stream.in_flight().records,
                "unfinished after {DRAIN_LIMIT:?}; whoever gets the partition does them again"
            );
        }
        lease.close();
        stream.hand_over();
    }

    /// Tries until it succeeds.
    async fn open(&self) -> Reader {
        let start = self.committed.map_or(Start::Earliest, Start::Offset);
        let mut backoff = Backoff::new();
        loop {
            match Reader::open(&self.context.kafka, &self.context.request_topic, self.number, start).await {
                Ok(reader) => return reader,
                Err(error) => tracing::debug!(error = &error as &dyn std::error::Error, "cannot read yet"),
            }
            backoff.pause().await;
        }
    }
}
