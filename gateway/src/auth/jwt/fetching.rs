//! Fetches the keys of the issuer again and again.
//!
//! Each fetch is a task of its own, and whoever begins it watches how it ends: one that panics, over what it was answered or
//! anything else, is one that failed, said and tried again like the others. That the beginning goes on is watched by the
//! [`Background`](crate::background::Background) that it runs in.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, anyhow};
use tokio::time::sleep;
use tokio_util::task::AbortOnDropHandle;

use super::key_set::KeySet;
use super::renewal::ASKED_INTERVAL;

/// Between two fetches without any reason: keys that were taken back go.
const INTERVAL: Duration = Duration::from_mins(15);
/// After a fetch that failed, while there are no keys at all.
const RETRY: Duration = Duration::from_secs(2);

/// Keeps `keys` fetched, for ever. Calls `first` when the first ones are there.
pub(crate) async fn keep_fetched(keys: Arc<KeySet>, first: impl FnOnce()) -> Infallible {
    keep_fetched_by(keys, |keys| async move { keys.fetch().await }, first).await
}

async fn keep_fetched_by<F>(
    keys: Arc<KeySet>,
    fetch: impl Fn(Arc<KeySet>) -> F,
    first: impl FnOnce(),
) -> Infallible
where
    F: Future<Output = Result<()>> + Send + 'static,
{
    let mut first = Some(first);
    loop {
        let under_way = keys.renewal().begin();
        let fetched = AbortOnDropHandle::new(tokio::spawn(fetch(keys.clone()))).await;
        let fetched = fetched.unwrap_or_else(|_| Err(anyhow!("whoever fetched them panicked")));
        if fetched.is_ok()
            && let Some(first) = first.take()
        {
            first();
        }
        let next = match &fetched {
            Ok(()) => INTERVAL,
            Err(_) if first.is_some() => RETRY,
            Err(_) => ASKED_INTERVAL,
        };
        keys.tell(fetched);
        drop(under_way);
        tokio::select! {
            () = sleep(next) => {}
            () = keys.renewal().rung() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::mpsc::unbounded_channel;
    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn a_fetch_that_panics_is_said_and_tried_again() {
        let keys = Arc::new(KeySet::at("http://localhost:1/keys", None).unwrap());
        let (tries, (seen, mut reports)) = (AtomicUsize::new(0), unbounded_channel());
        let (ready, mut is_ready) = unbounded_channel();
        let fetch = move |keys: Arc<KeySet>| {
            let is_first = tries.fetch_add(1, Ordering::Relaxed) == 0;
            seen.send(keys.report()).unwrap();
            async move {
                assert!(!is_first, "on purpose");
                Ok(())
            }
        };
        let fetching = keep_fetched_by(keys.clone(), fetch, move || ready.send(()).unwrap());
        let _fetching = AbortOnDropHandle::new(tokio::spawn(fetching));
        let limit = Duration::from_secs(30);
        let before = timeout(limit, reports.recv()).await.expect("a first try").unwrap();
        assert!(before["last_error"].is_null() && is_ready.try_recv().is_err(), "{before}");
        let between = timeout(limit, reports.recv()).await.expect("it is tried again").unwrap();
        assert_eq!(between["last_error"], "whoever fetched them panicked");
        timeout(limit, is_ready.recv()).await.expect("it is ready in the end").unwrap();
    }
}
