//! Reads one response partition and wakes whoever waits for what it finds.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use chrono::DateTime;
use kafka::Record;
use kafka::batch::RawRecord;
use kafka::reader::{Reader, ReaderStatus};
use protocol::{Completion, CorrelationId, Registry, reply_correlation};
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use super::outbox::Outcome;
use super::spans::Arrived;
use super::workers::LastReply;

/// Where replies go to.
pub(crate) struct Sink {
    pub(crate) registry: Arc<Registry<Outcome>>,
    pub(crate) last_reply: LastReply,
    /// Whether somebody wants to know when a reply arrived.
    pub(crate) is_traced: bool,
}

impl Sink {
    /// Looks at the correlation id alone; the value of what belongs to somebody else is never parsed.
    fn take(&self, record: Record, partition: i32, offset: i64) {
        let id = reply_correlation(record.key.as_deref(), record.value.as_deref(), &record.headers);
        // Whatever is no id of a gateway's making is a reply to somebody else's own client.
        let Some(id) = id.and_then(|id| CorrelationId::parse(id.as_bytes())) else { return };
        let arrived = || Arrived { record, partition, offset, at: self.is_traced.then(SystemTime::now) };
        let completion = self.registry.complete(id, || Outcome::Replied(arrived()));
        // One that comes late or twice shows a worker at work as well.
        if completion != Completion::Foreign {
            self.last_reply.record(Instant::now());
        }
    }

    /// A record with header values that are null. What it says of itself may still be an answer.
    fn take_raw(&self, raw: RawRecord, partition: i32) {
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
        self.take(record, partition, offset);
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
        for found in fetched.records {
            sink.take(found.record, partition, found.offset);
        }
        for raw in fetched.unreadable {
            sink.take_raw(raw, partition);
        }
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
        let looked = Instant::now();
        let sink = Sink { registry: registry.clone(), last_reply: LastReply::new(looked), is_traced: false };
        let empty = Sighting { members: 0, asked_at: looked, answered_at: looked, last_member_at: None };
        let nobody = || nobody_there(Some(empty), &sink.last_reply, Duration::ZERO, looked);
        sink.take(reply_to(CorrelationId::random(Tag::from([2; 4]))), 0, 1);
        assert!(nobody());
        let ended = registry.register(None).unwrap();
        let id = ended.id();
        drop(ended);
        sink.take(reply_to(id), 0, 2);
        assert_eq!(registry.counts().late, 1);
        assert!(!nobody());
    }
}
