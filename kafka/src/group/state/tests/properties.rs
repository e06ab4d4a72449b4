//! Whatever the coordinator answers, in whatever order, at whatever time.

use proptest::prelude::*;

use super::*;

/// What happens next, as far as it can at that moment.
#[derive(Clone, Debug)]
enum Step {
    Seek(bool),
    Join(Reply),
    Sync(Reply, BTreeSet<i32>),
    Beat(Reply),
    Offsets(Reply),
    CommitRefused(Reply, bool),
    Replaced,
    Drained,
    Flushed,
    Count(i32),
    Wait(u64),
}

/// An answer; how a failure is to be taken.
#[derive(Clone, Copy, Debug)]
struct Reply(Option<Verdict>);

fn verdict() -> impl Strategy<Value = Verdict> {
    use Verdict::*;
    prop::sample::select(vec![Elsewhere, Rebalancing, OldGeneration, UnknownMember, Passing, Refused])
}

fn reply() -> impl Strategy<Value = Reply> {
    prop_oneof![3 => Just(Reply(None)), 2 => verdict().prop_map(|verdict| Reply(Some(verdict)))]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => prop::bool::weighted(0.8).prop_map(Step::Seek),
        5 => reply().prop_map(Step::Join),
        5 => (reply(), prop::collection::btree_set(0..4i32, 0..4)).prop_map(|(r, p)| Step::Sync(r, p)),
        4 => reply().prop_map(Step::Beat),
        3 => reply().prop_map(Step::Offsets),
        1 => (reply(), any::<bool>()).prop_map(|(r, current)| Step::CommitRefused(r, current)),
        1 => Just(Step::Replaced),
        2 => Just(Step::Drained),
        2 => Just(Step::Flushed),
        1 => (0..5i32).prop_map(Step::Count),
        4 => (0..7000u64).prop_map(Step::Wait),
    ]
}

/// What an onlooker knows who sees only inputs and actions.
struct Onlooker {
    bench: Bench,
    seeking: bool,
    joining: bool,
    syncing: bool,
    beating: Option<(Identity, Instant)>,
    fetching: Option<BTreeSet<i32>>,
    generation: i32,
    /// What the last sync gave and was not lost since.
    given: BTreeSet<i32>,
    /// What the owner holds.
    held: BTreeSet<i32>,
    revoked: BTreeSet<i32>,
    revocation: u64,
}

type Checked = Result<(), TestCaseError>;

impl Onlooker {
    fn new(assignor: Assignor) -> Self {
        Self {
            bench: Bench::new(assignor),
            seeking: false,
            joining: false,
            syncing: false,
            beating: None,
            fetching: None,
            generation: 0,
            given: BTreeSet::new(),
            held: BTreeSet::new(),
            revoked: BTreeSet::new(),
            revocation: 0,
        }
    }

    fn step(&mut self, step: Step) -> Checked {
        let now = self.bench.now;
        match step {
            Step::Seek(found) if self.seeking => {
                self.seeking = false;
                self.give(Input::Coordinator(if found { Ok(()) } else { Err(Verdict::Elsewhere) }))
            }
            Step::Join(Reply(failure)) if self.joining => {
                self.joining = false;
                let anonymous = self.bench.machine.identity().member_id.is_empty();
                let answer = match failure {
                    Some(verdict) => Err(verdict),
                    None if anonymous => Ok(JoinAnswer::MemberId("me".to_owned())),
                    None => {
                        self.generation += 1;
                        Ok(JoinAnswer::Complete { by: identity(self.generation), lead: None })
                    }
                };
                self.give(Input::Joined(answer))
            }
            Step::Sync(Reply(failure), partitions) if self.syncing => {
                self.syncing = false;
                let answer = failure.map_or(Ok(partitions), Err);
                self.give(Input::Synced { sent: now, answer })
            }
            Step::Beat(Reply(failure)) => match self.beating.take() {
                Some((by, sent)) => self.give(Input::Beat { by, sent, answer: failure.map_or(Ok(()), Err) }),
                None => Ok(()),
            },
            Step::Offsets(Reply(failure)) => match self.fetching.take() {
                Some(asked) => {
                    let committed = asked.into_iter().map(|p| (p, None)).collect();
                    self.give(Input::Offsets(failure.map_or(Ok(committed), Err)))
                }
                None => Ok(()),
            },
            Step::CommitRefused(Reply(Some(verdict)), current) => {
                let mut by = self.bench.machine.identity().clone();
                by.generation -= i32::from(!current);
                self.give(Input::CommitRefused { by, verdict })
            }
            Step::Replaced => self.give(Input::Replaced),
            Step::Drained => self.give(Input::Drained(self.revocation)),
            Step::Flushed => self.give(Input::Flushed),
            Step::Count(count) => self.give(Input::Partitions(count)),
            Step::Wait(millis) => {
                self.bench.now += Duration::from_millis(millis);
                self.give(Input::Tick)
            }
            _ => Ok(()),
        }
    }

