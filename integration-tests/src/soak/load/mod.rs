//! Calls at a steady rate, whatever becomes of them, and what became of each.
//!
//! ```text
//!   schedule: so many a second, however slow the answers ─▶ a door ─▶ a kept connection or a fresh one ─▶ Call
//! ```
//!
//! A call begins when its first byte is sent. A kept connection that turns out to be closed before anything was sent is
//! passed over; where no connection can be made, that is the call's outcome. Nothing that was sent is sent again.

mod answer;
mod connection;
mod data;
mod doors;
mod tally;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use hyper::body::Bytes;
use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep_until, timeout};

use connection::Unanswered;
pub use doors::{Access, Door, Doors};
pub use tally::{Look, Tally};

use super::clock::Clock;
use crate::checker::{self, Call, Digest, Outcome};

/// How much longer than its deadline a call waits for its response, so that one that comes late is seen.
const PATIENCE: Duration = Duration::from_secs(5);

/// One call of so many is on a connection of its own.
const FRESH_EVERY: u64 = 4;

/// Between two looks at whether a pause is over.
const PAUSE: Duration = Duration::from_millis(10);

/// Calls under way at once, so that a dead stack does not take all sockets.
const MAX_IN_FLIGHT: usize = 8_000;

/// What is to be driven.
#[derive(Debug, Clone, Copy)]
pub struct Rate {
    /// Calls a second.
    pub per_second: u32,
    /// The gateways' `REQUEST_TIMEOUT`.
    pub limit: Duration,
    /// Makes data of this run unlike that of any other.
    pub seed: u64,
}

/// Whether calls are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pace {
    Steady,
    Paused,
    Finished,
}

/// Calls and what became of them.
pub struct Load {
    /// The gateways.
    pub doors: Doors,
    /// For the line of progress.
    pub tally: Tally,
    rate: Rate,
    clock: Clock,
    pace: Mutex<Pace>,
    places: Arc<Semaphore>,
    next: AtomicU64,
    ended: Mutex<Vec<Call>>,
    unplaced: AtomicU64,
    held_back: AtomicU64,
}

impl Load {
    /// Calls at `rate`; none is made yet.
    pub fn new(rate: Rate, clock: Clock) -> Self {
        Self {
            doors: Doors::default(),
            tally: Tally::new(),
            rate,
            clock,
            pace: Mutex::new(Pace::Steady),
            places: Arc::new(Semaphore::new(MAX_IN_FLIGHT)),
            next: AtomicU64::new(0),
            ended: Mutex::default(),
            unplaced: AtomicU64::new(0),
            held_back: AtomicU64::new(0),
        }
    }

    /// Calls until [`finish`](Self::finish), and returns when the last call has ended.
    pub async fn drive(self: &Arc<Self>) {
        let mut calls = JoinSet::new();
        let (mut began, mut made) = (self.clock.now(), 0);
        loop {
            let due = began + Duration::from_secs(1) * made / self.rate.per_second.max(1);
            sleep_until(self.clock.instant(due).into()).await;
            while calls.try_join_next().is_some() {}
            match *self.pace.lock() {
                Pace::Steady => {}
                Pace::Paused => {
                    // What would have been due meanwhile is not made up for.
                    (began, made) = (self.clock.now() + PAUSE, 0);
                    continue;
                }
                Pace::Finished => break,
            }
            made += 1;
            self.spawn(&mut calls);
        }
        while calls.join_next().await.is_some() {}
    }

    /// No new calls until [`resume`](Self::resume).
    pub fn pause(&self) {
        self.change(Pace::Paused);
    }

    /// Calls as before.
    pub fn resume(&self) {
        self.change(Pace::Steady);
    }

    /// No new calls any more.
    pub fn finish(&self) {
        self.change(Pace::Finished);
    }

    fn change(&self, to: Pace) {
        let mut pace = self.pace.lock();
        if *pace != Pace::Finished {
            *pace = to;
        }
    }

    /// Makes one call out of turn, with an order to the worker in front of its data. Whether it was answered.
    pub async fn order(&self, order: impl FnOnce(&str) -> String) -> bool {
        let number = self.next.fetch_add(1, Relaxed);
        let data = order(&data::of_call(self.rate.seed, number));
        self.make(number, data).await
    }

