//! Reads one response partition and wakes whoever waits for what it finds.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use chrono::DateTime;
use kafka::Record;
use kafka::batch::RawRecord;
use kafka::reader::{Reader, ReaderStatus};
use kafka::writer::Writer;
use protocol::{Completion, CorrelationId, CorrelationKey, Registry, reply_correlation};
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use super::outbox::{Outbox, Outcome};
use super::spans::Arrived;
use super::workers::LastReply;

/// Replies that are handed out at once. Those who waited for them answer before the next ones are woken, as long as what
/// they need is still in the processor's caches.
const AT_ONCE: usize = 64;

/// Where replies go to.
pub(crate) struct Sink {
    pub(crate) registry: Arc<Registry<Outcome>>,
    pub(crate) last_reply: LastReply,
    /// Requests that were held back from partitions that are far ahead go on as replies come.
    pub(crate) writer: OnceLock<Writer<Outbox>>,
    /// Whether somebody wants to know when a reply arrived.
    is_traced: bool,
    foreign: AtomicU64,
    foreign_parsed: AtomicU64,
}

impl Sink {
    pub(crate) fn new(registry: Arc<Registry<Outcome>>, is_traced: bool) -> Self {
        Self {
            registry,
            last_reply: LastReply::new(Instant::now()),
            writer: OnceLock::new(),
            is_traced,
            foreign: AtomicU64::new(0),
            foreign_parsed: AtomicU64::new(0),
        }
    }

    /// Replies that were somebody else's.
    pub(crate) fn foreign(&self) -> u64 {
        self.foreign.load(Ordering::Relaxed)
    }

    /// Those of them whose value had to be parsed to know, because they named no request outside of it.
    pub(crate) fn foreign_parsed(&self) -> u64 {
        self.foreign_parsed.load(Ordering::Relaxed)
    }

    /// Looks at the correlation id alone.
    fn take(&self, record: Record, partition: i32, offset: i64, now: Instant) {
        let key = reply_correlation(record.key.as_deref(), record.value.as_deref(), &record.headers);
        let was_parsed = key.as_ref().is_none_or(CorrelationKey::is_from_value);
        // Whatever is no id of a gateway's making is a reply to somebody else's own client.
        let id = key.and_then(|key| CorrelationId::parse(key.as_bytes()));
        let arrived = || Arrived { record, partition, offset, at: self.is_traced.then(SystemTime::now) };
        let completion = id.map(|id| self.registry.complete(id, || Outcome::Replied(Box::new(arrived()))));
        if completion.is_none_or(|completion| completion == Completion::Foreign) {
            self.foreign.fetch_add(1, Ordering::Relaxed);
            self.foreign_parsed.fetch_add(u64::from(was_parsed), Ordering::Relaxed);
        } else {
            // One that comes late or twice shows a worker at work as well.
            self.last_reply.record(now);
        }
    }

    /// Requests have ended: those that were held back because too many were before them may go on.
    pub(crate) fn ease(&self) {
        if let Some(writer) = self.writer.get() {
            writer.reconsider();
        }
    }

    /// A record with header values that are null. What it says of itself may still be an answer.
    fn take_raw(&self, raw: RawRecord, partition: i32, now: Instant) {
        let offset = raw.offset;
        let headers = raw
            .headers
            .into_iter()
            .filter_map(|(name, value)| Some((String::from_utf8(name.to_vec()).ok()?, value?.to_vec())));
        let record = Record {
            key: raw.key.map(|key| key.to_vec()),
            value: raw.value.map(|value| value.to_vec()),
            headers: headers.collect::<BTreeMap<_, _>>(),
            timestamp: DateTime::UNIX_EPOCH,
        };
        self.take(record, partition, offset, now);
    }
}

/// A partition that is being read. Dropping it stops the reading.
pub(crate) struct Listener {
    position: Arc<AtomicI64>,
    status: ReaderStatus,
    task: AbortHandle,
}

