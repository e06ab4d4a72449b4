//! The time of day, as other hosts are told it.

use chrono::{DateTime, TimeDelta, Utc};

/// A wall clock: the system's, or one that goes as much before or after it as another host's might. What time this
/// process itself takes is measured by its monotonic clock and never by this one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WallClock {
    ahead: TimeDelta,
}

impl WallClock {
    /// The system's.
    pub fn system() -> Self {
        Self::default()
    }

    /// One that is `by` ahead of the system's, or behind it if that is negative.
    pub fn skewed(by: TimeDelta) -> Self {
        Self { ahead: by }
    }

    /// What time it is by this clock; the nearest time that can be told if that is out of range.
    pub fn now(&self) -> DateTime<Utc> {
        let farthest =
            if self.ahead < TimeDelta::zero() { DateTime::<Utc>::MIN_UTC } else { DateTime::<Utc>::MAX_UTC };
        Utc::now().checked_add_signed(self.ahead).unwrap_or(farthest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skewed_clock_is_ahead_or_behind_by_as_much() {
        for skew in [TimeDelta::zero(), TimeDelta::seconds(30), TimeDelta::seconds(-30)] {
            let (before, told, after) = (Utc::now(), WallClock::skewed(skew).now(), Utc::now());
            assert!((before + skew..=after + skew).contains(&told), "{skew}: {told}");
        }
    }

    #[test]
    fn no_skew_goes_beyond_the_ends_of_time() {
        assert_eq!(WallClock::skewed(TimeDelta::MAX).now(), DateTime::<Utc>::MAX_UTC);
        assert_eq!(WallClock::skewed(TimeDelta::MIN).now(), DateTime::<Utc>::MIN_UTC);
    }
}
