//! The requests of one partition, read, judged and seen off.
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

use kafka::Record;
use kafka::reader::{Fetched, Reader};
use tokio::task::{JoinError, JoinSet, yield_now};
use tokio::time::sleep;

use super::backlog::{Backlog, Item};
use super::budget::Share;
use super::context::{Context, addressed};
use super::expiry::Reading;
use super::judge::{Ending, Place, Verdict};
use super::partition::Partition;
use super::progress::Progress;
use crate::ledger::{AwaitedReply, Debt, Debts, InFlight, Lease};
use crate::replies::{Claim, ReplyBatches, Taken};

/// How long records are judged before others get their turn on the loop.
const TURN: Duration = Duration::from_millis(5);
/// Records finished behind one that is not, which all are done again if we die: some 64 MiB of bookkeeping, and longer
/// than a request usually lives.
const MAX_UNCOMMITTED: usize = 1_000_000;
/// A reader that saw the end of the log so shortly ago keeps up.
const KEEPS_UP: Duration = Duration::from_secs(1);
/// Between two looks for replies that cannot be written and have expired.
const LOOK_FOR_EXPIRED: Duration = Duration::from_secs(1);

/// A partition that is being read.
pub(crate) struct Stream {
    context: Arc<Context>,
    share: Share,
    number: i32,
    lease: Arc<Lease>,
    reader: Reader,
    backlog: Backlog,
    progress: Progress,
    /// What takes longer than a turn: at most one for each record in flight, and one for each batch of replies that
    /// found no room.
    jobs: JoinSet<()>,
    batches: ReplyBatches,
    looked_for_expired: Instant,
}

impl Stream {
    pub(crate) fn new(partition: Partition, reader: Reader) -> Self {
        let Partition { context, number, lease, commits, committed } = partition;
        let position = reader.position();
        tracing::debug!(partition = number, position, committed, "reads requests");
        let metrics = Arc::clone(&context.metrics);
        let progress =
            Progress::starting_at(position, committed, number, Arc::clone(&lease), commits, metrics);
        let share = context.budget.share();
        let mut stream = Self {
            context,
            share,
            number,
            lease,
            reader,
            backlog: Backlog::empty(position),
            progress,
            jobs: JoinSet::new(),
            batches: ReplyBatches::default(),
            looked_for_expired: Instant::now(),
        };
        stream.hand_over();
        stream
    }

    /// Works until the lease is ending.
    pub(crate) async fn serve(&mut self) {
        let lease = Arc::clone(&self.lease);
        while !lease.is_ending() {
            if self.take_turn() {
                yield_now().await;
                continue;
            }
            let ledger = Arc::clone(self.progress.ledger());
            let in_flight = ledger.in_flight();
            let may_read = self.backlog.is_empty() && self.has_room(in_flight) && !self.is_paused();
            tokio::select! {
                biased;
                () = lease.ending() => {}
                () = ledger.changed() => self.after_change(),
                Some(ended) = self.jobs.join_next() => after_job(ended),
                fetched = self.reader.next(), if may_read => self.after_fetch(fetched),
                () = sleep(LOOK_FOR_EXPIRED), if in_flight.records > 0 => {}
            }
            self.let_go_of_expired();
        }
    }

    /// Finishes what is under way.
    pub(crate) async fn finish(&mut self) {
        let ledger = Arc::clone(self.progress.ledger());
        while ledger.in_flight().records > 0 {
            tokio::select! {
                () = ledger.changed() => self.after_change(),
                Some(ended) = self.jobs.join_next() => after_job(ended),
            }
        }
    }

    /// Tells the group's member how far we are.
    pub(crate) fn hand_over(&mut self) {
        self.progress.hand_over();
    }

    pub(crate) fn in_flight(&self) -> InFlight {
        self.progress.ledger().in_flight()
    }

    /// Judges what was fetched, for a while. Whether there is more that can be judged at once.
    fn take_turn(&mut self) -> bool {
        if self.backlog.is_empty() || self.is_paused() {
            return false;
        }
        let began = Instant::now();
        let reading = self.backlog.reading(began, self.context.clock.now());
        let mut goes_on = true;
        while goes_on && self.has_room(self.in_flight()) {
            let Some(item) = self.backlog.next() else { break };
            self.take(item, &reading);
            goes_on = began.elapsed() < TURN;
        }
        self.send_batches();
        if !self.backlog.is_empty() {
            return self.has_room(self.in_flight());
        }
        self.progress.ledger().skip_to(self.backlog.next_offset());
        self.hand_over();
        false
    }