impl Listener {
    /// Reads `partition` on, on the runtime that its `reader` was opened on.
    pub(crate) fn start(partition: i32, reader: Reader, sink: Arc<Sink>, shard: &Handle) -> Self {
        let position = Arc::new(AtomicI64::new(reader.position()));
        let status = reader.status();
        let task = shard.spawn(listen(partition, reader, sink, position.clone())).abort_handle();
        Self { position, status, task }
    }

    /// The offset that is read next.
    pub(crate) fn position(&self) -> i64 {
        self.position.load(Ordering::Relaxed)
    }

    /// Whether the reading has ended, which it never should.
    pub(crate) fn is_dead(&self) -> bool {
        self.task.is_finished()
    }

    /// For how long the partition has not been readable, if it is not.
    pub(crate) fn down_for(&self) -> Option<Duration> {
        self.status.down_for()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn listen(partition: i32, mut reader: Reader, sink: Arc<Sink>, position: Arc<AtomicI64>) {
    loop {
        let fetched = reader.next().await;
        let mut now = Instant::now();
        for (number, found) in fetched.records.into_iter().enumerate() {
            if number > 0 && number % AT_ONCE == 0 {
                position.store(found.offset, Ordering::Relaxed);
                tokio::task::yield_now().await;
                now = Instant::now();
            }
            sink.take(found.record, partition, found.offset, now);
        }
        for raw in fetched.unreadable {
            sink.take_raw(raw, partition, now);
        }
        sink.ease();
        position.store(fetched.next_offset, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use kafka::group::Sighting;
    use protocol::Tag;

    use super::super::workers::nobody_there;
    use super::*;

    fn reply_to(id: CorrelationId) -> Record {
        let key = Some(id.as_text().as_bytes().to_vec());
        Record { key, value: None, headers: BTreeMap::new(), timestamp: DateTime::UNIX_EPOCH }
    }

    #[test]
    fn a_late_reply_shows_a_worker_and_somebody_elses_does_not() {
        let registry = Registry::new(Tag::from([1; 4]), 1);
        let sink = Sink::new(registry.clone(), false);
        let looked = Instant::now();
        let empty = Sighting { members: 0, asked_at: looked, answered_at: looked, last_member_at: None };
        let nobody = || nobody_there(Some(empty), &sink.last_reply, Duration::ZERO, looked);
        sink.take(reply_to(CorrelationId::random(Tag::from([2; 4]))), 0, 1, Instant::now());
        assert!(nobody());
        let ended = registry.register(None).unwrap();
        let id = ended.id();
        drop(ended);
        sink.take(reply_to(id), 0, 2, Instant::now());
        assert_eq!(registry.counts().late, 1);
        assert!(!nobody());
    }

    #[test]
    fn what_is_somebody_elses_is_counted_and_seldom_parsed() {
        let sink = Sink::new(Registry::new(Tag::from([1; 4]), 1), false);
        let theirs = CorrelationId::random(Tag::from([2; 4]));
        let value = |text: &str| Record { key: None, value: Some(text.into()), ..reply_to(theirs) };
        sink.take(reply_to(theirs), 0, 1, Instant::now());
        sink.take(Record { key: Some(b"order-7".to_vec()), ..reply_to(theirs) }, 0, 2, Instant::now());
        assert_eq!((sink.foreign(), sink.foreign_parsed()), (2, 0));
        sink.take(value(&format!(r#"{{"version":1,"id":"{}"}}"#, &*theirs.as_text())), 0, 3, Instant::now());
        sink.take(value("no envelope"), 0, 4, Instant::now());
        assert_eq!((sink.foreign(), sink.foreign_parsed()), (4, 2));
        sink.take(reply_to(CorrelationId::random(Tag::from([1; 4]))), 0, 5, Instant::now());
        assert_eq!(sink.foreign(), 4, "it has our tag");
    }
}
