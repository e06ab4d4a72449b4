//! Reads one response partition and wakes whoever waits for what it finds.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use chrono::DateTime;
use kafka::Record;
use kafka::batch::RawRecord;
use kafka::reader::{Fetched, Reader, ReaderStatus};
use kafka::writer::Writer;
use protocol::{Completion, CorrelationId, CorrelationKey, Registry, reply_correlation};
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use super::outbox::{Outbox, Outcome};
use super::spans::Arrived;
use super::workers::LastReply;

/// Replies that are handed out at once: most of those who waited for them answer before the next ones are woken, while the
/// processor's caches still have what they need.
const PORTION: usize = 64;

/// Turns of the event loop that what one fetch brought is handed out in at most. Deadlines pass meanwhile, so the portions of
/// a large one are larger.
const MAX_TURNS: usize = 8;

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

    /// Gives what a fetch of `partition` brought to those who wait for it. Dropped halfway it leaves the rest to nobody.
    async fn hand_out(&self, fetched: Fetched, partition: i32) {
        let arrival = Arrival { partition, at: Instant::now(), wall: self.is_traced.then(SystemTime::now) };
        for raw in fetched.unreadable {
            self.take_raw(raw, arrival);
        }
        let portion = PORTION.max(fetched.records.len().div_ceil(MAX_TURNS));
        for (number, found) in fetched.records.into_iter().enumerate() {
            if number > 0 && number % portion == 0 {
                self.ease();
                tokio::task::yield_now().await;
            }
            self.take(found.record, found.offset, arrival);
        }
        self.ease();
    }

    /// Looks at the correlation id alone.
    fn take(&self, record: Record, offset: i64, arrival: Arrival) {
        let key = reply_correlation(record.key.as_deref(), record.value.as_deref(), &record.headers);
        let was_parsed = key.as_ref().is_none_or(CorrelationKey::is_from_value);
        // Whatever is no id of a gateway's making is a reply to somebody else's own client.
        let id = key.and_then(|key| CorrelationId::parse(key.as_bytes()));
        let Arrival { partition, at, wall } = arrival;
        let arrived = || Arrived { record, partition, offset, at: wall };
        let completion = id.map(|id| self.registry.complete(id, || Outcome::Replied(Box::new(arrived()))));
        if completion.is_none_or(|completion| completion == Completion::Foreign) {
            self.foreign.fetch_add(1, Ordering::Relaxed);
            self.foreign_parsed.fetch_add(u64::from(was_parsed), Ordering::Relaxed);
        } else {
            // One that comes late or twice shows a worker at work as well.
            self.last_reply.record(at);
        }
    }

    /// Requests have ended: those that were held back because too many were before them may go on.
    pub(crate) fn ease(&self) {
        if let Some(writer) = self.writer.get() {
            writer.reconsider();
        }
    }

    /// A record with header values that are null. What it says of itself may still be an answer.
    fn take_raw(&self, raw: RawRecord, arrival: Arrival) {
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
        self.take(record, offset, arrival);
    }
}

/// When and where a fetch brought something.
#[derive(Debug, Clone, Copy)]
struct Arrival {
    partition: i32,
    at: Instant,
    /// The same by the clock that traces go by, where somebody wants to know.
    wall: Option<SystemTime>,
}

/// A partition that is being read. Dropping it stops the reading, and drops replies that were read and not handed out yet:
/// there may be no request left that names the partition.
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
        let next_offset = fetched.next_offset;
        sink.hand_out(fetched, partition).await;
        position.store(next_offset, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use kafka::group::Sighting;
    use protocol::{Pending, Tag};
    use rskafka::record::RecordAndOffset;

    use super::super::workers::nobody_there;
    use super::*;

    fn now() -> Arrival {
        Arrival { partition: 0, at: Instant::now(), wall: None }
    }

    /// What a fetch brought of replies to `ids`.
    fn replies_to(ids: impl Iterator<Item = CorrelationId>) -> Fetched {
        let found = |(offset, id)| RecordAndOffset { record: reply_to(id), offset };
        let records: Vec<_> = (0..).zip(ids).map(found).collect();
        let end = i64::try_from(records.len()).unwrap();
        Fetched {
            records,
            unreadable: Vec::new(),
            high_watermark: end,
            next_offset: end,
            max_age: None,
            skipped: None,
            restarted: false,
        }
    }

    #[tokio::test]
    async fn replies_are_handed_out_in_portions_and_a_large_fetch_in_few_turns() {
        for (replies, first_portion) in [(64, 64), (130, 64), (1_600, 200)] {
            let registry = Registry::new(Tag::from([1; 4]), replies);
            let sink = Sink::new(registry.clone(), false);
            let waiting: Vec<_> = (0..replies).map(|_| registry.register(None).unwrap()).collect();
            let mut handing_out = Box::pin(sink.hand_out(replies_to(waiting.iter().map(Pending::id)), 0));
            let mut turns = 1;
            let is_over = handing_out.as_mut().now_or_never().is_some();
            assert_eq!((registry.pending(), is_over), (replies - first_portion, replies == first_portion));
            while registry.pending() > 0 {
                turns += 1;
                handing_out.as_mut().now_or_never();
            }
            assert!(turns <= MAX_TURNS, "{turns}");
        }
    }

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
        sink.take(reply_to(CorrelationId::random(Tag::from([2; 4]))), 1, now());
        assert!(nobody());
        let ended = registry.register(None).unwrap();
        let id = ended.id();
        drop(ended);
        sink.take(reply_to(id), 2, now());
        assert_eq!(registry.counts().late, 1);
        assert!(!nobody());
    }

    #[test]
    fn what_is_somebody_elses_is_counted_and_seldom_parsed() {
        let sink = Sink::new(Registry::new(Tag::from([1; 4]), 1), false);
        let theirs = CorrelationId::random(Tag::from([2; 4]));
        let value = |text: &str| Record { key: None, value: Some(text.into()), ..reply_to(theirs) };
        sink.take(reply_to(theirs), 1, now());
        sink.take(Record { key: Some(b"order-7".to_vec()), ..reply_to(theirs) }, 2, now());
        assert_eq!((sink.foreign(), sink.foreign_parsed()), (2, 0));
        sink.take(value(&format!(r#"{{"version":1,"id":"{}"}}"#, &*theirs.as_text())), 3, now());
        sink.take(value("no envelope"), 4, now());
        assert_eq!((sink.foreign(), sink.foreign_parsed()), (4, 2));
        sink.take(reply_to(CorrelationId::random(Tag::from([1; 4]))), 5, now());
        assert_eq!(sink.foreign(), 4, "it has our tag");
    }
}
