//! A history made ready for questions: each is answered by one look, so that no pass over it is quadratic.

use std::ops::Range;
use std::time::Duration;

use rustc_hash::FxHashMap;

use super::history::{
    Call, Digest, History, Id, Instance, Life, Loss, Position, ReplyCounters, Seen, Span, Topic,
};

pub(super) struct Index<'h> {
    pub(super) history: &'h History,
    /// The last moment that the history tells of.
    pub(super) end: Duration,
    calls: FxHashMap<Digest, &'h Call>,
    gateways: FxHashMap<Instance, &'h Life<ReplyCounters>>,
    numbers: FxHashMap<&'h Id, usize>,
    threads: Vec<Thread<'h>>,
    /// All records that have an id, those of one id side by side in the order in which they were seen.
    records: Vec<&'h Seen>,
    committed: FxHashMap<i32, i64>,
}

/// Where the traces of one id are.
struct Thread<'h> {
    id: &'h Id,
    claimed_by: Option<&'h Call>,
    records: Range<usize>,
}

/// All that is known of one correlation id.
#[derive(Clone, Copy)]
pub(super) struct Trace<'i, 'h> {
    pub(super) id: &'h Id,
    /// The first call whose outcome names it.
    pub(super) claimed_by: Option<&'h Call>,
    records: &'i [&'h Seen],
}

impl<'h> Trace<'_, 'h> {
    pub(super) fn requests(&self) -> impl Iterator<Item = &'h Seen> {
        self.records.iter().copied().filter(|record| record.at.topic == Topic::Requests)
    }

    /// In the order in which they were seen.
    pub(super) fn replies(&self) -> impl Iterator<Item = &'h Seen> + Clone {
        self.records.iter().copied().filter(|record| record.at.topic == Topic::Responses)
    }
}

impl<'h> Index<'h> {
    pub(super) fn of(history: &'h History) -> Self {
        let mut index = Self {
            history,
            end: end(history),
            calls: history.calls.iter().map(|call| (call.data, call)).collect(),
            gateways: history.gateways.iter().map(|life| (life.instance, life)).collect(),
            numbers: FxHashMap::default(),
            threads: Vec::new(),
            records: Vec::new(),
            committed: history.committed.iter().map(|end| (end.partition, end.offset)).collect(),
        };
        for call in &history.calls {
            if let Some(id) = call.id() {
                let number = index.number(id);
                if let Some(thread) = index.threads.get_mut(number) {
                    thread.claimed_by.get_or_insert(call);
                }
            }
        }
        index.sort_records();
        index
    }

    fn number(&mut self, id: &'h Id) -> usize {
        *self.numbers.entry(id).or_insert_with(|| {
            self.threads.push(Thread { id, claimed_by: None, records: 0..0 });
            self.threads.len() - 1
        })
    }

    fn sort_records(&mut self) {
        let mut numbered = Vec::with_capacity(self.history.records.len());
        for record in &self.history.records {
            if let Some(id) = &record.id {
                numbered.push((self.number(id), record));
            }
        }
        numbered.sort_unstable_by_key(|(number, record)| (*number, record.seen, record.at));
        let mut from = 0;
        for group in numbered.chunk_by(|(one, _), (other, _)| one == other) {
            if let Some(thread) = group.first().and_then(|(number, _)| self.threads.get_mut(*number)) {
                thread.records = from..from + group.len();
            }
            from += group.len();
        }
        self.records = numbered.into_iter().map(|(_, record)| record).collect();
    }

    /// The call with this data.
    pub(super) fn call(&self, data: &Digest) -> Option<&'h Call> {
        self.calls.get(data).copied()
    }

    pub(super) fn gateway(&self, instance: Instance) -> Option<&'h Life<ReplyCounters>> {
        self.gateways.get(&instance).copied()
    }

    pub(super) fn trace(&self, id: &Id) -> Option<Trace<'_, 'h>> {
        self.numbers.get(id).and_then(|number| self.threads.get(*number)).map(|thread| self.follow(thread))
    }

    pub(super) fn traces(&self) -> impl Iterator<Item = Trace<'_, 'h>> {
        self.threads.iter().map(|thread| self.follow(thread))
    }

    fn follow(&self, thread: &Thread<'h>) -> Trace<'_, 'h> {
        let records = self.records.get(thread.records.clone()).unwrap_or_default();
        Trace { id: thread.id, claimed_by: thread.claimed_by, records }
    }

    pub(super) fn records_of(&self, topic: Topic) -> impl Iterator<Item = &'h Seen> {
        self.history.records.iter().filter(move |record| record.at.topic == topic)
    }

    /// Whether the workers' group has passed this record of the topic as it is at the end.
    pub(super) fn is_committed(&self, record: Position) -> bool {
        self.committed(record.partition).is_some_and(|next| next > record.offset)
    }

    /// The offset that the workers' group has committed for a partition of it, if it has.
    pub(super) fn committed(&self, partition: i32) -> Option<i64> {
        self.committed.get(&partition).copied()
    }

    /// The deletions of a topic.
    pub(super) fn losses(&self, topic: Topic) -> impl Iterator<Item = &'h Loss> {
        self.history.losses.iter().filter(move |loss| loss.topic == topic)
    }

    /// Whether what was written to the topic during `span` may have gone unseen.
    pub(super) fn may_have_lost(&self, topic: Topic, span: Span) -> bool {
        self.losses(topic).any(|loss| loss.during.overlaps(&span))
    }
}

fn end(history: &History) -> Duration {
    let calls = history.calls.iter().map(|call| call.ended);
    let records = history.records.iter().map(|record| record.seen);
    let samples = history.samples.iter().map(|sample| sample.at);
    calls.chain(records).chain(samples).max().unwrap_or_default()
}
