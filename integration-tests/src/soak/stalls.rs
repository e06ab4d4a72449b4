//! When the observer itself did not run: what it timed then is not the stack's to answer for.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::sleep;

use super::clock::Clock;
use crate::checker::Span;

const TICK: Duration = Duration::from_millis(10);

/// Timers and two busy cores are this late without anything being wrong.
const TOLERATED: Duration = Duration::from_millis(50);

/// The times in which a timer came late.
#[derive(Clone, Default)]
pub(super) struct Stalls {
    spans: Arc<Mutex<Vec<Span>>>,
}

impl Stalls {
    /// Notices them, until dropped.
    pub(super) async fn watch(self, clock: Clock) {
        let mut from = clock.now();
        loop {
            sleep(TICK).await;
            let to = clock.now();
            if to.saturating_sub(from) > TICK + TOLERATED {
                self.spans.lock().push(Span { from, to });
            }
            from = to;
        }
    }

    pub(super) fn spans(&self) -> Vec<Span> {
        self.spans.lock().clone()
    }
}
