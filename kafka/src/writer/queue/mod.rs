//! What waits to be sent, and which lane sends it.
//!
//! There is no timer and no knob. A record that finds an idle lane wakes it; the lane lets the event loop turn for
//! as long as the queue grows, and then takes it, up to [a batch](batch_limit). What comes while every lane is busy goes with
//! the next ones.

mod state;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use rskafka::record::Record;
use tokio::sync::{Notify, watch};

use super::{Batch, Courier, QueueFull, size};
use state::{Entry, Seat, State, batch_limit};

/// Turns of the event loop that a lane waits at most while the queue grows.
const MAX_TURNS: usize = 8;

/// What a lane is to do.
pub(super) enum Work<T> {
    Send(Batch<T>),
    /// Find out whether the connection still works.
    Probe,
}

/// By which a lane is woken.
pub(super) struct Bell {
    number: usize,
    pub(super) partition: i32,
    rung: Notify,
    /// Set before ringing; else there is something to send.
    probe: AtomicBool,
}

/// The queue of one writer.
pub(super) struct Queue<C: Courier> {
    courier: Arc<C>,
    max_records: usize,
    max_bytes: usize,
    state: Mutex<State<C::Token>>,
    connected: watch::Sender<usize>,
    /// Nothing is outstanding.
    drained: Notify,
}

impl Bell {
    fn new(number: usize, partition: i32) -> Self {
        Self { number, partition, rung: Notify::new(), probe: AtomicBool::new(false) }
    }
}

impl<C: Courier> Queue<C> {
    pub(super) fn new(courier: Arc<C>, max_records: usize, max_bytes: usize) -> Self {
        let (connected, drained) = (watch::Sender::new(0), Notify::new());
        Self { courier, max_records, max_bytes, state: Mutex::new(State::new()), connected, drained }
    }

    pub(super) fn courier(&self) -> &C {
        &self.courier
    }

    /// Accepts what there is room for and gives back the rest.
    pub(super) fn push_all(
        &self,
        records: impl IntoIterator<Item = (Record, C::Token)>,
    ) -> Result<(), QueueFull<Batch<C::Token>>> {
        let mut rejected = Vec::new();
        let mut state = self.state.lock();
        for (record, token) in records {
            let size = size::upper_bound(&record);
            if state.has_room(size, self.max_records, self.max_bytes) {
                state.push(Entry { record, token, size });
            } else {
                rejected.push((record, token));
            }
        }
        self.wake_one(&mut state);
        if rejected.is_empty() { Ok(()) } else { Err(QueueFull(rejected)) }
    }

    /// Accepts a record if there is room for it.
    pub(super) fn push(&self, record: Record, token: C::Token) -> Result<(), QueueFull<(Record, C::Token)>> {
        let size = size::upper_bound(&record);
        let mut state = self.state.lock();
        if !state.has_room(size, self.max_records, self.max_bytes) {
            return Err(QueueFull((record, token)));
        }
        state.push(Entry { record, token, size });
        self.wake_one(&mut state);
        Ok(())
    }

    /// Nothing is accepted any more.
    pub(super) fn close(&self) {
        self.state.lock().closed = true;
    }

    pub(super) fn is_closed(&self) -> bool {
        self.state.lock().closed
    }

    pub(super) fn add_lane(&self, partition: i32) -> Arc<Bell> {
        let mut state = self.state.lock();
        let number = state.lanes.len();
        let bell = Arc::new(Bell::new(number, partition));
        state.lanes.push(Seat { bell: bell.clone(), connected: false });
        bell
    }

    pub(super) fn has_lane_to(&self, partition: i32) -> bool {
        self.state.lock().lanes.iter().any(|seat| seat.bell.partition == partition)
    }

    /// The lane's connection works, or does not.
    pub(super) fn set_connected(&self, lane: &Bell, connected: bool) {
        let mut state = self.state.lock();
        state.lanes[lane.number].connected = connected;
        let count = state.lanes.iter().filter(|seat| seat.connected).count();
        self.connected.send_replace(count);
        // Others may have been passed over in favour of this one.
        self.wake_one(&mut state);
    }

    /// How many lanes' connections work.
    pub(super) fn connected(&self) -> &watch::Sender<usize> {
        &self.connected
    }

    /// Waits until the lane has something to do. `settled` of its records were delivered, failed or dropped since it last
    /// asked, and its produce requests take so long.
    pub(super) async fn next(&self, lane: &Bell, mut settled: usize, took: Duration) -> Work<C::Token> {
        loop {
            self.rest(lane, std::mem::take(&mut settled));
            lane.rung.notified().await;
            if lane.probe.swap(false, Ordering::Relaxed) {
                return Work::Probe;
            }
            let limit = batch_limit(self.courier.under_way().max(self.outstanding()), took);
            self.gather(limit).await;
            let mut state = self.state.lock();
            state.woken = false;
            let batch = state.take_batch(limit);
            // A rest beyond the batch's limits is another lane's.
            self.wake_one(&mut state);
            if !batch.is_empty() {
                return Work::Send(batch);
            }
        }
    }

    /// Makes every idle lane find out whether its connection still works.
    pub(super) fn probe_idle(&self) {
        let mut state = self.state.lock();
        while let Some(number) = state.idle.pop_front() {
            let bell = &state.lanes[number].bell;
            bell.probe.store(true, Ordering::Relaxed);
            bell.rung.notify_one();
        }
    }

    /// Asks again for the load of partitions that were passed over, if something waits.
    pub(super) fn reconsider(&self) {
        self.wake_one(&mut self.state.lock());
    }

