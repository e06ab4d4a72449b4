//! What a record that was taken still owes before it is finished.

use std::time::Instant;

/// One thing that is owed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Debt {
    /// A verdict, or a handler's end.
    Work,
    /// The acknowledgement of a reply.
    Reply,
    /// The acknowledgement of a dead letter.
    DeadLetter,
}

/// All that one record owes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Debts {
    pub(super) work: bool,
    pub(super) reply: Option<AwaitedReply>,
    pub(super) dead_letter: bool,
}

/// A reply that is on its way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AwaitedReply {
    /// When nobody waits for it any more, if that is known.
    expires: Option<Instant>,
    /// What it answers; `None` for a notice beside a dead letter.
    pub(crate) operation: Option<&'static str>,
    /// It was overdue when somebody last looked.
    was_overdue: bool,
}

impl Debts {
    /// The record is being worked on.
    pub(crate) const WORK: Self = Self { work: true, reply: None, dead_letter: false };

    /// The record is answered, and finished with that.
    pub(crate) fn reply(reply: AwaitedReply) -> Self {
        Self { work: false, reply: Some(reply), dead_letter: false }
    }

    /// The record is kept, with a notice to whoever wrote it if there is one.
    pub(crate) fn dead_letter(notice: Option<AwaitedReply>) -> Self {
        Self { work: false, reply: notice, dead_letter: true }
    }

    pub(super) fn settle(&mut self, debt: Debt) {
        match debt {
            Debt::Work => self.work = false,
            Debt::Reply => self.reply = None,
            Debt::DeadLetter => self.dead_letter = false,
        }
    }

    pub(super) fn are_settled(&self) -> bool {
        !self.work && self.reply.is_none() && !self.dead_letter
    }
}

impl AwaitedReply {
    /// The reply to a request for this operation.
    pub(crate) fn answer(operation: &'static str, expires: Option<Instant>) -> Self {
        Self { expires, operation: Some(operation), was_overdue: false }
    }

    /// The reply that tells of a dead letter.
    pub(crate) fn notice(expires: Option<Instant>) -> Self {
        Self { expires, operation: None, was_overdue: false }
    }

    /// Whether nobody waits for it any more, now and when somebody last looked: one that was handed to its writer just
    /// now gets its chance, however late it is.
    pub(super) fn is_overdue(&mut self, now: Instant) -> bool {
        let is_overdue = self.expires.is_some_and(|at| now >= at);
        std::mem::replace(&mut self.was_overdue, is_overdue) && is_overdue
    }
}
