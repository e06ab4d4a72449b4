//! Tells of dead letters, a few at a time: somebody should look, and a flood of bad records should not flood the log.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::names::Names;

/// Between two lines about the same reason.
const PAUSE: Duration = Duration::from_secs(10);

/// When each reason was last told of, and how many came since.
#[derive(Debug, Default)]
pub(crate) struct Notices {
    told: Mutex<BTreeMap<&'static str, (Instant, u64)>>,
}

impl Notices {
    /// A record became a dead letter.
    pub(crate) fn tell(&self, reason: &'static str, record: &str, message: &str, names: &Names) {
        if let Some(unmentioned) = self.due(reason, Instant::now()) {
            let Names { id, request_id, trace_id } = names;
            tracing::warn!(
                reason,
                record,
                message,
                id,
                request_id,
                trace_id,
                unmentioned,
                "a record became a dead letter"
            );
        }
    }

    /// How many went unmentioned before this one, if this one is to be told of.
    fn due(&self, reason: &'static str, now: Instant) -> Option<u64> {
        let mut told = self.told.lock();
        match told.get_mut(reason) {
            Some((at, unmentioned)) if now.saturating_duration_since(*at) < PAUSE => {
                *unmentioned += 1;
                None
            }
            _ => Some(told.insert(reason, (now, 0)).map_or(0, |(_, unmentioned)| unmentioned)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_is_told_of_at_once_and_then_at_intervals() {
        let (notices, start) = (Notices::default(), Instant::now());
        assert_eq!(notices.due("malformed", start), Some(0));
        assert_eq!(notices.due("malformed", start), None);
        assert_eq!(notices.due("unknown_version", start), Some(0));
        assert_eq!(notices.due("malformed", start + PAUSE / 2), None);
        assert_eq!(notices.due("malformed", start + PAUSE), Some(2));
        assert_eq!(notices.due("malformed", start + PAUSE), None);
    }
}
