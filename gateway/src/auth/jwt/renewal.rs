//! Asking for the keys to be fetched once more: those who hold a token whose key is not known ring, one fetches.
//!
//! Whatever becomes of a fetch, those who wait for its end hear of it: also of one that panics or is given up.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, timeout_at};

/// Between two fetches because of tokens whose key is not known.
pub(super) const ASKED_INTERVAL: Duration = Duration::from_mins(1);
/// Longest that a request waits for keys to be fetched.
const WAIT: Duration = Duration::from_secs(3);

/// The bell between both.
#[derive(Debug)]
pub(super) struct Renewal {
    asked: Mutex<Asked>,
    wake: Notify,
    /// Counts the fetches that have ended.
    ended: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Asked {
    last: Option<Instant>,
    is_under_way: bool,
}

/// A fetch under way. It has ended when this is dropped.
#[derive(Debug)]
pub(super) struct UnderWay<'a>(&'a Renewal);

impl Default for Renewal {
    fn default() -> Self {
        Self { asked: Mutex::default(), wake: Notify::new(), ended: watch::Sender::new(0) }
    }
}

impl Renewal {
    /// Rings, if it is time for that, and waits until a fetch has ended; until `deadline` at most. Returns at once if one has
    /// a moment ago. False if it has not ended: what it would bring is not known.
    pub(super) async fn ask(&self, deadline: Instant) -> bool {
        let mut ended = self.ended.subscribe();
        {
            let mut asked = self.asked.lock();
            let now = Instant::now();
            if !asked.is_under_way {
                if asked.last.is_some_and(|last| now - last < ASKED_INTERVAL) {
                    return true;
                }
                *asked = Asked { last: Some(now), is_under_way: true };
                self.wake.notify_one();
            }
        }
        timeout_at(deadline.min(Instant::now() + WAIT), ended.changed()).await.is_ok()
    }

    /// Somebody rings.
    pub(super) async fn rung(&self) {
        self.wake.notified().await;
    }

    /// A fetch begins.
    pub(super) fn begin(&self) -> UnderWay<'_> {
        self.asked.lock().is_under_way = true;
        UnderWay(self)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.asked.lock().is_under_way = false;
        self.0.ended.send_modify(|count| *count += 1);
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    fn later() -> Instant {
        Instant::now() + Duration::from_hours(1)
    }

    #[tokio::test]
    async fn those_who_wait_hear_of_a_fetch_that_panics() {
        let renewal = Renewal::default();
        let mut asking = Box::pin(renewal.ask(later()));
        assert!(asking.as_mut().now_or_never().is_none(), "it waits");
        renewal.rung().await;
        let fetching = std::panic::AssertUnwindSafe(async {
            let _under_way = renewal.begin();
            panic!("on purpose");
        });
        assert!(fetching.catch_unwind().await.is_err());
        assert_eq!(asking.now_or_never(), Some(true), "it waits for nobody");
        assert!(!renewal.asked.lock().is_under_way);
    }

    #[tokio::test]
    async fn one_fetch_is_asked_for_once_however_many_ring() {
        let renewal = Renewal::default();
        let mut asking: Vec<_> = (0..3).map(|_| Box::pin(renewal.ask(later()))).collect();
        assert!(asking.iter_mut().all(|asking| asking.as_mut().now_or_never().is_none()));
        renewal.rung().await;
        assert!(renewal.rung().now_or_never().is_none(), "once");
        drop(renewal.begin());
        assert!(asking.into_iter().all(|asking| asking.now_or_never().is_some()));
        assert_eq!(renewal.ask(later()).now_or_never(), Some(true), "it was a moment ago");
        assert!(renewal.rung().now_or_never().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_in_vain_knows_that_it_has_not_ended() {
        let renewal = Renewal::default();
        let _under_way = renewal.begin();
        assert!(!renewal.ask(later()).await);
        assert!(!renewal.ask(Instant::now()).await, "no time is left");
    }
}
