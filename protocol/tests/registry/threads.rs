//! What must hold when the sides of a request are on threads of their own.

use std::sync::Barrier;
use std::thread;

use protocol::{Completion, Parting};

use crate::{Outcome, registry, reply};

const ROUNDS: Outcome = 2_000;

/// Whoever is told "never sent" may try again elsewhere, so no record may depart after that.
#[test]
fn giving_up_and_departing_agree_on_who_was_first() {
    let registry = registry(1);
    let start = Barrier::new(2);
    for _ in 0..ROUNDS {
        let pending = registry.register(None).expect("the last one is gone");
        let id = pending.id();
        let (parting, departed) = thread::scope(|scope| {
            let writer = scope.spawn(|| {
                start.wait();
                registry.departing(id, 0)
            });
            start.wait();
            let parting = pending.give_up();
            (parting, writer.join().unwrap())
        });
        assert_eq!(parting == Parting::Departed, departed);
        assert_eq!(registry.unanswered(0), 0);
    }
}

/// A reply that counts as answered reached its waiter, and no other did.
#[test]
fn giving_up_and_completing_agree_on_who_was_first() {
    let registry = registry(1);
    let start = Barrier::new(2);
    for round in 0..ROUNDS {
        let pending = registry.register(None).expect("the last one is gone");
        let id = pending.id();
        let (parting, completion) = thread::scope(|scope| {
            let listener = scope.spawn(|| {
                start.wait();
                reply(&registry, id, round)
            });
            start.wait();
            let parting = pending.give_up();
            (parting, listener.join().unwrap())
        });
        match completion {
            Completion::Answered => assert_eq!(parting, Parting::Ended(round)),
            Completion::Late => assert_eq!(parting, Parting::NeverSent),
            other => panic!("a request that just ended is remembered, not {other:?}"),
        }
    }
    let counts = registry.counts();
    assert_eq!((counts.answered + counts.late, registry.pending()), (u64::from(ROUNDS), 0));
}
