//! Requests that wait for a group to change, by ticket.

use std::collections::HashMap;

use kafka_protocol::ResponseError;
use tokio::sync::oneshot;

use super::{
    member::{JoinRefused, Joined, Synced},
    state::{Answer, Answers, Ticket},
};

pub(crate) type JoinAnswer = Result<Joined, JoinRefused>;
pub(crate) type SyncAnswer = Result<Synced, ResponseError>;

/// Who waits for what. Bounded by the number of connections, each of which waits for one answer at most.
#[derive(Default)]
pub(crate) struct Waiting {
    joins: HashMap<Ticket, oneshot::Sender<JoinAnswer>>,
    syncs: HashMap<Ticket, oneshot::Sender<SyncAnswer>>,
    last_ticket: u64,
}

impl Waiting {
    pub(crate) fn join(&mut self) -> (Ticket, oneshot::Receiver<JoinAnswer>) {
        let (ticket, (sender, receiver)) = (self.ticket(), oneshot::channel());
        self.joins.insert(ticket, sender);
        (ticket, receiver)
    }

    pub(crate) fn sync(&mut self) -> (Ticket, oneshot::Receiver<SyncAnswer>) {
        let (ticket, (sender, receiver)) = (self.ticket(), oneshot::channel());
        self.syncs.insert(ticket, sender);
        (ticket, receiver)
    }

    /// Hands answers to those who wait for them. Who has stopped waiting misses nothing.
    pub(crate) fn deliver(&mut self, answers: Answers) {
        for answer in answers {
            match answer {
                Answer::Join(ticket, answer) => {
                    if let Some(waiting) = self.joins.remove(&ticket) {
                        drop(waiting.send(answer));
                    }
                }
                Answer::Sync(ticket, answer) => {
                    if let Some(waiting) = self.syncs.remove(&ticket) {
                        drop(waiting.send(answer));
                    }
                }
            }
        }
    }

    /// Stops waiting; false if the answer was given already.
    pub(crate) fn forget(&mut self, ticket: Ticket) -> bool {
        self.joins.remove(&ticket).is_some() || self.syncs.remove(&ticket).is_some()
    }

    fn ticket(&mut self) -> Ticket {
        self.last_ticket += 1;
        Ticket(self.last_ticket)
    }
}