    fn take(&mut self, item: Item, reading: &Reading) {
        let (offset, bytes) = (item.offset(), item.bytes());
        let ledger = Arc::clone(self.progress.ledger());
        let taken = Taken { ledger: Arc::clone(&ledger), offset, at: reading.instant };
        let (number, reading) = (self.number, *reading);
        let record = match item {
            Item::Record(record) => record,
            Item::Unreadable(raw) => {
                ledger.take(offset, bytes, Debts::WORK);
                let context = Arc::clone(&self.context);
                self.jobs.spawn(async move { context.keep_unreadable(number, taken, raw).await });
                return;
            }
        };
        self.context.metrics.taken(reading.age_of(&record.record));
        let began = Instant::now();
        let mut processing = {
            let Record { key, value, headers, .. } = &record.record;
            self.context.spans.processing(key.as_deref(), value.as_deref(), headers, number, offset)
        };
        match self.context.judge.judge(&record.record, &reading, reading.instant, Place::Loop) {
            Verdict::Ending(Ending::Reply { to, reply, operation, outcome }, expires) => {
                self.context.judged(outcome, began);
                ledger.take(offset, bytes, Debts::reply(AwaitedReply::answer(operation, expires)));
                let mut reply = addressed(reply, record.record.key, reading.wall);
                let sending = self.context.sending(processing.as_ref(), &mut reply, to);
                let claim = Claim::answer(taken, operation, outcome, sending);
                self.batches.entry(to).or_default().push((reply, claim));
            }
            Verdict::Expired { operation } => {
                ledger.take(offset, bytes, Debts::WORK);
                self.context.expired(operation, Some(&record.record), processing.as_mut());
                ledger.settle(offset, Debt::Work);
            }
            verdict => {
                ledger.take(offset, bytes, Debts::WORK);
                let context = Arc::clone(&self.context);
                self.jobs.spawn(async move {
                    context.see_through(number, taken, record, reading, verdict, processing).await;
                });
            }
        }
    }

    /// What one turn answered is one batch for each reply partition.
    fn send_batches(&mut self) {
        for (to, batch) in self.batches.drain() {
            if let Err(rest) = self.context.replies.try_send(to, batch) {
                let context = Arc::clone(&self.context);
                self.jobs.spawn(async move { context.replies.send(to, rest).await });
            }
        }
    }

    fn after_fetch(&mut self, fetched: Fetched) {
        self.progress.saw_end(fetched.high_watermark);
        if let Some(skipped) = &fetched.skipped {
            let lost = skipped.end.saturating_sub(skipped.start);
            self.context.metrics.lost_offsets(u64::try_from(lost).unwrap_or(0));
        }
        if fetched.restarted {
            self.progress.start_over(fetched.next_offset);
        }
        let now = Instant::now();
        let max_age = self.max_age(&fetched, now);
        self.backlog = Backlog::of(fetched, now, max_age);
        if self.backlog.is_empty() {
            self.progress.ledger().skip_to(self.backlog.next_offset());
            self.hand_over();
        }
    }

    /// No record of the fetch is older. A reader that keeps up knows best; one that has just taken the partition over, or
    /// lags, knows less than who has watched the log from outside.
    fn max_age(&self, fetched: &Fetched, now: Instant) -> Option<Duration> {
        if fetched.max_age.is_some_and(|age| age < KEEPS_UP) {
            return fetched.max_age;
        }
        let first = fetched.records.first().map(|record| record.offset);
        let unreadable = fetched.unreadable.first().map(|record| record.offset);
        let first = first.into_iter().chain(unreadable).min();
        let watched = first.and_then(|offset| self.context.past_ends.max_age(self.number, offset, now));
        fetched.max_age.into_iter().chain(watched).min()
    }

    /// Something is finished, or was refused.
    fn after_change(&mut self) {
        let ledger = Arc::clone(self.progress.ledger());
        for refused in ledger.take_refused() {
            let (context, number) = (Arc::clone(&self.context), self.number);
            let taken = Taken { ledger: Arc::clone(&ledger), offset: refused.offset, at: Instant::now() };
            self.jobs.spawn(async move { context.keep_refused(number, taken, refused).await });
        }
        self.hand_over();
    }

    fn let_go_of_expired(&mut self) {
        let now = Instant::now();
        if now.saturating_duration_since(self.looked_for_expired) < LOOK_FOR_EXPIRED {
            return;
        }
        self.looked_for_expired = now;
        for reply in self.progress.ledger().expire_replies(now) {
            // A notice goes beside a dead letter, which is what counts.
            if reply.operation.is_some() {
                self.context.expired(reply.operation, None, None);
            }
        }
    }

    /// Whether a further record may be taken.
    fn has_room(&self, in_flight: InFlight) -> bool {
        in_flight.records < self.context.max_in_flight
            && in_flight.uncommitted < MAX_UNCOMMITTED
            && self.share.has_room(in_flight.bytes)
    }

    /// A dead letter of this partition waits for its topic to be writable.
    fn is_paused(&self) -> bool {
        self.in_flight().dead_letters > 0 && self.context.dead_letters.is_blocked()
    }
}

fn after_job(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && let Ok(panic) = error.try_into_panic()
    {
        // Handlers' panics are caught: this is a fault of the worker itself, and ends it.
        std::panic::resume_unwind(panic);
    }
}
