//! A member of a group, as its owner sees it.

use std::{
    io,
    sync::Arc,
    thread::JoinHandle,
    time::{Duration, Instant},
};

use tokio::{runtime::Handle, sync::oneshot, time::timeout};
use tracing::Instrument;

use super::{
    Commits, Event, GroupConfig,
    driver::Driver,
    shared::{End, Shared},
    status::Status,
};
use crate::Kafka;

/// How long the member's thread waits for a name look-up that is under way when it ends.
const LOOKUP_LIMIT: Duration = Duration::from_millis(100);
/// Name look-ups under way at a time. They block a thread each, for as long as the resolver takes.
const LOOKUP_THREADS: usize = 4;
/// What the end of the thread may take beyond the time given for leaving.
const END_LIMIT: Duration = Duration::from_millis(500);
/// At most so much of the time for leaving is kept for the goodbye itself.
const GOODBYE_LIMIT: Duration = Duration::from_secs(1);

/// A member of a consumer group, on a thread and a runtime of its own, so that its heartbeats go out whatever the rest
/// of the process is doing.
///
/// It works until [`Self::leave`]; nothing that goes wrong ends it. Dropped without leaving it stops at once and
/// without a word, and the group finds out when its session is over.
#[derive(Debug)]
pub struct Member {
    shared: Arc<Shared>,
    runtime: Handle,
    thread: Option<JoinHandle<()>>,
    ended: oneshot::Receiver<()>,
}

impl Member {
    /// Begins to join, and returns at once. An error only if the operating system has no thread or no descriptors
    /// left.
    pub fn join(kafka: Kafka, config: GroupConfig) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(LOOKUP_THREADS)
            .build()?;
        let handle = runtime.handle().clone();
        let shared = Arc::new(Shared::new());
        let (ending, ended) = oneshot::channel();
        let span = tracing::info_span!("group", id = config.group_id);
        let thread_shared = Arc::clone(&shared);
        let body = move || {
            // Dropped last, when the runtime is gone.
            let _ending: oneshot::Sender<()> = ending;
            let _closing = CloseOnDrop(Arc::clone(&thread_shared));
            runtime
                .block_on(async { Driver::new(kafka, config, thread_shared).run().instrument(span).await });
            runtime.shutdown_timeout(LOOKUP_LIMIT);
        };
        let thread = std::thread::Builder::new().name("group".to_owned()).spawn(body)?;
        Ok(Self { shared, runtime: handle, thread: Some(thread), ended })
    }

    /// The next event; none after the membership has ended. Events that are not taken are merged, not queued, so a
    /// slow owner costs neither memory nor heartbeats. A dropped call loses nothing.
    pub async fn next_event(&mut self) -> Option<Event> {
        loop {
            {
                let mut mailbox = self.shared.mailbox.lock();
                if let Some(event) = mailbox.take() {
                    return Some(event);
                }
                if mailbox.is_closed() {
                    return None;
                }
            }
            self.shared.mail.notified().await;
        }
    }

    /// Takes the positions that the group is to remember.
    pub fn offsets(&self) -> Commits {
        Commits::new(Arc::clone(&self.shared))
    }

    /// How the membership stands at this moment.
    pub fn status(&self) -> Status {
        self.shared.status.lock().clone()
    }

    /// The runtime of the member's thread, for small tasks that must not wait for a busy event loop, such as a
    /// [`GroupWatch`](super::GroupWatch). They end with the membership.
    pub fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// Commits the positions handed over, leaves the group, and ends the thread. Takes at most `limit` and half a
    /// second. The partitions have to be drained before; they move to other members at once.
    pub async fn leave(mut self, limit: Duration) {
        let goodbye = GOODBYE_LIMIT.min(limit / 4);
        self.shared.orders.end(End::Leave { deadline: Instant::now() + limit, goodbye });
        // The sender is dropped, never used: an error is the end of the thread.
        if timeout(limit + END_LIMIT, &mut self.ended).await.is_err() {
            tracing::warn!("the thread of the group's member is still at work; it is left to itself");
            return;
        }
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread of the group's member panicked");
        }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.shared.orders.end(End::Vanish);
    }
}

/// However the thread ends, its owner does not wait for events in vain.
struct CloseOnDrop(Arc<Shared>);

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        self.0.post(super::mailbox::Mailbox::close);
    }
}
