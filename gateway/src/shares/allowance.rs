//! How often: a bucket of a few requests that fills at a steady rate, as the generic cell rate algorithm keeps it.
//!
//! One time stands for the whole state: when the bucket will be full again. Pure arithmetic; whoever calls says what time
//! it is, as the time since any beginning.

use std::time::Duration;

/// What every caller is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Allowance {
    /// Nanoseconds in which one more request is allowed.
    interval: u64,
    burst: u32,
}

/// What a caller has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Quota {
    /// Requests.
    pub(super) left: u64,
    /// Time until all of its burst is there again.
    pub(super) full_in: Duration,
}

/// What is known of one caller: nanoseconds at which its bucket is full. The past means that it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Used(u64);

impl Allowance {
    /// `rate` requests a second, and `burst` at once after a rest; both at least 1.
    pub(super) fn new(rate: u32, burst: u32) -> Self {
        Self { interval: 1_000_000_000_u64.div_ceil(u64::from(rate.max(1))), burst: burst.max(1) }
    }

    /// Requests at once after a rest.
    pub(super) fn burst(self) -> u32 {
        self.burst
    }

    /// The time in which an empty bucket fills.
    pub(super) fn window(self) -> Duration {
        Duration::from_nanos(self.capacity())
    }

    /// Takes one request.
    ///
    /// # Errors
    /// If none is left: what is known, and the time until one is.
    pub(super) fn take(self, used: &mut Used, now: Duration) -> Result<Quota, (Quota, Duration)> {
        let now = nanos(now);
        let after = used.0.max(now).saturating_add(self.interval);
        let excess = (after - now).saturating_sub(self.capacity());
        if excess > 0 {
            return Err((self.quota(*used, now), Duration::from_nanos(excess)));
        }
        used.0 = after;
        Ok(self.quota(*used, now))
    }

    fn quota(self, used: Used, now: u64) -> Quota {
        let missing = used.0.saturating_sub(now);
        let left = self.capacity().saturating_sub(missing) / self.interval;
        Quota { left, full_in: Duration::from_nanos(missing) }
    }

    fn capacity(self) -> u64 {
        self.interval.saturating_mul(u64::from(self.burst))
    }
}

impl Used {
    /// Whether nothing has to be remembered of the caller.
    pub(super) fn is_full(self, now: Duration) -> bool {
        self.0 <= nanos(now)
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_burst_passes_and_then_the_rate() {
        let (allowance, mut used) = (Allowance::new(10, 3), Used::default());
        let start = Duration::from_secs(5);
        for left in [2, 1, 0] {
            assert_eq!(allowance.take(&mut used, start).unwrap().left, left);
        }
        let (quota, wait) = allowance.take(&mut used, start).unwrap_err();
        assert_eq!((quota.left, wait), (0, Duration::from_millis(100)));
        assert!(allowance.take(&mut used, start + Duration::from_millis(99)).is_err());
        assert!(allowance.take(&mut used, start + Duration::from_millis(100)).is_ok());
        assert!(!used.is_full(start + Duration::from_millis(399)));
        assert!(used.is_full(start + Duration::from_millis(400)));
    }

    proptest! {
        /// Whatever the times, no stretch of time has more than the burst and what the rate adds.
        #[test]
        fn no_stretch_has_too_many(
            rate in 1u32..2_000, burst in 1u32..50, gaps in prop::collection::vec(0u64..20_000_000, 1..300)
        ) {
            let (allowance, mut used) = (Allowance::new(rate, burst), Used::default());
            let (mut now, mut passed) = (Duration::ZERO, Vec::new());
            for gap in gaps {
                now += Duration::from_nanos(gap);
                if allowance.take(&mut used, now).is_ok() {
                    passed.push(now);
                }
            }
            for (index, from) in passed.iter().enumerate() {
                for (count, to) in (1..).zip(&passed[index..]) {
                    let added = (*to - *from).as_secs_f64() * f64::from(rate);
                    prop_assert!(f64::from(count) <= f64::from(burst) + added + 1e-6);
                }
            }
        }

        /// Who waits as long as they are told gets through, and not a moment earlier.
        #[test]
        fn the_wait_is_right(rate in 1u32..2_000, burst in 1u32..20, at in 0u64..1_000_000_000) {
            let (allowance, mut used) = (Allowance::new(rate, burst), Used::default());
            let now = Duration::from_nanos(at);
            for _ in 0..burst {
                prop_assert!(allowance.take(&mut used, now).is_ok());
            }
            let (_, wait) = allowance.take(&mut used, now).unwrap_err();
            prop_assert!(allowance.take(&mut used, now + wait - Duration::from_nanos(1)).is_err());
            prop_assert!(allowance.take(&mut used, now + wait).is_ok());
        }
    }
}