    /// Makes one call to the gateway behind `door`, when no others are made any more. Whether it was answered.
    pub async fn call_at(&self, door: &Door) -> bool {
        let number = self.next.fetch_add(1, Relaxed);
        let call = self.call(number, &data::of_call(self.rate.seed, number), door).await;
        call.is_some_and(|call| self.keep(call))
    }

    /// Calls under way.
    pub fn in_flight(&self) -> usize {
        MAX_IN_FLIGHT - self.places.available_permits()
    }

    /// Calls that were due when there was no gateway.
    pub fn unplaced(&self) -> u64 {
        self.unplaced.load(Relaxed)
    }

    /// Calls that were due when too many were under way.
    pub fn held_back(&self) -> u64 {
        self.held_back.load(Relaxed)
    }

    /// All calls that have ended, in the order of that.
    pub fn take(&self) -> Vec<Call> {
        std::mem::take(&mut self.ended.lock())
    }

    fn spawn(self: &Arc<Self>, calls: &mut JoinSet<()>) {
        let Ok(place) = self.places.clone().try_acquire_owned() else {
            self.held_back.fetch_add(1, Relaxed);
            return;
        };
        let load = self.clone();
        calls.spawn(async move {
            let number = load.next.fetch_add(1, Relaxed);
            load.make(number, data::of_call(load.rate.seed, number)).await;
            drop(place);
        });
    }

    /// Makes a call and keeps what became of it. Whether it was answered.
    async fn make(&self, number: u64, data: String) -> bool {
        // A gateway that is closing may have no connection left by the time that it is asked for one.
        while let Some(door) = self.doors.choose(number, is_fresh(number)) {
            if let Some(call) = self.call(number, &data, &door).await {
                return self.keep(call);
            }
        }
        self.unplaced.fetch_add(1, Relaxed);
        false
    }

    fn keep(&self, call: Call) -> bool {
        let is_answered = matches!(call.outcome, Outcome::Answered { .. });
        self.tally.count(&call.outcome, call.ended.saturating_sub(call.sent));
        self.ended.lock().push(call);
        is_answered
    }

    /// None if the gateway lets nobody in any more, before anything was sent.
    async fn call(&self, number: u64, data: &str, door: &Door) -> Option<Call> {
        let fresh = is_fresh(number);
        let body = Bytes::from(serde_json::json!({ "data": data }).to_string());
        let connecting = self.clock.now();
        let mut call = Call {
            number,
            gateway: door.instance,
            connection: checker::Connection::Fresh,
            data: Digest::of(data),
            sent: connecting,
            ended: connecting,
            limit: self.rate.limit,
            provokes: None,
            outcome: Outcome::TimedOut,
        };
        // Each kept connection that was closed meanwhile is one attempt, and there are only so many.
        loop {
            let mut connection = match door.connection(fresh).await {
                Ok(connection) => connection?,
                Err(error) => {
                    call.ended = self.clock.now();
                    call.outcome = Outcome::NotConnected(format!("{error:#}").into());
                    return Some(call);
                }
            };
            call.connection = match connection.idle_since() {
                Some(idle_since) => checker::Connection::KeptAlive { idle_since },
                None => checker::Connection::Fresh,
            };
            call.sent = if connection.idle_since().is_some() { self.clock.now() } else { connecting };
            let exchange = connection.post("/hash", body.clone());
            let response = timeout(self.rate.limit + PATIENCE, exchange).await;
            call.ended = self.clock.now();
            call.outcome = match response {
                Ok(Err(Unanswered::NotSent)) if connection.idle_since().is_some() => continue,
                Ok(Err(Unanswered::NotSent)) => {
                    Outcome::NotConnected("closed before anything was sent".into())
                }
                Ok(Err(Unanswered::Broken(reason))) => Outcome::Broken(reason.into()),
                Ok(Ok(response)) => {
                    connection.is_idle_from(call.ended);
                    if !fresh {
                        door.keep(connection);
                    }
                    answer::read(&response)
                }
                Err(_) => Outcome::TimedOut,
            };
            return Some(call);
        }
    }
}

/// Whether a call is on a connection of its own.
fn is_fresh(number: u64) -> bool {
    number.is_multiple_of(FRESH_EVERY)
}
