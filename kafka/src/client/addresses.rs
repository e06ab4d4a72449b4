//! Whom to ask next.
//!
//! The bootstrap addresses, and beside them every broker that the cluster has named: the one address that a program
//! was given may be that of the broker that died. They take turns, so that one broker which answers with a view of the
//! cluster that is long past, because it is cut off from the others, does not mislead us for ever. One that was the
//! leader of a call that failed comes last for a while: it is the likeliest to be such a broker.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::wire::{Broker, Metadata};

/// For how long an address comes last.
const DOUBTED_FOR: Duration = Duration::from_secs(10);
/// So many are tried at a time: who names thousands of brokers that are not there must not keep us from those that we were
/// given.
const TRIED_AT_ONCE: usize = 16;

#[derive(Debug, Default)]
pub(super) struct Addresses {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Those that the cluster named when it was last asked.
    named: Vec<String>,
    doubted: Vec<(String, Instant)>,
    turn: usize,
}

impl Addresses {
    /// Those that are to be tried this time, in that order. The one that is `in_question` comes last. Of very many it is the
    /// next few, and one that was given among them.
    pub(super) fn in_turn(
        &self,
        bootstrap: &[String],
        in_question: Option<&str>,
        now: Instant,
    ) -> Vec<String> {
        let mut state = self.state.lock();
        let named = state.named.iter().filter(|named| !bootstrap.contains(named));
        let mut all: Vec<String> = bootstrap.iter().chain(named).cloned().collect();
        let turn = state.turn % all.len().max(1);
        state.turn = state.turn.wrapping_add(1);
        all.rotate_left(turn);
        if all.len() > TRIED_AT_ONCE {
            all.truncate(TRIED_AT_ONCE);
            let given = bootstrap.get(turn % bootstrap.len().max(1));
            if !all.iter().any(|address| bootstrap.contains(address)) {
                all.splice(TRIED_AT_ONCE - 1.., given.cloned());
            }
        }
        state.doubted.retain(|(_, since)| now.saturating_duration_since(*since) < DOUBTED_FOR);
        all.sort_by_key(|address| {
            let is_doubted = state.doubted.iter().any(|(doubted, _)| doubted == address);
            (in_question == Some(address.as_str()), is_doubted)
        });
        all
    }

    /// Those that the cluster named, but for one of them.
    pub(super) fn others(&self, than: &str) -> Vec<String> {
        let state = self.state.lock();
        let mut others: Vec<_> = state.named.iter().filter(|named| *named != than).cloned().collect();
        let turn = state.turn % others.len().max(1);
        others.rotate_left(turn);
        others
    }

    /// The cluster has named its brokers.
    pub(super) fn saw(&self, view: &Metadata) {
        if !view.brokers.is_empty() {
            self.state.lock().named = view.brokers.iter().map(Broker::address).collect();
        }
    }

    /// A call to this one has failed.
    pub(super) fn doubt(&self, address: String, now: Instant) {
        let doubted = &mut self.state.lock().doubted;
        doubted.retain(|(other, _)| *other != address);
        doubted.push((address, now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn naming(ports: &[u16]) -> Metadata {
        let broker = |port: &u16| Broker { id: i32::from(*port), host: "host".to_owned(), port: *port };
        Metadata { brokers: ports.iter().map(broker).collect(), controller_id: None, topics: Vec::new() }
    }

    #[test]
    fn they_take_turns_and_a_doubted_one_comes_last_for_a_while() {
        let bootstrap = ["host:1".to_owned(), "elsewhere:9".to_owned()];
        let (addresses, start) = (Addresses::default(), Instant::now());
        assert_eq!(addresses.in_turn(&bootstrap, None, start), bootstrap);
        addresses.saw(&naming(&[1, 2]));
        addresses.saw(&naming(&[]));
        assert_eq!(addresses.in_turn(&bootstrap, None, start), ["elsewhere:9", "host:2", "host:1"]);
        addresses.doubt("host:2".to_owned(), start);
        assert_eq!(addresses.in_turn(&bootstrap, None, start), ["host:1", "elsewhere:9", "host:2"]);
        assert_eq!(
            addresses.in_turn(&bootstrap, None, start + DOUBTED_FOR),
            ["host:1", "elsewhere:9", "host:2"]
        );
        assert_eq!(
            addresses.in_turn(&bootstrap, None, start + DOUBTED_FOR),
            ["elsewhere:9", "host:2", "host:1"]
        );
        assert_eq!(addresses.in_turn(&bootstrap, None, start + DOUBTED_FOR)[0], "host:2");
        assert_eq!(
            addresses.in_turn(&bootstrap, Some("host:1"), start + DOUBTED_FOR),
            ["elsewhere:9", "host:2", "host:1"]
        );
        assert_eq!(addresses.others("host:1"), ["host:2"]);
    }

    #[test]
    fn whoever_names_thousands_does_not_keep_us_from_those_that_were_given() {
        let bootstrap = ["given:1".to_owned(), "given:2".to_owned()];
        let (addresses, start) = (Addresses::default(), Instant::now());
        addresses.saw(&naming(&(1..=5_000).collect::<Vec<u16>>()));
        let mut tried = std::collections::HashSet::new();
        for _ in 0..5_002 {
            let turn = addresses.in_turn(&bootstrap, None, start);
            assert!(turn.len() == TRIED_AT_ONCE && turn.iter().any(|address| bootstrap.contains(address)));
            tried.extend(turn);
        }
        assert_eq!(tried.len(), 5_002, "all of them in the end");
    }
}
