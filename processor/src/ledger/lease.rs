//! The hold that this worker has on a partition.
//!
//! ```text
//!   held ──revoked, or shutdown──▶ ending ──drained──▶ over
//!     └──────────────────lost──────────────────────────▲
//! ```
//! Whoever works on the partition's records looks here first: nothing new is taken once the lease is ending, and
//! nothing is written any more once it is over.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio_util::sync::CancellationToken;

#[derive(Debug, Default)]
pub(crate) struct Lease {
    ending: CancellationToken,
    over: AtomicBool,
}

impl Lease {
    /// Take nothing new, finish what is there.
    pub(crate) fn end(&self) {
        self.ending.cancel();
    }

    /// The partition may be somebody else's by now.
    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    /// From now on nothing is written for the partition.
    pub(crate) fn close(&self) {
        self.over.store(true, Ordering::Release);
        self.ending.cancel();
    }

    pub(crate) fn is_ending(&self) -> bool {
        self.ending.is_cancelled()
    }

    /// Returns once it is ending; at once if it is.
    pub(crate) async fn ending(&self) {
        self.ending.cancelled().await;
    }
}
