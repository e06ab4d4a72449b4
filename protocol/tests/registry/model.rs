//! Any sequence of steps, against a model that is a plain list.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use proptest::collection::vec;
use proptest::prelude::*;
use protocol::registry::{Counts, RegisterError};
use protocol::{Completion, CorrelationId, Parting, Pending, Registry};

use crate::{Outcome, registry, reply};

const MAX_PENDING: usize = 5;
const PARTITIONS: i32 = 3;

/// What may happen; requests are numbered in the order of their registration.
#[derive(Debug, Clone)]
enum Step {
    Register { reply_partition: Option<i32> },
    Depart { request: usize, partition: i32 },
    Reply { request: usize },
    ReplyToNobody,
    End { request: usize },
    Poll { request: usize },
    Drop { request: usize },
    GiveUp { request: usize },
    FailAll,
    Close,
}

fn step() -> impl Strategy<Value = Step> {
    let request = || 0_usize..12;
    prop_oneof![
        8 => prop::option::of(0..PARTITIONS).prop_map(|reply_partition| Step::Register { reply_partition }),
        8 => (request(), 0..PARTITIONS).prop_map(|(request, partition)| Step::Depart { request, partition }),
        6 => request().prop_map(|request| Step::Reply { request }),
        1 => Just(Step::ReplyToNobody),
        2 => request().prop_map(|request| Step::End { request }),
        4 => request().prop_map(|request| Step::Poll { request }),
        4 => request().prop_map(|request| Step::Drop { request }),
        2 => request().prop_map(|request| Step::GiveUp { request }),
        1 => Just(Step::FailAll),
        1 => Just(Step::Close),
    ]
}

/// One request as the model sees it.
struct Modelled {
    id: CorrelationId,
    /// `None` once it was dropped, given up, or its outcome taken.
    guard: Option<Pending<Outcome>>,
    waits: bool,
    answered: bool,
    outcome: Option<Outcome>,
    departed: Option<i32>,
    reply_partition: Option<i32>,
}

struct Model {
    registry: Arc<Registry<Outcome>>,
    requests: Vec<Modelled>,
    counts: Counts,
    closed: bool,
    /// Makes each outcome another one.
    turn: Outcome,
}

impl Model {
    fn take(&mut self, step: &Step) {
        self.turn += 1;
        let turn = self.turn;
        match *step {
            Step::Register { reply_partition } => self.register(reply_partition),
            Step::ReplyToNobody => {
                let id = CorrelationId::random(self.registry.tag());
                assert_eq!(reply(&self.registry, id, turn), Completion::Unknown);
                self.counts.unknown += 1;
            }
            Step::FailAll => {
                let mut failed = Vec::new();
                self.registry.fail_all(|id| {
                    failed.push(id);
                    turn
                });
                for request in self.requests.iter_mut().filter(|request| request.waits) {
                    assert!(failed.contains(&request.id));
                    request.end(turn, false);
                }
            }
            Step::Close => {
                self.registry.close();
                self.closed = true;
            }
            Step::Depart { request, .. }
            | Step::Reply { request }
            | Step::End { request }
            | Step::Poll { request }
            | Step::Drop { request }
            | Step::GiveUp { request } => {
                if let Some(request) = self.requests.get_mut(request) {
                    request.take(step, turn, &self.registry, &mut self.counts);
                }
            }
        }
    }

    fn register(&mut self, reply_partition: Option<i32>) {
        let kept = self.requests.iter().filter(|request| request.guard.is_some()).count();
        match self.registry.register(reply_partition) {
            Ok(guard) => {
                assert!(!self.closed && kept < MAX_PENDING);
                self.requests.push(Modelled {
                    id: guard.id(),
                    guard: Some(guard),
                    waits: true,
                    answered: false,
                    outcome: None,
                    departed: None,
                    reply_partition,
                });
            }
            Err(RegisterError::Closed) => assert!(self.closed),
            Err(RegisterError::Full) => assert_eq!(kept, MAX_PENDING),
        }
    }

    fn agrees(&self) {
        let waiting = || self.requests.iter().filter(|request| request.waits);
        assert_eq!(self.registry.pending(), waiting().count());
        for partition in 0..PARTITIONS {
            let unanswered = waiting().filter(|request| request.departed == Some(partition)).count();
            assert_eq!(self.registry.unanswered(partition), unanswered);
            let naming = waiting().filter(|request| request.reply_partition == Some(partition)).count();
            assert_eq!(self.registry.pending_naming(partition), naming);
        }
        assert_eq!(self.registry.counts(), self.counts);
        for request in &self.requests {
            if let Some(guard) = &request.guard {
                assert_eq!(guard.departed(), request.departed.is_some());
            }
        }
    }
}

impl Modelled {
    fn end(&mut self, outcome: Outcome, answered: bool) {
        (self.waits, self.answered, self.outcome) = (false, answered, Some(outcome));
    }

    fn take(&mut self, step: &Step, turn: Outcome, registry: &Registry<Outcome>, counts: &mut Counts) {
        match *step {
            Step::Depart { partition, .. } => {
                assert_eq!(registry.departing(self.id, partition), self.waits);
                if self.waits {
                    self.departed = Some(partition);
                }
            }
            Step::Reply { .. } => {
                let (expected, count) = match (self.waits, self.answered) {
                    (true, _) => (Completion::Answered, &mut counts.answered),
                    (false, true) => (Completion::Duplicate, &mut counts.duplicate),
                    (false, false) => (Completion::Late, &mut counts.late),
                };
                *count += 1;
                assert_eq!(reply(registry, self.id, turn), expected);
                if self.waits {
                    self.end(turn, true);
                }
            }
            Step::End { .. } => {
                assert_eq!(registry.end(self.id, turn), self.waits);
                if self.waits {
                    self.end(turn, false);
                }
            }
            Step::Poll { .. } => {
                let Some(guard) = &mut self.guard else { return };
                let polled = std::pin::Pin::new(&mut *guard).poll(&mut Context::from_waker(Waker::noop()));
                assert_eq!(polled, self.outcome.map_or(Poll::Pending, Poll::Ready));
                if polled.is_ready() {
                    assert_eq!(guard.departed(), self.departed.is_some());
                    self.guard = None;
                }
            }
            Step::Drop { .. } => {
                self.guard = None;
                self.waits = false;
            }
            Step::GiveUp { .. } => {
                let Some(guard) = self.guard.take() else { return };
                let expected = match (self.outcome, self.departed) {
                    (Some(outcome), _) => Parting::Ended(outcome),
                    (None, Some(_)) => Parting::Departed,
                    (None, None) => Parting::NeverSent,
                };
                assert_eq!(guard.give_up(), expected);
                self.waits = false;
            }
            Step::Register { .. } | Step::ReplyToNobody | Step::FailAll | Step::Close => {
                unreachable!("the model takes these itself")
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn the_registry_agrees_with_the_model_and_ends_empty(steps in vec(step(), 0..60)) {
        let mut model = Model {
            registry: registry(MAX_PENDING),
            requests: Vec::new(),
            counts: Counts::default(),
            closed: false,
            turn: 0,
        };
        for step in &steps {
            model.take(step);
            model.agrees();
        }
        for request in 0..model.requests.len() {
            model.take(&Step::Drop { request });
            model.agrees();
        }
        prop_assert_eq!(model.registry.pending(), 0);
        prop_assert_eq!((0..PARTITIONS).map(|partition| model.registry.unanswered(partition)).sum::<usize>(), 0);
        prop_assert_eq!(Arc::strong_count(&model.registry), 1, "no guard is left");
    }
}
