//! Whether anybody is there to answer.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use kafka::group::Sighting;

/// Oldest look at the group that still counts. Older than this, nobody knows, and nobody guesses.
const FRESH: Duration = Duration::from_secs(1);

/// When a reply came last, on the clock that sightings of the group are stamped with.
#[derive(Debug)]
pub(crate) struct LastReply {
    started: Instant,
    /// Microseconds since `started`, plus one; 0 while none has come.
    at_micros: AtomicU64,
}

impl LastReply {
    pub(crate) fn new(started: Instant) -> Self {
        Self { started, at_micros: AtomicU64::new(0) }
    }

    pub(crate) fn record(&self, now: Instant) {
        let micros = now.saturating_duration_since(self.started).as_micros();
        self.at_micros.store(u64::try_from(micros).unwrap_or(u64::MAX - 1) + 1, Ordering::Relaxed);
    }

    fn at(&self) -> Option<Instant> {
        let micros = self.at_micros.load(Ordering::Relaxed).checked_sub(1)?;
        Some(self.started + Duration::from_micros(micros))
    }
}

/// Whether a new request should be refused for want of workers: the group was seen empty a moment ago, has been
/// so for longer than `grace`, and no reply has come since that look.
pub(crate) fn nobody_there(seen: Option<Sighting>, reply: &LastReply, grace: Duration, now: Instant) -> bool {
    let Some(seen) = seen else { return false };
    seen.members == 0
        && now.saturating_duration_since(seen.asked_at) < FRESH
        && seen.last_member_at.is_none_or(|at| now.saturating_duration_since(at) >= grace)
        && reply.at().is_none_or(|at| at < seen.asked_at)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRACE: Duration = Duration::from_secs(1);
    const MS: Duration = Duration::from_millis(1);

    fn sighting(members: usize, asked_at: Instant, last_member_at: Option<Instant>) -> Sighting {
        Sighting { members, asked_at, answered_at: asked_at, last_member_at }
    }

    fn empty(asked_at: Instant) -> Option<Sighting> {
        Some(sighting(0, asked_at, None))
    }

    #[test]
    fn an_empty_group_seen_just_now_is_nobody() {
        let start = Instant::now();
        assert!(nobody_there(empty(start), &LastReply::new(start), GRACE, start + 10 * MS));
    }

    #[test]
    fn what_is_not_known_is_not_guessed() {
        let start = Instant::now();
        let reply = LastReply::new(start);
        assert!(!nobody_there(None, &reply, GRACE, start));
        assert!(!nobody_there(empty(start), &reply, GRACE, start + FRESH), "too old to count");
    }

    #[test]
    fn a_member_or_a_later_reply_is_somebody() {
        let start = Instant::now();
        let reply = LastReply::new(start);
        let one = Some(sighting(1, start, Some(start)));
        assert!(!nobody_there(one, &reply, GRACE, start));
        reply.record(start + 5 * MS);
        assert!(!nobody_there(empty(start + 4 * MS), &reply, GRACE, start + 10 * MS));
        assert!(nobody_there(empty(start + 6 * MS), &reply, GRACE, start + 10 * MS));
    }

    #[test]
    fn the_last_member_has_a_grace_to_come_back() {
        let start = Instant::now();
        let gone = |asked_at| Some(sighting(0, asked_at, Some(start)));
        let reply = LastReply::new(start);
        assert!(!nobody_there(gone(start + 500 * MS), &reply, GRACE, start + 999 * MS));
        assert!(nobody_there(gone(start + 500 * MS), &reply, GRACE, start + 1000 * MS));
    }
}
