//! What a leader makes of a share that is not the one it gave itself.

use super::*;

const STICKY: Assignor = Assignor::CooperativeSticky;

fn candidate(id: &str) -> Candidate {
    Candidate { id: id.to_owned(), owned: set([]), generation: -1 }
}

#[test]
fn a_leader_whose_share_got_lost_joins_again() {
    for told in [set([]), set([0]), set([0, 1, 2, 3])] {
        let mut bench = Bench::found(STICKY, 3);
        bench.complete(1, Some(vec![candidate("me")]));
        bench.synced(told);
        assert_eq!((bench.machine.state(), bench.machine.owned()), (State::Joining, &set([])));
        let actions = bench.after(Duration::from_secs(1));
        assert_eq!(join_of(&actions), Some(("me", &set([]), -1)));
        bench.complete(2, Some(vec![candidate("me")]));
        bench.synced(set([0, 1, 2]));
        assert_eq!((bench.machine.state(), bench.machine.owned()), (State::Stable, &set([0, 1, 2])));
    }
}

#[test]
fn who_leads_a_group_that_it_is_not_in_joins_again() {
    let mut bench = Bench::found(STICKY, 3);
    let actions = bench.complete(1, Some(vec![candidate("you")]));
    assert!(!actions.iter().any(|action| matches!(action, Action::Sync { .. })), "{actions:?}");
    assert_eq!(join_of(&bench.after(Duration::from_secs(1))), Some(("me", &set([]), -1)));
}
