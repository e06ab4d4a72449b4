//! One partition of the request topic, from the assignment to its end.
//!
//! ```text
//!          ┌──────────────────────── one turn ─────────────────────────┐
//!   Reader ─▶ Backlog ─▶ judge, at most 5 ms ─┬▶ one batch for each reply partition ─▶ Replies
//!      ▲                                      └▶ jobs: heavy, look-ups, dead letters ─▶ Replies, DeadLetters
//!      │                                                                                     │ acknowledged
//!      └── only while there is room and no dead letter is stuck ◀── Ledger ◀─────────────────┘
//!                                                                     └─▶ commit the finished prefix
//! ```

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::Utc;
use kafka::Backoff;
use kafka::group::Commits;
use kafka::reader::{Fetched, Reader, Start};
use service::metrics::Gauge;
use tokio::task::{JoinError, JoinSet};
use tokio::time::sleep;

use super::backlog::{Backlog, Item};
use super::context::{Context, addressed};
use super::expiry::Reading;
use super::judge::{Ending, Place, Verdict};
use crate::ledger::{Lease, Ledger};
use crate::replies::{Claim, ReplyBatches, Taken};

/// How long what is under way may take once the partition has to be given up.
pub(crate) const DRAIN_LIMIT: Duration = Duration::from_secs(3);
/// How long records are judged before others get their turn on the loop.
const TURN: Duration = Duration::from_millis(5);
/// Bytes of records taken and not finished: a few of the largest at once, thousands of small ones.
const MAX_IN_FLIGHT_BYTES: usize = 16 << 20;

/// A partition to work on.
#[derive(Debug)]
pub(crate) struct Partition {
    pub(crate) context: Arc<Context>,
    pub(crate) number: i32,
    pub(crate) lease: Arc<Lease>,
    pub(crate) commits: Commits,
    /// The position that the group has; with none, the partition is read from its earliest record.
    pub(crate) committed: Option<i64>,
}

impl Partition {
    /// Works until the lease ends, then finishes what is under way, for [`DRAIN_LIMIT`] at most, and hands over the
    /// last position. May be dropped at any time: what is under way is given up then.
    pub(crate) async fn run(self) {
        let reader = tokio::select! {
            biased;
            () = self.lease.ending() => return,
            reader = self.open() => reader,
        };
        let mut stream = Stream::new(self, reader);
        stream.serve().await;
        stream.drain().await;
    }

    /// Tries until it succeeds.
    async fn open(&self) -> Reader {
        let start = self.committed.map_or(Start::Earliest, Start::Offset);
        let mut backoff = Backoff::new();
        loop {
            match Reader::open(&self.context.kafka, &self.context.request_topic, self.number, start).await {
                Ok(reader) => return reader,
                Err(error) => tracing::debug!(error = &error as &dyn std::error::Error, "cannot read yet"),
            }
            backoff.pause().await;
        }
    }
}

/// A partition that is being read.
struct Stream {
    partition: Partition,
    reader: Reader,
    backlog: Backlog,
    ledger: Arc<Ledger>,
    /// What takes longer than a turn. Every record in flight has at most one, and its replies' next tries.
    jobs: JoinSet<()>,
    batches: ReplyBatches,
    /// The position last handed over.
    handed_over: Option<i64>,
    high_watermark: i64,
    lag: Gauge,
}

impl Stream {
    fn new(partition: Partition, reader: Reader) -> Self {
        let position = reader.position();
        tracing::debug!(
            partition = partition.number,
            position,
            committed = partition.committed,
            "reads requests"
        );
        let lag = partition.context.metrics.lag(partition.number);
        let handed_over = partition.committed;
        let mut stream = Self {
            ledger: ledger(&partition, position),
            partition,
            reader,
            backlog: Backlog::empty(position),
            jobs: JoinSet::new(),
            batches: ReplyBatches::default(),
            handed_over,
            high_watermark: position,
            lag,
        };
        stream.hand_over();
        stream
    }

    async fn serve(&mut self) {
        let lease = Arc::clone(&self.partition.lease);
        while !lease.is_ending() {
            if self.take_turn() {
                tokio::task::yield_now().await;
                continue;
            }
            let may_read = self.backlog.is_empty() && self.has_room() && !self.is_paused();
            let ledger = Arc::clone(&self.ledger);
            tokio::select! {
                biased;
                () = lease.ending() => {}
                () = ledger.changed() => self.after_change(),
                Some(ended) = self.jobs.join_next() => self.after_job(ended),
                fetched = self.reader.next(), if may_read => self.after_fetch(fetched),
            }
        }
    }

    /// Finishes what is under way.
    async fn drain(&mut self) {
        let limit = sleep(DRAIN_LIMIT);
        tokio::pin!(limit);
        let ledger = Arc::clone(&self.ledger);
        while ledger.in_flight().0 > 0 {
            tokio::select! {
                () = ledger.changed() => self.after_change(),
                Some(ended) = self.jobs.join_next() => self.after_job(ended),
                () = &mut limit => {
                    let records = ledger.in_flight().0;
                    tracing::warn!(
                        partition = self.partition.number, records,
                        "records are unfinished after {DRAIN_LIMIT:?}; whoever gets the partition does them again"
                    );
                    break;
                }
            }
        }
        self.partition.lease.close();
        self.hand_over();
    }

