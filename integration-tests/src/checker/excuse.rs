//! When a call may stay without a response.

use std::time::Duration;

use super::history::{Call, Connection, Ending, Life, Outcome, ReplyCounters, Terms};

/// Longest time for which a connection that the kernel has accepted waits for the process to take it.
const ACCEPT_LAG: Duration = Duration::from_millis(100);

/// Longest time from SIGTERM until the gateway's answers ask their connections to close: those under way were begun before,
/// and on a busy machine the gateway gets the signal late.
const SIGNAL_LAG: Duration = Duration::from_millis(200);

/// Why a call without a response, or with a late one, breaks nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Excuse {
    /// Its gateway was killed while it was open.
    Killed,
    /// Its gateway was frozen while it was open.
    Frozen,
    /// Its gateway stopped in the moment when it was sent: on a connection that had been idle ever since before the last
    /// call, or in the queue of a listener that closed. HTTP/1.1 has no way to tell the client before.
    Cut,
    /// Its gateway had ended before it was sent: nobody accepted it.
    Gone,
}

/// The excuse of a call whose outcome is no timely response, if it has one.
pub(super) fn excuse(call: &Call, gateway: &Life<ReplyCounters>, terms: &Terms) -> Option<Excuse> {
    if gateway.freezes.iter().any(|freeze| freeze.overlaps(&call.span())) {
        return Some(Excuse::Frozen);
    }
    let death = gateway.death?;
    if call.sent > death.ended && death.by != Ending::Failed {
        return Some(Excuse::Gone);
    }
    match death.by {
        Ending::Failed => None,
        Ending::Killed => (call.ended >= death.began).then_some(Excuse::Killed),
        Ending::Stopped => {
            let closes = death.began + terms.last_call;
            let in_that_moment = call.sent + ACCEPT_LAG >= closes && call.ended >= closes;
            let idle_all_along = match call.connection {
                Connection::Fresh => true,
                Connection::KeptAlive { idle_since } => idle_since <= death.began + SIGNAL_LAG,
            };
            let has_no_response = matches!(call.outcome, Outcome::Broken(_) | Outcome::NotConnected(_));
            (has_no_response && in_that_moment && idle_all_along).then_some(Excuse::Cut)
        }
    }
}
