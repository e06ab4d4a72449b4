//! A group with a clock, without sockets or waiting.

mod cases;
mod histories;

use std::collections::BTreeSet;

use bytes::Bytes;

use super::*;
use crate::group::member::{Join, Protocol, Sync};

const SESSION: Duration = Duration::from_secs(6);
const REBALANCE: Duration = Duration::from_secs(10);
const SECOND: Duration = Duration::from_secs(1);

/// A group with a clock, and a list of who waits.
struct Scene {
    group: Group,
    now: Instant,
    last_ticket: u64,
    open: BTreeSet<Ticket>,
}

impl Scene {
    fn new(initial_delay: Duration) -> Self {
        Self { group: Group::new(initial_delay), now: Instant::now(), last_ticket: 0, open: BTreeSet::new() }
    }

    fn ticket(&mut self) -> Ticket {
        self.last_ticket += 1;
        self.open.insert(Ticket(self.last_ticket));
        Ticket(self.last_ticket)
    }

    /// Checks that every answer is for somebody who waits, once.
    fn close(&mut self, answers: Answers) -> Answers {
        for answer in &answers {
            let (Answer::Join(ticket, _) | Answer::Sync(ticket, _)) = answer;
            assert!(self.open.remove(ticket), "{ticket:?} was answered twice");
        }
        answers
    }

    /// Joins under an id the group has handed out, or the first time with `must_know_id` off.
    fn join(&mut self, id: &str, known: bool) -> (Ticket, Answers) {
        let join = Join { member_id: if known { id.to_owned() } else { String::new() }, ..join() };
        self.join_with(&join, id)
    }

    fn join_with(&mut self, join: &Join, fresh_id: &str) -> (Ticket, Answers) {
        let (ticket, mut answers) = (self.ticket(), Answers::new());
        self.group.join(self.now, join, || fresh_id.to_owned(), ticket, &mut answers);
        (ticket, self.close(answers))
    }

    fn sync(&mut self, id: &str, generation: i32, shares: &[(&str, &'static str)]) -> (Ticket, Answers) {
        let assignments = shares.iter().map(|(id, share)| ((*id).to_owned(), Bytes::from(*share))).collect();
        let sync =
            Sync { member_id: id.to_owned(), generation, protocol_type: None, protocol: None, assignments };
        let (ticket, mut answers) = (self.ticket(), Answers::new());
        self.group.sync(self.now, sync, ticket, &mut answers);
        (ticket, self.close(answers))
    }

    fn leave(&mut self, id: &str) -> (Result<(), ResponseError>, Answers) {
        let mut answers = Answers::new();
        let left = self.group.leave(self.now, id, &mut answers);
        (left, self.close(answers))
    }

    fn pass(&mut self, time: Duration) -> Answers {
        self.now += time;
        let mut answers = Answers::new();
        self.group.tick(self.now, &mut answers);
        self.close(answers)
    }

    fn abandon(&mut self, ticket: Ticket) -> Answers {
        let mut answers = Answers::new();
        self.open.remove(&ticket);
        self.group.abandon(self.now, ticket, &mut answers);
        self.close(answers)
    }

    fn heartbeat(&mut self, id: &str, generation: i32) -> Result<(), ResponseError> {
        self.group.heartbeat(self.now, id, generation)
    }

    /// A stable group of `a` (the leader) and `b`, in generation 2.
    fn of_two() -> Self {
        let mut scene = Self::new(Duration::ZERO);
        scene.join("a", false);
        scene.sync("a", 1, &[("a", "all")]);
        scene.join("b", false);
        scene.join("a", true);
        scene.sync("b", 2, &[]);
        scene.sync("a", 2, &[("a", "left"), ("b", "right")]);
        assert_eq!(scene.group.state_name(), "Stable");
        assert!(scene.open.is_empty());
        scene
    }
}

fn join() -> Join {
    let protocol = |name: &str| Protocol { name: name.to_owned(), metadata: Bytes::from_static(b"topics") };
    Join {
        member_id: String::new(),
        client_id: "client".to_owned(),
        client_host: "/127.0.0.1".to_owned(),
        must_know_id: false,
        session_timeout: SESSION,
        rebalance_timeout: REBALANCE,
        protocol_type: "consumer".to_owned(),
        protocols: vec![protocol("sticky"), protocol("range")],
    }
}

fn error(answer: &Answer) -> Option<ResponseError> {
    match answer {
        Answer::Join(_, answer) => answer.as_ref().err().map(|refused| refused.error),
        Answer::Sync(_, answer) => answer.as_ref().err().copied(),
    }
}
