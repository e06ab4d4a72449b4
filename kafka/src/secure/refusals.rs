//! Logins that were refused: told of once for each reason, and not repeated at the pace of those who want connections.
//!
//! Every lane, reader and member has a connection and tries again within half a second. A password that has become wrong would
//! so be tried a dozen times a second by each service of a fleet, until the account is locked; an authorization server
//! would be asked as often for a token.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;
use tracing::{info, warn};

/// The first pause after a refusal, for all connections together; each is twice as long as the one before.
const MIN_PAUSE: Duration = Duration::from_millis(500);
/// The longest: a secret that is right again is found out so soon.
const MAX_PAUSE: Duration = Duration::from_secs(5);

/// What became of the logins of one process by one secret.
#[derive(Debug, Default)]
pub(crate) struct Refusals(Mutex<Option<Refused>>);

#[derive(Debug)]
struct Refused {
    reason: String,
    /// Before, nobody tries.
    next_try: Instant,
    pause: Duration,
}

impl Refusals {
    /// Lets try whoever comes first once the pause is over.
    ///
    /// # Errors
    /// Why the last login was refused, for all others.
    pub(super) fn try_again(&self, now: Instant) -> Result<(), String> {
        let mut refused = self.0.lock();
        let Some(refused) = &mut *refused else { return Ok(()) };
        if now < refused.next_try {
            return Err(refused.reason.clone());
        }
        refused.next_try = now + refused.pause;
        Ok(())
    }

    /// A login was refused. A reason that is not the one before is told.
    pub(super) fn refused(&self, address: &str, mechanism: &str, reason: &str, now: Instant) {
        let mut last = self.0.lock();
        let pause = last.as_ref().map_or(MIN_PAUSE, |last| (last.pause * 2).min(MAX_PAUSE));
        if last.as_ref().is_none_or(|last| last.reason != reason) {
            warn!(address, mechanism, reason, "the login at Kafka fails");
        }
        *last = Some(Refused { reason: reason.to_owned(), next_try: now + pause, pause });
    }

    /// A login was accepted.
    pub(super) fn accepted(&self) {
        if self.0.lock().take().is_some() {
            info!("the login at Kafka works again");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(refusals: &Refusals, now: Instant) {
        refusals.refused("broker:9093", "PLAIN", "wrong password", now);
    }

    #[test]
    fn one_tries_after_a_pause_that_grows_and_the_others_hear_why_not() {
        let (refusals, mut now) = (Refusals::default(), Instant::now());
        assert_eq!([refusals.try_again(now), refusals.try_again(now)], [Ok(()), Ok(())]);
        for pause in [500, 1_000, 2_000, 4_000, 5_000, 5_000].map(Duration::from_millis) {
            refused(&refusals, now);
            let almost = now + pause - Duration::from_millis(1);
            assert_eq!(refusals.try_again(almost), Err("wrong password".to_owned()));
            now += pause;
            assert_eq!(refusals.try_again(now), Ok(()));
            assert!(refusals.try_again(now).is_err(), "one at a time");
        }
    }

    #[test]
    fn who_tries_and_never_comes_back_holds_nobody_up_for_long() {
        let (refusals, now) = (Refusals::default(), Instant::now());
        refused(&refusals, now);
        assert_eq!(refusals.try_again(now + MIN_PAUSE), Ok(()));
        assert_eq!(refusals.try_again(now + 2 * MIN_PAUSE), Ok(()));
    }

    #[test]
    fn after_a_login_that_works_everybody_may_try() {
        let (refusals, now) = (Refusals::default(), Instant::now());
        refused(&refusals, now);
        refusals.accepted();
        assert_eq!([refusals.try_again(now), refusals.try_again(now)], [Ok(()), Ok(())]);
        refused(&refusals, now);
        assert_eq!(refusals.try_again(now + MIN_PAUSE), Ok(()), "the first pause again");
    }
}
