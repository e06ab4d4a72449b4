//! The deadline that travels with a request: `EPOCH_MS;TTL_MS`.

use std::time::Duration;

use super::digits;

/// Digits of a 64-bit number, at most.
const LONGEST_NUMBER: usize = 20;

/// When a request's caller stops waiting, and the time to live that this was made from.
///
/// One header holds both, because a reader whose clock is skewed can only trust the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline {
    /// Milliseconds since the Unix epoch, by the clock of whoever set it.
    pub at_epoch_ms: u64,
    /// What the caller gave the request, in whole milliseconds.
    pub ttl: Duration,
}

/// A deadline header that is not `EPOCH_MS;TTL_MS`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the deadline is not EPOCH_MS;TTL_MS in decimal digits")]
pub struct InvalidDeadline;

impl Deadline {
    /// The deadline of a request that starts at `now_epoch_ms` (milliseconds since the Unix epoch) and may take `ttl`,
    /// of which parts of a millisecond are dropped.
    pub fn after(now_epoch_ms: u64, ttl: Duration) -> Self {
        let ttl_ms = whole_ms(ttl);
        Self { at_epoch_ms: now_epoch_ms.saturating_add(ttl_ms), ttl: Duration::from_millis(ttl_ms) }
    }

    /// Whether nobody waits for this request any more, on which two clocks must agree: the wall clock is at the
    /// deadline or past it, and the record can be as old as the time to live.
    ///
    /// `max_age` is an upper bound of the record's age by the reader's own monotonic clock; `None` if it may have any
    /// age. So a skewed wall clock alone never drops a live request.
    pub fn is_expired(&self, now_epoch_ms: u64, max_age: Option<Duration>) -> bool {
        now_epoch_ms >= self.at_epoch_ms && max_age.is_none_or(|age| age >= self.ttl)
    }

    /// Reads the header's value.
    ///
    /// # Errors
    /// Anything but two decimal numbers of at most 64 bits with a semicolon between them.
    pub fn decode(value: &[u8]) -> Result<Self, InvalidDeadline> {
        let mut parts = value.splitn(2, |&byte| byte == b';');
        let mut next = || parts.next().and_then(digits).ok_or(InvalidDeadline);
        Ok(Self { at_epoch_ms: next()?, ttl: Duration::from_millis(next()?) })
    }

    /// The header's value.
    pub fn encode(&self) -> Vec<u8> {
        let mut value = Vec::with_capacity(2 * LONGEST_NUMBER + 1);
        value.extend_from_slice(itoa::Buffer::new().format(self.at_epoch_ms).as_bytes());
        value.push(b';');
        value.extend_from_slice(itoa::Buffer::new().format(whole_ms(self.ttl)).as_bytes());
        value
    }
}

fn whole_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TTL: Duration = Duration::from_secs(10);

    #[test]
    fn the_header_has_the_deadline_and_the_time_to_live() {
        let deadline = Deadline::after(1_700_000_000_000, TTL);
        assert_eq!(deadline.encode(), b"1700000010000;10000");
        assert_eq!(Deadline::decode(b"1700000010000;10000"), Ok(deadline));
    }

    #[test]
    fn what_is_not_two_decimal_numbers_is_an_error() {
        for value in [
            "",
            ";",
            "1",
            "1;",
            ";1",
            "1;2;3",
            "+1;2",
            "1;-2",
            " 1;2",
            "1.5;2",
            "99999999999999999999;1",
            "a;b",
        ] {
            assert_eq!(Deadline::decode(value.as_bytes()), Err(InvalidDeadline), "{value:?}");
        }
        assert_eq!(Deadline::decode(&[0xff, b';', b'1']), Err(InvalidDeadline));
    }

    #[test]
    fn expiry_needs_both_clocks() {
        let deadline = Deadline::after(1_000, TTL);
        let (young, old) = (Some(TTL - Duration::from_millis(1)), Some(TTL));
        assert!(deadline.is_expired(11_000, old));
        assert!(deadline.is_expired(11_000, None), "a record of unknown age may be old enough");
        assert!(!deadline.is_expired(10_999, old), "the wall clock is not there yet");
        assert!(!deadline.is_expired(10_999, None));
        assert!(!deadline.is_expired(u64::MAX, young), "a clock far ahead drops no young record");
    }

    #[test]
    fn nothing_overflows_at_the_ends_of_time() {
        let deadline = Deadline::after(u64::MAX - 1, Duration::MAX);
        assert_eq!(deadline.at_epoch_ms, u64::MAX);
        assert_eq!(Deadline::decode(&deadline.encode()), Ok(deadline));
    }
}
