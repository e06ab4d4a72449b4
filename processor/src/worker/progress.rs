//! How far a partition is: its books, what the group was told, what the metrics show.

use std::sync::Arc;

use kafka::group::Commits;
use service::metrics::Gauge;

use crate::ledger::{Lease, Ledger};
use crate::metrics::ProcessorMetrics;

/// The progress on one partition.
#[derive(Debug)]
pub(crate) struct Progress {
    number: i32,
    lease: Arc<Lease>,
    ledger: Arc<Ledger>,
    commits: Commits,
    /// The position that the group's member was last told.
    handed_over: Option<i64>,
    /// Where the log ended when it was last read.
    high_watermark: i64,
    lag: Gauge,
    metrics: Arc<ProcessorMetrics>,
}

impl Progress {
    /// On the partition of this number, which is read from `position` where the group has `committed`.
    pub(crate) fn starting_at(
        position: i64,
        committed: Option<i64>,
        number: i32,
        lease: Arc<Lease>,
        commits: Commits,
        metrics: Arc<ProcessorMetrics>,
    ) -> Self {
        let ledger = Arc::new(Ledger::starting_at(position, Arc::clone(&lease), metrics.in_flight()));
        let lag = metrics.lag(number);
        Self {
            number,
            lease,
            ledger,
            commits,
            handed_over: committed,
            high_watermark: position,
            lag,
            metrics,
        }
    }

    pub(crate) fn ledger(&self) -> &Arc<Ledger> {
        &self.ledger
    }

    /// The log ended here when it was last read.
    pub(crate) fn saw_end(&mut self, high_watermark: i64) {
        self.high_watermark = high_watermark;
    }

    /// Tells the group's member how far we are, if that is news.
    pub(crate) fn hand_over(&mut self) {
        let position = self.ledger.committable();
        self.lag.set(self.high_watermark.saturating_sub(position).max(0));
        if self.handed_over != Some(position) {
            self.handed_over = Some(position);
            if !self.commits.commit(self.number, position) {
                tracing::debug!(
                    partition = self.number,
                    position,
                    "too late for a commit: not ours any more"
                );
                self.metrics.commit_failed();
            }
        }
    }

    /// The log ended before what was read of it: the topic was made anew, or cut. What is under way belongs to a log
    /// that is gone, so the books begin anew, too.
    pub(crate) fn start_over(&mut self, position: i64) {
        let in_flight = self.metrics.in_flight();
        self.ledger = Arc::new(Ledger::starting_at(position, Arc::clone(&self.lease), in_flight));
        self.commits.rewind(self.number, position);
        self.handed_over = Some(position);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        // However the work on the partition ends, what is still under way must not be written by us any more.
        self.lease.close();
        self.metrics.forget_lag(self.number);
    }
}