    fn give(&mut self, input: Input) -> Checked {
        let known_before = !self.bench.machine.identity().member_id.is_empty();
        let unknown = |verdict: &Verdict| *verdict == Verdict::UnknownMember;
        let disowned = match &input {
            Input::Joined(Err(verdict)) | Input::CommitRefused { verdict, .. } => unknown(verdict),
            Input::Synced { answer: Err(verdict), .. } | Input::Beat { answer: Err(verdict), .. } => {
                unknown(verdict)
            }
            _ => false,
        };
        if let Input::Synced { answer: Ok(partitions), .. } = &input {
            self.given = partitions.clone();
        }
        for action in self.bench.give(input) {
            self.see(action)?;
        }
        let machine = &self.bench.machine;
        prop_assert!(disowned || !known_before || !machine.identity().member_id.is_empty(), "id thrown away");
        prop_assert_eq!(
            self.joining || self.syncing,
            self.in_exchange(),
            "no exchange without its answer to come"
        );
        let may_own: BTreeSet<_> = self.given.union(&self.revoked).copied().collect();
        prop_assert!(machine.owned().is_subset(&may_own), "owns what no sync gave");
        prop_assert!(self.held.is_subset(machine.owned()), "the owner holds what is not ours");
        let waits_for_topic = machine.partitions.is_none() && machine.link.is_known();
        let wakes = machine.wake_at().is_some();
        prop_assert!(wakes || self.is_busy() || waits_for_topic, "nothing will ever happen");
        Ok(())
    }

    fn in_exchange(&self) -> bool {
        matches!(self.bench.machine.phase, Phase::Joining { .. } | Phase::Syncing { .. })
    }

    fn is_busy(&self) -> bool {
        let asking = self.beating.is_some() || self.fetching.is_some();
        self.seeking || self.joining || self.syncing || asking
    }

    fn see(&mut self, action: Action) -> Checked {
        match action {
            Action::FindCoordinator => prop_assert!(!std::mem::replace(&mut self.seeking, true)),
            Action::AbandonJoin => (self.joining, self.syncing) = (false, false),
            Action::Join { owned, .. } => {
                prop_assert!(!self.joining && !self.syncing, "two joins at a time");
                prop_assert!(owned.is_subset(self.bench.machine.owned()));
                self.joining = true;
            }
            Action::Sync { by, .. } => {
                prop_assert!(!self.joining && !self.syncing, "two joins at a time");
                prop_assert_eq!(by.generation, self.generation);
                self.syncing = true;
            }
            Action::Beat(by) => {
                prop_assert!(!by.member_id.is_empty() && by.generation > 0);
                prop_assert!(
                    self.beating.replace((by, self.bench.now)).is_none(),
                    "two heartbeats at a time"
                );
            }
            Action::FetchOffsets(partitions) => {
                prop_assert!(!partitions.is_empty());
                prop_assert!(self.fetching.replace(partitions).is_none(), "two fetches at a time");
            }
            Action::Announce(new) => {
                for Assigned { partition, .. } in new {
                    prop_assert!(self.given.contains(&partition), "announced what no sync gave");
                    prop_assert!(self.held.insert(partition), "announced twice");
                }
            }
            Action::Revoke { revocation, partitions } => {
                prop_assert!(!partitions.is_empty() && partitions.is_subset(&self.held));
                prop_assert!(revocation > self.revocation);
                self.revocation = revocation;
                self.revoked = partitions;
            }
            Action::Flush => prop_assert!(!self.revoked.is_empty()),
            Action::Release(partitions) => {
                prop_assert_eq!(&partitions, &self.revoked);
                self.revoked.clear();
                self.held.retain(|p| !partitions.contains(p));
            }
            Action::Lose(partitions) => {
                prop_assert_eq!(&partitions, &self.held, "everything that is held");
                prop_assert!(!partitions.is_empty());
                self.held.clear();
                self.given.clear();
                self.revoked.clear();
                prop_assert!(self.bench.machine.owned().is_empty(), "owns something after a loss");
            }
            Action::CountPartitions(count) => prop_assert!(count > 0),
        }
        Ok(())
    }

    /// From here on everything works: the member is soon one like the others, and has what it is given.
    fn settle(&mut self) -> Checked {
        let share = BTreeSet::from([0, 2]);
        self.step(Step::Count(4))?;
        for round in 0..40 {
            self.step(Step::Seek(true))?;
            self.step(Step::Join(Reply(None)))?;
            self.step(Step::Sync(Reply(None), share.clone()))?;
            // The group calls for a rebalance, so that the share can come.
            let calls = round >= 10 && self.held != share;
            self.step(Step::Beat(Reply(calls.then_some(Verdict::Rebalancing))))?;
            self.step(Step::Offsets(Reply(None)))?;
            self.step(Step::Drained)?;
            self.step(Step::Flushed)?;
            self.step(Step::Wait(200))?;
        }
        prop_assert_eq!(self.bench.machine.state(), State::Stable);
        prop_assert_eq!(&self.held, &share);
        prop_assert!(self.bench.machine.commits_as().is_some());
        Ok(())
    }
}

proptest! {
    #[test]
    fn any_course_of_events_is_survived(
        cooperative in any::<bool>(),
        steps in prop::collection::vec(step(), 0..120),
    ) {
        let assignor = if cooperative { Assignor::CooperativeSticky } else { Assignor::Range };
        let mut onlooker = Onlooker::new(assignor);
        onlooker.give(Input::Tick)?;
        for step in steps {
            onlooker.step(step)?;
        }
        onlooker.settle()?;
    }
}
