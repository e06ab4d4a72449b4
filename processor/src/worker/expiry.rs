//! When a request expires, as one instant of this process's monotonic clock.
//!
//! Two clocks must agree that nobody waits any more: the wall clock is past the deadline, and by the reader's
//! monotonic clock the record can be as old as its time to live ([`Deadline::is_expired`]). Both move on at the
//! same pace, so the first moment at which both will agree is known when the record is read, and asking again later
//! takes one comparison.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use kafka::Record;
use protocol::header::Deadline;

/// The clocks at the moment when records were taken from a fetch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reading {
    /// This process's monotonic clock.
    pub(crate) instant: Instant,
    /// The wall clock.
    pub(crate) wall: DateTime<Utc>,
    /// By the monotonic clock, no record of the fetch is older; `None` if they may have any age.
    pub(crate) max_age: Option<Duration>,
}

impl Reading {
    /// How old the record is by the wall clock alone; a record of the future is new.
    pub(crate) fn age_of(&self, record: &Record) -> Duration {
        self.wall.signed_duration_since(record.timestamp).to_std().unwrap_or_default()
    }

    /// When the deadline is past by both clocks; `None` if that is too far away to tell.
    pub(crate) fn expiry(&self, deadline: &Deadline) -> Option<Instant> {
        let epoch_ms = u64::try_from(self.wall.timestamp_millis()).unwrap_or(0);
        let by_the_wall = Duration::from_millis(deadline.at_epoch_ms.saturating_sub(epoch_ms));
        let by_age = self.max_age.map_or(Duration::ZERO, |age| deadline.ttl.saturating_sub(age));
        self.instant.checked_add(by_the_wall.max(by_age))
    }
}

/// What counts as the deadline of a record that carries none: `max_age` after its timestamp.
pub(crate) fn implied_deadline(timestamp_ms: i64, max_age: Duration) -> Deadline {
    Deadline::after(u64::try_from(timestamp_ms).unwrap_or(0), max_age)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    #[test]
    fn a_record_without_deadline_expires_a_max_age_after_its_timestamp() {
        assert_eq!(implied_deadline(1_000, HOUR), Deadline { at_epoch_ms: 3_601_000, ttl: HOUR });
        assert_eq!(implied_deadline(-1, HOUR).at_epoch_ms, 3_600_000, "no timestamp is a very old one");
    }

    #[test]
    fn an_instant_beyond_the_clock_is_never() {
        let reading = Reading { instant: Instant::now(), wall: DateTime::UNIX_EPOCH, max_age: None };
        // Where the clock can count that far, the instant is far away.
        let expiry = reading.expiry(&Deadline { at_epoch_ms: u64::MAX, ttl: Duration::MAX });
        assert!(expiry.is_none_or(|at| at > reading.instant + 1_000 * HOUR));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        /// Asked now or later, the instant says what the two clocks would.
        #[test]
        fn the_instant_agrees_with_both_clocks(
            (at, ttl, now, age, later) in (0..5_000_u64, 0..5_000_u64, 0..5_000_u64, prop::option::of(0..5_000_u64), 0..5_000_u64)
        ) {
            let deadline = Deadline { at_epoch_ms: at, ttl: Duration::from_millis(ttl) };
            let max_age = age.map(Duration::from_millis);
            let wall = DateTime::UNIX_EPOCH + Duration::from_millis(now);
            let reading = Reading { instant: Instant::now(), wall, max_age };
            let later_by = Duration::from_millis(later);
            let by_both_clocks = deadline.is_expired(now + later, max_age.map(|age| age + later_by));
            let expiry = reading.expiry(&deadline).unwrap();
            prop_assert_eq!(reading.instant + later_by >= expiry, by_both_clocks);
        }
    }
}
