//! Until when a login is good.
//!
//! A broker may say how long a session lasts (`connections.max.reauth.ms`, or the end of a token). It closes a connection on
//! which a request arrives after that, unless the request begins a new login; nothing happens to one that is silent
//! (KIP-368). So there is nothing to do in time: whoever is about to send a request looks whether it is due.

use std::time::Duration;

use tokio::time::Instant;

/// How much of a session is used before it is renewed. Java's clients wait for 85 to 95 %, too.
const USED: f64 = 0.85;

/// However short a session is said to be: nobody logs in again and again without a pause.
const SHORTEST: Duration = Duration::from_millis(100);

/// A connection's session.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Session {
    renew_at: Option<Instant>,
}

impl Session {
    /// One that the broker lets last for `lifetime` from `now`; zero means for ever.
    pub(crate) fn lasting(lifetime: Duration, now: Instant) -> Self {
        Self { renew_at: (!lifetime.is_zero()).then(|| now + lifetime.mul_f64(USED).max(SHORTEST)) }
    }

    /// Whether to log in again before the next request.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        self.renew_at.is_some_and(|renew_at| now >= renew_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_renewed_before_its_end_and_an_endless_one_never() {
        let start = Instant::now();
        let session = Session::lasting(Duration::from_secs(100), start);
        assert!(!session.is_due(start + Duration::from_secs(84)));
        assert!(session.is_due(start + Duration::from_secs(86)));
        assert!(!Session::lasting(Duration::ZERO, start).is_due(start + Duration::from_hours(1)));
        assert!(!Session::default().is_due(start));
        let shortest = Session::lasting(Duration::from_millis(1), start);
        assert!(!shortest.is_due(start + SHORTEST / 2) && shortest.is_due(start + SHORTEST));
        let longest = Session::lasting(Duration::from_millis(i64::MAX.unsigned_abs()), start);
        assert!(!longest.is_due(start + Duration::from_hours(1)));
    }
}
