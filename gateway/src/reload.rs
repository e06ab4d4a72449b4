//! What is read again while the gateway runs: files of keys and certificates.
//!
//! The content is compared and not the time of change: that also sees a file that was replaced through a link, as
//! Kubernetes replaces mounted secrets, and none of them is large. Each source is looked after by itself, so that one that
//! takes its time delays no other, and in the [`Background`](crate::background::Background), which sees that it goes on.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use files::SmallFile;
use tokio::time::{MissedTickBehavior, interval};

/// Between two looks.
const INTERVAL: Duration = Duration::from_secs(1);

/// Something that is made from files.
pub(crate) trait Source: Send + Sync {
    /// What it is, in words that begin a sentence.
    fn name(&self) -> &'static str;

    /// Uses what is new, if anything is. Blocks as files do, for as long as [`SmallFile::read`] may for each of them at most.
    ///
    /// # Errors
    /// If what is there cannot be used; what was used before stays in use.
    fn reload(&self) -> Result<bool>;
}

/// What `file` holds, which is `what`. Blocks as files do.
///
/// # Errors
/// If it cannot be read.
pub(crate) fn read(file: &SmallFile, what: &str) -> Result<Vec<u8>> {
    file.read().with_context(|| format!("cannot read {what} in {}", file.path().display()))
}

/// Looks after `source`, for ever.
pub(crate) async fn watch(source: Arc<dyn Source>) -> Infallible {
    let mut ticks = interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // What was last said of it, so that one trouble is told once.
    let mut trouble = None;
    loop {
        ticks.tick().await;
        let reloading = source.clone();
        match tokio::task::spawn_blocking(move || reloading.reload()).await {
            Ok(reloaded) => tell(source.name(), reloaded, &mut trouble),
            Err(_) => tracing::error!("{} panicked while they were read again", source.name()),
        }
    }
}

fn tell(name: &str, reloaded: Result<bool>, trouble: &mut Option<String>) {
    match reloaded {
        Ok(true) => tracing::info!("{name} have changed and were read again"),
        Ok(false) if trouble.is_some() => tracing::info!("{name} are as they were again"),
        Ok(false) => {}
        Err(error) => {
            let error = format!("{error:#}");
            if trouble.as_ref() != Some(&error) {
                tracing::warn!(error, "{name} cannot be read again, going on with those of before");
            }
            *trouble = Some(error);
            return;
        }
    }
    *trouble = None;
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicU32, Ordering};

    use service::Readiness;
    use tokio::time::timeout;

    use super::*;
    use crate::background::Background;

    /// Counts how often it was looked at.
    #[derive(Default)]
    struct Counted(AtomicU32);

    impl Source for Counted {
        fn name(&self) -> &'static str {
            "the counted"
        }

        fn reload(&self) -> Result<bool> {
            self.0.fetch_add(1, Ordering::Relaxed);
            Ok(false)
        }
    }

    /// Takes as long as the test likes.
    struct Slow(Arc<Barrier>);

    impl Source for Slow {
        fn name(&self) -> &'static str {
            "the slow"
        }

        fn reload(&self) -> Result<bool> {
            self.0.wait();
            Ok(false)
        }
    }

    #[tokio::test]
    async fn one_that_takes_its_time_delays_no_other() {
        let (counted, barrier) = (Arc::new(Counted::default()), Arc::new(Barrier::new(2)));
        let background = Background::new(Readiness::new());
        background.run("the slow", watch(Arc::new(Slow(barrier.clone()))));
        background.run("the counted", watch(counted.clone()));
        let twice = async {
            while counted.0.load(Ordering::Relaxed) < 2 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(Duration::from_secs(30), twice).await.expect("the slow one delays the other");
        drop(background);
        // Lets the thread go that the runtime would wait for.
        barrier.wait();
    }

    #[test]
    fn one_trouble_is_told_once_and_its_end_is_known() {
        let mut trouble = None;
        tell("keys", Err(anyhow::anyhow!("cause").context("cannot")), &mut trouble);
        assert_eq!(trouble.as_deref(), Some("cannot: cause"));
        tell("keys", Ok(false), &mut trouble);
        assert_eq!(trouble, None);
    }
}
