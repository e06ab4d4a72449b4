//! What waits to be sent, and which lane sends it.
//!
//! There is no timer and no knob. A record that finds an idle lane wakes it; the lane lets the event loop turn for
//! as long as the queue grows, and then takes it, up to [a batch](batch_limit). What comes while every lane is busy goes with
//! the next ones.

mod state;

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use parking_lot::Mutex;
use rskafka::record::Record;
use tokio::sync::{Notify, watch};

use super::{Batch, Courier, QueueFull, size};
pub(super) use state::batch_limit;
use state::{Entry, Seat, State};

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

    /// Waits until the lane has something to do, of which it takes at most `limit` records. `settled` of its records were
    /// delivered, failed or dropped since it last asked.
    pub(super) async fn next(&self, lane: &Bell, mut settled: usize, limit: usize) -> Work<C::Token> {
        loop {
            self.rest(lane, std::mem::take(&mut settled));
            lane.rung.notified().await;
            if lane.probe.swap(false, Ordering::Relaxed) {
                return Work::Probe;
            }
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
        let mut seen = self.state.lock().waiting.len();
        for _ in 0..MAX_TURNS {
            tokio::task::yield_now().await;
            let state = self.state.lock();
            if state.waiting.len() == seen || state.fills_a_batch(limit) {
                return;
            }
            seen = state.waiting.len();
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
