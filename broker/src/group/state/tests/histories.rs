//! Random histories, and what holds in all of them.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Copy, Debug)]
enum Step {
    Join(usize),
    Sync(usize),
    Beat(usize),
    Leave(usize),
    Abandon,
    Pass(u64),
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..4usize).prop_map(Step::Join),
        4 => (0..4usize).prop_map(Step::Sync),
        2 => (0..4usize).prop_map(Step::Beat),
        1 => (0..4usize).prop_map(Step::Leave),
        1 => Just(Step::Abandon),
        2 => (0..8u64).prop_map(Step::Pass),
        1 => Just(Step::Restart),
    ]
}

proptest! {
    /// Whatever happens: answers go to who waits, once (`Scene::close`); generations never go back while nothing
    /// restarts; nobody is handed an assignment that was not made for the group's members; and when everybody falls
    /// silent, everybody is answered and the group ends empty.
    #[test]
    fn any_history_keeps_the_rules(steps in prop::collection::vec(step(), 1..80)) {
        let ids = ["a", "b", "c", "d"];
        let mut scene = Scene::new(SECOND);
        let mut newest = 0;
        for step in steps {
            let generation = scene.group.generation;
            match step {
                Step::Join(who) => {
                    let known = scene.group.members().contains_key(ids[who]);
                    scene.join(ids[who], known);
                }
                Step::Sync(who) => {
                    let shares: Vec<_> = ids.iter().map(|id| (*id, "share")).collect();
                    let (_, answers) = scene.sync(ids[who], generation, &shares);
                    for answer in answers {
                        if let Answer::Sync(_, Ok(synced)) = answer {
                            prop_assert_eq!(synced.assignment, "share");
                        }
                    }
                }
                Step::Beat(who) => drop(scene.heartbeat(ids[who], generation)),
                Step::Leave(who) => drop(scene.leave(ids[who])),
                Step::Abandon => {
                    if let Some(&ticket) = scene.open.first() {
                        scene.abandon(ticket);
                    }
                }
                Step::Pass(seconds) => drop(scene.pass(SECOND * u32::try_from(seconds).unwrap())),
                Step::Restart => {
                    // Connections end first, as they do.
                    while let Some(&ticket) = scene.open.first() {
                        scene.abandon(ticket);
                    }
                    let group = std::mem::replace(&mut scene.group, Group::new(SECOND));
                    scene.group = group.restarted(scene.now);
                    newest = scene.group.generation;
                }
            }
            prop_assert!(scene.group.generation >= newest);
            newest = scene.group.generation;
            let stable = scene.group.phase == Phase::Stable;
            prop_assert!(!stable || scene.open.is_empty(), "nobody waits in a stable group");
            let waiting = scene.group.members().values();
            let waiting: usize = waiting
                .map(|member| usize::from(member.joining.is_some()) + usize::from(member.syncing.is_some()))
                .sum();
            prop_assert_eq!(waiting, scene.open.len(), "the group knows everybody who waits");
        }
        for _ in 0..60 {
            scene.pass(SECOND);
        }
        prop_assert!(scene.open.is_empty());
        prop_assert!(scene.group.is_empty());
        prop_assert_eq!(scene.group.state_name(), "Empty");
    }
}
