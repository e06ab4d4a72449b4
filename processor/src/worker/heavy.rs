//! Where heavy handlers run: on a bounded number of threads beside the loop.

use std::panic::resume_unwind;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

/// Threads of the runtime's blocking pool that are left for others, name look-ups above all.
pub(crate) const SPARE_THREADS: usize = 4;

/// A share of the runtime's blocking pool. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct HeavyPool {
    free: Arc<Semaphore>,
}

impl HeavyPool {
    pub(crate) fn new(threads: usize) -> Self {
        Self { free: Arc::new(Semaphore::new(threads)) }
    }

    /// Runs `work` when a thread is free; whoever came first is served first. Work that has begun runs to its end even
    /// if nobody waits for it any more, and holds its thread for so long.
    pub(crate) async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        let thread = Arc::clone(&self.free).acquire_owned().await.expect("the semaphore is never closed");
        let working = spawn_blocking(move || {
            let done = work();
            drop(thread);
            done
        });
        working.await.unwrap_or_else(|error| match error.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            Err(error) => unreachable!("blocking work that runs cannot be cancelled: {error}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn no_more_run_at_once_than_there_are_threads() {
        let pool = HeavyPool::new(2);
        let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let work = || {
            let (running, most) = (Arc::clone(&running), Arc::clone(&most));
            move || {
                most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                std::thread::sleep(Duration::from_millis(5));
                running.fetch_sub(1, Ordering::SeqCst);
            }
        };
        futures::future::join_all((0..8).map(|_| pool.run(work()))).await;
        assert_eq!(most.load(Ordering::SeqCst), 2);
    }
}
