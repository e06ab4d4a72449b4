//! The thread that posts spans, from its start to its end within a limit.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::Traces;
use super::posts::{PostError, Posts};
use super::queue::Queue;

/// How long a span waits for others to be posted with.
const GATHERING: Duration = Duration::from_secs(1);

/// Of the limit for stopping, what is left for the thread to end after its last post.
const SLACK: Duration = Duration::from_millis(200);

/// The thread. It ends by itself when its queue is closed.
#[derive(Debug)]
pub(super) struct Export {
    ended: CancellationToken,
}

impl Export {
    /// Starts it, with a runtime of its own: no request ever waits for a collector.
    pub(super) fn start(queue: Arc<Queue>, posts: Posts) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let ended = CancellationToken::new();
        let guard = ended.clone().drop_guard();
        std::thread::Builder::new().name("traces".into()).spawn(move || {
            runtime.block_on(run(&queue, posts));
            // A look-up of a host name that hangs would be waited for.
            runtime.shutdown_background();
            tell(guard);
        })?;
        Ok(Self { ended })
    }

    /// Waits until the thread has ended, for [`Traces::STOP_LIMIT`] at most from the moment when its queue was closed.
    pub(super) async fn ended(&self) {
        // The thread keeps the limit itself; this is for one that is not given a core.
        let _ = timeout(Traces::STOP_LIMIT, self.ended.cancelled()).await;
    }
}

/// Also dropped, and so told, if the thread panics.
fn tell(guard: DropGuard) {
    drop(guard);
}

/// Posts until the queue is closed and empty, or the time to stop is over.
async fn run(queue: &Queue, posts: Posts) {
    let over = async {
        queue.closed.cancelled().await;
        sleep(Traces::STOP_LIMIT - SLACK).await;
    };
    tokio::select! {
        () = work(queue, posts) => {}
        () = over => {}
    }
    let left = queue.len();
    if left > 0 {
        queue.failed.add(left);
        tracing::warn!(spans = left, "traces are given up: the collector did not take them in time");
    }
}

async fn work(queue: &Queue, posts: Posts) {
    let mut collector = Collector { posts, is_away: false, complaints: Complaints::default() };
    while !queue.closed.is_cancelled() {
        queue.filled(GATHERING).await;
        if queue.len() > 0 {
            collector.post(queue).await;
        }
    }
    while queue.len() > 0 {
        collector.post(queue).await;
    }
}

/// The other end, and how it took what it was sent last.
struct Collector {
    posts: Posts,
    is_away: bool,
    complaints: Complaints,
}

impl Collector {
    /// Posts one batch. A batch that is not taken is gone: a collector that is away for long would fill any queue.
    async fn post(&mut self, queue: &Queue) {
        let batch = queue.take();
        let spans = batch.len();
        // Counted as failed until it is known better: the post may be cut off.
        let unless_taken = Unless { queue, spans };
        match self.posts.post(batch).await {
            Ok(said) => {
                let refused = said.refused.min(spans);
                unless_taken.taken(spans - refused);
                if std::mem::take(&mut self.is_away) {
                    tracing::info!(endpoint = self.posts.endpoint(), "traces are exported again");
                }
                self.complaints.hear(&self.posts.endpoint(), refused, &said.words);
            }
            Err(error) => self.failed(&error),
        }
    }

    /// Once for as long as it lasts: this may be every second of a day.
    fn failed(&mut self, error: &PostError) {
        let (endpoint, error) = (self.posts.endpoint(), error as &dyn std::error::Error);
        if std::mem::replace(&mut self.is_away, true) {
            tracing::debug!(endpoint, error, "traces are still not exported");
        } else {
            tracing::warn!(endpoint, error, "traces are not exported, and are lost until they are");
        }
    }
}

/// What a collector says that takes a batch and refuses some of it, or has advice.
#[derive(Debug, Default)]
struct Complaints {
    are_known: bool,
}

impl Complaints {
    /// Tells of them once for as long as they last.
    fn hear(&mut self, endpoint: &dyn tracing::Value, refused: usize, words: &str) {
        let are_there = refused > 0 || !words.is_empty();
        match (are_there, std::mem::replace(&mut self.are_known, are_there)) {
            (true, false) => {
                tracing::warn!(endpoint, refused, words = ?words, "the collector does not take all traces as they are");
            }
            (true, true) => {
                tracing::debug!(endpoint, refused, words = ?words, "the collector still complains of traces");
            }
            (false, true) => tracing::info!(endpoint, "the collector takes all traces again"),
            (false, false) => {}
        }
    }
}

/// Counts spans as failed when it is dropped, but for those that were taken.
struct Unless<'a> {
    queue: &'a Queue,
    spans: usize,
}

impl Unless<'_> {
    fn taken(mut self, spans: usize) {
        self.spans -= spans;
        self.queue.exported.add(spans);
    }
}

impl Drop for Unless<'_> {
    fn drop(&mut self) {
        self.queue.failed.add(self.spans);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parking_lot::Mutex;

    use super::*;

    /// What was logged.
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Log {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_complaint_is_told_once_until_it_ends() {
        let log = Log::default();
        let of_writer = log.clone();
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || of_writer.clone());
        tracing::subscriber::with_default(subscriber.finish(), || {
            let mut complaints = Complaints::default();
            for (refused, words) in [(0, ""), (1, "no\nroom"), (3, ""), (0, ""), (0, ""), (0, "advice")] {
                complaints.hear(&"collector", refused, words);
            }
        });
        let log = String::from_utf8(log.0.lock().clone()).unwrap();
        let lines: Vec<_> = log.lines().collect();
        assert_eq!(lines.len(), 3, "{log}");
        assert!(lines[0].contains("WARN") && lines[0].contains(r#"refused=1 words="no\nroom""#), "{log}");
        assert!(lines[1].contains("INFO") && lines[2].contains(r#"words="advice""#), "{log}");
    }
}
