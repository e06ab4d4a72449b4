//! How old the records can be that a reader finds.
//!
//! ```text
//!   time ──────┬──────────────────┬────────────────────▶
//!              │ the log ended    │ records behind that end are handed over
//!              │ at our position  │
//!              └──── max_age ─────┘ all of them were appended in between
//! ```
//!
//! No clock but this process's monotonic one takes part. The process may have been stopped at any point, with a fetch
//! parked at the broker, so what counts is when the broker can have looked at the earliest:
//!
//! - an answer with records: not before the fetch was sent;
//! - an empty one: the broker had waited as long as it was told to, though no longer than until we had its answer.

use std::time::Duration;

use tokio::time::Instant;

/// When the log was last known to end where we read.
#[derive(Debug, Default)]
pub(super) struct Sight {
    of_end: Option<Instant>,
}

/// One fetch's times.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    pub(super) sent_at: Instant,
    pub(super) received_at: Instant,
    /// How long the broker was to wait if it had nothing.
    pub(super) max_wait: Duration,
}

impl Look {
    pub(super) fn took(self) -> Duration {
        self.received_at - self.sent_at
    }

    /// The earliest time at which the broker can have found the log as it told us.
    fn at(self, is_empty: bool) -> Instant {
        if is_empty { (self.sent_at + self.max_wait).min(self.received_at) } else { self.sent_at }
    }
}

impl Sight {
    /// The log ended where reading begins when it was asked for its end, by a question sent at `asked_at`.
    pub(super) fn begins_at_end(&mut self, asked_at: Instant) {
        self.of_end = Some(asked_at);
    }

    /// An answer came; `reached_end` if nothing was left behind what it held.
    pub(super) fn answered(&mut self, look: Look, is_empty: bool, reached_end: bool) {
        if reached_end {
            self.of_end = self.of_end.max(Some(look.at(is_empty)));
        }
    }

    /// The log is not the one we knew.
    pub(super) fn forget(&mut self) {
        self.of_end = None;
    }

    /// No record that is handed over now, from behind what had been read when the last answer was counted, is older.
    /// `None` if the end was never seen: they may have any age.
    pub(super) fn max_age(&self, now: Instant) -> Option<Duration> {
        self.of_end.map(|seen| now.saturating_duration_since(seen))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX_WAIT: Duration = Duration::from_millis(500);

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn look(start: Instant, sent: u64, received: u64) -> Look {
        Look { sent_at: start + ms(sent), received_at: start + ms(received), max_wait: MAX_WAIT }
    }

    #[test]
    fn any_age_until_the_end_was_seen() {
        let (start, mut sight) = (Instant::now(), Sight::default());
        sight.answered(look(start, 0, 10), false, false);
        assert_eq!(sight.max_age(start + ms(10)), None);
        sight.answered(look(start, 10, 20), false, true);
        assert_eq!(sight.max_age(start + ms(20)), Some(ms(10)));
    }

    #[test]
    fn a_reader_that_begins_at_the_end_has_seen_it() {
        let (start, mut sight) = (Instant::now(), Sight::default());
        sight.begins_at_end(start);
        assert_eq!(sight.max_age(start + ms(300)), Some(ms(300)));
    }

    #[test]
    fn a_quiet_log_keeps_records_young() {
        let (start, mut sight) = (Instant::now(), Sight::default());
        sight.answered(look(start, 0, 501), true, true);
        sight.answered(look(start, 501, 1002), true, true);
        // The next fetch is answered with a record 300 ms after it was sent.
        assert_eq!(sight.max_age(start + ms(1302)), Some(ms(301)));
    }

    #[test]
    fn a_process_that_was_stopped_with_a_fetch_parked_believes_nothing_younger_than_the_fetch() {
        let (start, mut sight) = (Instant::now(), Sight::default());
        sight.answered(look(start, 0, 500), true, true);
        // Parked at 500; a record comes at 700; the process stands still from 600 to 60,000.
        assert_eq!(sight.max_age(start + ms(60_000)), Some(ms(59_500)));
        sight.answered(look(start, 500, 60_000), false, true);
        // What the next fetch finds may have come at any time after 700.
        assert_eq!(sight.max_age(start + ms(60_001)), Some(ms(59_501)));
        // The same with an answer that was empty: the broker waited half a second, not a minute.
        sight.answered(look(start, 60_001, 120_000), true, true);
        assert_eq!(sight.max_age(start + ms(120_000)), Some(ms(59_499)));
    }

    #[test]
    fn an_empty_answer_that_came_early_counts_from_when_it_came() {
        let (start, mut sight) = (Instant::now(), Sight::default());
        sight.answered(look(start, 0, 3), true, true);
        assert_eq!(sight.max_age(start + ms(10)), Some(ms(7)));
    }

    #[test]
    fn lag_does_not_undo_what_was_seen() {
        let (start, mut sight) = (Instant::now(), Sight::default());
        sight.answered(look(start, 0, 500), true, true);
        sight.answered(look(start, 500, 600), false, false);
        assert_eq!(sight.max_age(start + ms(700)), Some(ms(200)));
        sight.forget();
        assert_eq!(sight.max_age(start + ms(700)), None);
    }
}