    /// Judges what was fetched, for a while. Whether there is more that can be judged at once.
    fn take_turn(&mut self) -> bool {
        if self.backlog.is_empty() || self.is_paused() {
            return false;
        }
        let began = Instant::now();
        let reading = self.backlog.reading(began, Utc::now());
        let mut goes_on = true;
        while goes_on && self.has_room() {
            let Some(item) = self.backlog.next() else { break };
            self.take(item, &reading);
            goes_on = began.elapsed() < TURN;
        }
        for (to, batch) in self.batches.drain() {
            if let Err(rest) = self.partition.context.replies.try_send(to, batch) {
                let context = Arc::clone(&self.partition.context);
                self.jobs.spawn(async move { context.replies.send(to, rest).await });
            }
        }
        if self.backlog.is_empty() {
            self.ledger.skip_to(self.backlog.next_offset());
            self.hand_over();
            return false;
        }
        self.has_room()
    }

    fn take(&mut self, item: Item, reading: &Reading) {
        let offset = item.offset();
        self.ledger.take(offset, item.bytes());
        let (ledger, context) = (Arc::clone(&self.ledger), &self.partition.context);
        let mut taken = Taken { ledger, offset, at: reading.instant, expires: None };
        let record = match item {
            Item::Record(record) => record,
            Item::Unreadable(raw) => {
                let (context, number) = (Arc::clone(context), self.partition.number);
                self.jobs.spawn(async move { context.keep_unreadable(number, taken, raw).await });
                return;
            }
        };
        match context.judge.judge(&record.record, reading, reading.instant, Place::Loop) {
            Verdict::Ending(Ending::Reply { to, reply, operation, outcome }, expires) => {
                taken.expires = expires;
                let reply = addressed(reply, record.record.key, reading.wall);
                self.batches.entry(to).or_default().push((reply, Claim::answer(taken, operation, outcome)));
            }
            Verdict::Expired { operation } => context.expired(&taken, operation),
            verdict => {
                let (context, number, reading) = (Arc::clone(context), self.partition.number, *reading);
                self.jobs
                    .spawn(async move { context.see_through(number, taken, record, reading, verdict).await });
            }
        }
    }

    fn after_fetch(&mut self, fetched: Fetched) {
        self.high_watermark = fetched.high_watermark;
        if let Some(skipped) = &fetched.skipped {
            let lost = skipped.end.saturating_sub(skipped.start);
            self.partition.context.metrics.lost_offsets(u64::try_from(lost).unwrap_or(0));
        }
        if fetched.restarted {
            self.start_over(fetched.next_offset);
        }
        self.backlog = Backlog::of(fetched, Instant::now());
        if self.backlog.is_empty() {
            self.ledger.skip_to(self.backlog.next_offset());
        }
        self.hand_over();
    }

    /// The log ended before what was read of it: the topic was made anew, or cut. What is under way belongs to a log
    /// that is gone, so the books begin anew, too.
    fn start_over(&mut self, position: i64) {
        self.ledger = ledger(&self.partition, position);
        self.partition.commits.rewind(self.partition.number, position);
        self.handed_over = Some(position);
    }

    fn after_change(&mut self) {
        for refused in self.ledger.take_refused() {
            let (context, number) = (Arc::clone(&self.partition.context), self.partition.number);
            let (ledger, offset) = (Arc::clone(&self.ledger), refused.offset);
            let taken = Taken { ledger, offset, at: Instant::now(), expires: None };
            self.jobs.spawn(async move { context.keep_refused(number, taken, refused).await });
        }
        self.hand_over();
    }

    fn after_job(&mut self, ended: Result<(), JoinError>) {
        if let Err(error) = ended
            && let Ok(panic) = error.try_into_panic()
        {
            // Handlers' panics are caught: this is a fault of the worker itself.
            std::panic::resume_unwind(panic);
        }
        self.hand_over();
    }

    /// Tells the group's member how far we are.
    fn hand_over(&mut self) {
        let position = self.ledger.committable();
        self.lag.set(self.high_watermark.saturating_sub(position).max(0));
        if self.handed_over != Some(position) {
            self.partition.commits.commit(self.partition.number, position);
            self.handed_over = Some(position);
        }
    }

    fn has_room(&self) -> bool {
        let (records, bytes) = self.ledger.in_flight();
        records < self.partition.context.max_in_flight && bytes < MAX_IN_FLIGHT_BYTES
    }

    /// A dead letter of this partition waits for its topic to be writable.
    fn is_paused(&self) -> bool {
        self.ledger.awaits_dead_letters() && self.partition.context.dead_letters.is_blocked()
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // However the task ends, what its records still have under way must not be written by us any more.
        self.partition.lease.close();
        self.partition.context.metrics.forget_lag(self.partition.number);
    }
}

fn ledger(partition: &Partition, position: i64) -> Arc<Ledger> {
    let in_flight = partition.context.metrics.in_flight();
    Arc::new(Ledger::starting_at(position, Arc::clone(&partition.lease), in_flight))
}
