//! One line a second: how it goes.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::sleep;

use super::clock::Clock;
use super::load::{Load, Look};

const EVERY: Duration = Duration::from_secs(1);

/// What is going on. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Progress {
    going_on: Arc<Mutex<Vec<&'static str>>>,
}

impl Progress {
    pub(super) fn enter(&self, name: &'static str) {
        self.going_on.lock().push(name);
    }

    pub(super) fn leave(&self, name: &'static str) {
        let mut going_on = self.going_on.lock();
        if let Some(at) = going_on.iter().position(|other| *other == name) {
            going_on.remove(at);
        }
    }

    /// Tells it to `say`, until dropped.
    pub(super) async fn tell(self, load: Arc<Load>, clock: Clock, say: fn(&str)) {
        loop {
            sleep(EVERY).await;
            let going_on = self.going_on.lock().join(" + ");
            say(&line(clock.now(), &load.tally.look(), load.in_flight(), &going_on));
        }
    }
}

fn line(now: Duration, look: &Look, in_flight: usize, going_on: &str) -> String {
    let ms = |duration: Duration| duration.as_secs_f64() * 1e3;
    let mut line = format!(
        "{:6.1} s  {:5}/s  p50 {:7.1} ms  p99 {:7.1} ms  {in_flight:4} in flight",
        now.as_secs_f64(),
        look.answered,
        ms(look.p50),
        ms(look.p99),
    );
    for (code, count) in &look.refused {
        line.push_str(&format!("  {count} {code}"));
    }
    for (count, what) in [(look.lost, "without response"), (look.unconnected, "without connection")] {
        if count > 0 {
            line.push_str(&format!("  {count} {what}"));
        }
    }
    if !going_on.is_empty() {
        line.push_str(&format!("  [{going_on}]"));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_what_happened_and_nothing_else() {
        let mut look = Look { answered: 200, p50: Duration::from_millis(2), ..Look::default() };
        assert_eq!(
            line(Duration::from_millis(1_500), &look, 3, ""),
            "   1.5 s    200/s  p50     2.0 ms  p99     0.0 ms     3 in flight"
        );
        look.refused.insert("no_workers".into(), 7);
        look.lost = 1;
        let line = line(Duration::from_millis(1_500), &look, 3, "worker-killed");
        assert!(line.ends_with("in flight  7 no_workers  1 without response  [worker-killed]"), "{line}");
    }
}
