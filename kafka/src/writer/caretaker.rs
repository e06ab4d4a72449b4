//! Keeps idle lanes honest and warm.
//!
//! A lane that sends nothing learns nothing: its connection may have died long ago, and a broker closes one that has
//! been silent for ten minutes. So idle lanes are made to ask their leader something: every minute; every two
//! seconds while anything that talks to the cluster is down; and at once when such a thing goes down.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior, interval},
};

use super::{Courier, queue::Queue};
use crate::HealthView;

const WHILE_ALL_IS_WELL: Duration = Duration::from_secs(60);
const WHILE_SOMETHING_IS_DOWN: Duration = Duration::from_secs(2);

/// Never ends by itself.
pub(super) async fn run<C: Courier>(queue: Arc<Queue<C>>, mut health: watch::Receiver<HealthView>) {
    let mut ticks = interval(WHILE_SOMETHING_IS_DOWN);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut probed_at = Instant::now();
    let mut falls = health.borrow().falls;
    loop {
        let ticked = tokio::select! {
            _ = ticks.tick() => true,
            // The sender lives in the handle that every lane holds.
            changed = health.changed() => changed.is_err(),
        };
        let view = health.borrow_and_update().clone();
        let fell = view.falls != falls;
        falls = view.falls;
        let pause = if view.down > 0 { WHILE_SOMETHING_IS_DOWN } else { WHILE_ALL_IS_WELL };
        if fell || (ticked && probed_at.elapsed() >= pause) {
            queue.probe_idle();
            probed_at = Instant::now();
        }
    }
}
