//! Questions about a broker that may have been replaced, put to the others once for all that wonder.
//!
//! A process that reads a thousand quiet partitions wonders a thousand times over, and one answer tells of all of them.

use std::{collections::HashMap, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::time::Instant;

/// When each broker was last asked about, by its address.
#[derive(Debug, Default)]
pub(super) struct Questions {
    asked: Mutex<HashMap<String, Arc<tokio::sync::Mutex<Option<Instant>>>>>,
}

impl Questions {
    /// Puts the `question` about the broker at `address`, or waits for whoever does so already. Not again before `pause` is
    /// over, whatever came of it.
    pub(super) async fn ask(&self, address: &str, pause: Duration, question: impl Future<Output = ()>) {
        let asked = Arc::clone(self.asked.lock().entry(address.to_owned()).or_default());
        let mut last = asked.lock().await;
        if last.is_none_or(|last| last.elapsed() >= pause) {
            question.await;
            *last = Some(Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    use futures::future::join_all;
    use tokio::task::yield_now;

    use super::*;

    #[tokio::test]
    async fn those_who_wonder_together_ask_once() {
        let (questions, count) = (Questions::default(), AtomicUsize::new(0));
        let ask = |address, pause| {
            questions.ask(address, pause, async {
                yield_now().await;
                count.fetch_add(1, Relaxed);
            })
        };
        let long = Duration::from_hours(1);
        join_all((0..10).map(|_| ask("host:1", long))).await;
        assert_eq!(count.load(Relaxed), 1);
        ask("host:2", long).await;
        assert_eq!(count.load(Relaxed), 2, "about another broker");
        ask("host:1", Duration::ZERO).await;
        assert_eq!(count.load(Relaxed), 3, "the pause is over");
    }
}
