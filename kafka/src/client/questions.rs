//! Questions about a broker that may have been replaced, put to the others once for all that wonder.
//!
//! A process that reads a thousand quiet partitions wonders a thousand times over, and one answer tells of all of them.

use std::{collections::HashMap, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::time::Instant;

/// So long ago that no pause is longer: it is as if it had never been asked.
const FORGOTTEN_AFTER: Duration = Duration::from_mins(10);

/// When each broker was last asked about, by its address. Brokers come and go, each with an address of its own.
#[derive(Debug, Default)]
pub(super) struct Questions {
    asked: Mutex<HashMap<String, Arc<tokio::sync::Mutex<Option<Instant>>>>>,
}

impl Questions {
    /// Puts the `question` about the broker at `address`, or waits for whoever does so already. Not again before `pause` is
    /// over, whatever came of it.
    pub(super) async fn ask(&self, address: &str, pause: Duration, question: impl Future<Output = ()>) {
        let asked = self.about(address, Instant::now());
        let mut last = asked.lock().await;
        if last.is_none_or(|last| last.elapsed() >= pause) {
            question.await;
            *last = Some(Instant::now());
        }
    }

    fn about(&self, address: &str, now: Instant) -> Arc<tokio::sync::Mutex<Option<Instant>>> {
        let mut asked = self.asked.lock();
        if !asked.contains_key(address) {
            // One that is held is being asked about, or is about to be.
            asked.retain(|_, last| {
                let is_recent = |last: &Option<Instant>| {
                    last.is_some_and(|last| now.saturating_duration_since(last) < FORGOTTEN_AFTER)
                };
                Arc::strong_count(last) > 1 || last.try_lock().map_or(true, |last| is_recent(&last))
            });
        }
        Arc::clone(asked.entry(address.to_owned()).or_default())
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

    #[tokio::test]
    async fn a_broker_that_nobody_asks_about_any_more_is_forgotten() {
        let questions = Questions::default();
        for number in 0..100 {
            questions.ask(&format!("host:{number}"), Duration::ZERO, std::future::ready(())).await;
        }
        assert_eq!(questions.asked.lock().len(), 100);
        let now = Instant::now();
        let held = questions.about("host:7", now);
        drop(questions.about("host:100", now + FORGOTTEN_AFTER));
        let mut left: Vec<_> = questions.asked.lock().keys().cloned().collect();
        left.sort();
        assert_eq!(left, ["host:100", "host:7"]);
        drop(held);
    }
}