    /// Returns when nothing is waiting and nothing is under way.
    pub(super) async fn drained(&self) {
        loop {
            let mut drained = std::pin::pin!(self.drained.notified());
            drained.as_mut().enable();
            if self.outstanding() == 0 {
                return;
            }
            drained.await;
        }
    }

    /// Records accepted and not yet delivered, failed or dropped.
    pub(super) fn outstanding(&self) -> usize {
        self.state.lock().outstanding
    }

    /// Records waiting, and their bytes at most.
    pub(super) fn waiting(&self) -> (usize, usize) {
        let state = self.state.lock();
        (state.waiting.len(), state.waiting_bytes)
    }

    pub(super) fn lanes(&self) -> usize {
        self.state.lock().lanes.len()
    }

    /// The lane has nothing to do. It may be woken at once, if it is the one to take what has queued meanwhile.
    fn rest(&self, lane: &Bell, settled: usize) {
        let mut state = self.state.lock();
        state.outstanding -= settled;
        if state.outstanding == 0 {
            self.drained.notify_waiters();
        }
        state.idle.push_back(lane.number);
        self.wake_one(&mut state);
    }

    /// On a current-thread runtime a yield is one turn of the event loop, new I/O included: whoever became ready
    /// meanwhile adds its record. With one record in flight this costs one empty poll. Where records are large a turn
    /// takes long, and one of it may bring enough.
    async fn gather(&self, limit: usize) {
        let mut seen = 0;
        for _ in 0..MAX_TURNS {
            {
                let state = self.state.lock();
                if state.waiting.len() == seen || state.fills_a_batch(limit) {
                    return;
                }
                seen = state.waiting.len();
            }
            tokio::task::yield_now().await;
        }
    }

    fn wake_one(&self, state: &mut State<C::Token>) {
        if state.woken || state.waiting.is_empty() {
            return;
        }
        if let Some(place) = state.choose(|partition| self.courier.load(partition))
            && let Some(number) = state.idle.remove(place)
        {
            state.woken = true;
            state.lanes[number].bell.rung.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use chrono::DateTime;
    use futures::FutureExt as _;

    use super::*;
    use crate::writer::WriteError;

    /// Partition 0 has a load, the others have none.
    #[derive(Default)]
    struct Loaded {
        first: AtomicUsize,
    }

    impl Courier for Loaded {
        type Token = ();

        fn load(&self, partition: i32) -> usize {
            if partition == 0 { self.first.load(Ordering::Relaxed) } else { 0 }
        }

        fn departing(&self, (): &(), _: i32) -> bool {
            true
        }

        fn delivered(&self, (): (), _: i32, _: i64) {}

        fn failed(&self, (): (), _: &WriteError, _: bool) {}
    }

    fn record() -> Record {
        let timestamp = DateTime::UNIX_EPOCH;
        Record { key: None, value: None, headers: std::collections::BTreeMap::new(), timestamp }
    }

    /// A queue, and a connected lane to each of the first `lanes` partitions, none of which rests yet.
    fn queue(lanes: i32) -> (Queue<Loaded>, Vec<Arc<Bell>>) {
        let queue = Queue::new(Arc::default(), 10_000, 1 << 20);
        let lanes: Vec<_> = (0..lanes).map(|partition| queue.add_lane(partition)).collect();
        lanes.iter().for_each(|lane| queue.set_connected(lane, true));
        (queue, lanes)
    }

    #[tokio::test]
    async fn what_was_held_back_goes_on_when_loads_have_become_less() {
        let (queue, lanes) = queue(2);
        queue.courier.first.store(5_000, Ordering::Relaxed);
        let mut first = Box::pin(queue.next(&lanes[0], 0, Duration::ZERO));
        assert!(first.as_mut().now_or_never().is_none(), "nothing is there");
        queue.push(record(), ()).unwrap();
        queue.reconsider();
        assert!(first.as_mut().now_or_never().is_none(), "far ahead of the other, whose lane is busy");
        queue.courier.first.store(0, Ordering::Relaxed);
        assert!(first.as_mut().now_or_never().is_none(), "nobody has said so");
        queue.reconsider();
        assert!(matches!(first.await, Work::Send(batch) if batch.len() == 1));
    }

    #[tokio::test]
    async fn a_crowd_that_only_the_queue_knows_of_makes_larger_batches() {
        let (queue, lanes) = queue(1);
        let crowd = 8 * batch_limit(0, Duration::ZERO);
        (0..crowd).for_each(|_| queue.push(record(), ()).unwrap());
        assert_eq!(queue.courier.under_way(), 0);
        let Work::Send(batch) = queue.next(&lanes[0], 0, Duration::ZERO).await else { panic!("it probes") };
        assert_eq!(batch.len(), batch_limit(crowd, Duration::ZERO));
        assert!(batch.len() > batch_limit(0, Duration::ZERO));
    }

    #[tokio::test]
    async fn a_full_batch_goes_without_a_turn() {
        let (queue, lanes) = queue(1);
        let limit = batch_limit(0, Duration::ZERO);
        (0..=limit).for_each(|_| queue.push(record(), ()).unwrap());
        let Some(Work::Send(full)) = queue.next(&lanes[0], 0, Duration::ZERO).now_or_never() else {
            panic!("it waits")
        };
        assert_eq!(full.len(), limit);
        let mut rest = Box::pin(queue.next(&lanes[0], full.len(), Duration::ZERO));
        assert!(rest.as_mut().now_or_never().is_none(), "more may come in this turn");
        assert!(matches!(rest.await, Work::Send(rest) if rest.len() == 1));
    }
}
