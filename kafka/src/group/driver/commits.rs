//! When positions are committed, and what becomes of a refusal.

use std::time::{Duration, Instant};

use super::{Driver, OffsetsEnd, now};
use crate::{
    Backoff,
    group::{
        calls::{self, Refusals},
        positions::Commit,
        state::{Identity, Input, Verdict},
    },
    metrics::ErrorType,
    wire::WireError,
};

/// What a person has to change is tried again this often.
const SLOW_RETRY: Duration = Duration::from_secs(5);

pub(super) struct CommitEnd {
    by: Identity,
    commits: Vec<Commit>,
    sent: Instant,
    answer: Result<Refusals, WireError>,
}

/// When the next commit is due.
#[derive(Debug)]
pub(super) struct Schedule {
    due_at: Instant,
    backoff: Backoff,
    /// Somebody waits for it. A commit that is under way may lack what they wait for; the one after it does not.
    urgent: bool,
}

impl Schedule {
    pub(super) fn new(now: Instant) -> Self {
        Self { due_at: now, backoff: Backoff::default(), urgent: false }
    }

    pub(super) fn hurry(&mut self) {
        self.urgent = true;
    }
}

impl Driver {
    /// When to look whether there is anything to commit. Positions come in without waking anybody.
    pub(super) fn commit_at(&self) -> Option<Instant> {
        let possible = self.offsets.is_idle() && self.membership.commits_as().is_some();
        (possible && !self.membership.owned().is_empty()).then_some(self.schedule.due_at)
    }

    pub(super) fn begin_commit(&mut self, now: Instant) {
        let due = self.schedule.urgent || self.schedule.due_at <= now;
        if !due || !self.offsets.is_idle() {
            return;
        }
        let Some(by) = self.membership.commits_as().cloned() else { return };
        self.schedule.urgent = false;
        self.schedule.due_at = now + self.config.commit_interval;
        let commits = self.shared.positions.lock().dirty();
        if commits.is_empty() {
            return;
        }
        let (config, limit) = (self.config.clone(), self.kafka.config().timeout);
        let (asker, asked, sent) = (by.clone(), commits.clone(), now);
        self.offsets.call(
            (self.coordinator.as_deref().unwrap_or_default(), self.kafka.config(), limit),
            async move |c| calls::commit(c, &config, &asker, &asked, limit).await,
            move |answer| OffsetsEnd::Committed(CommitEnd { by, commits, sent, answer }),
        );
    }

    pub(super) fn committed(&mut self, CommitEnd { by, commits, sent, answer }: CommitEnd) {
        let error = match &answer {
            Ok(refusals) => (!refusals.is_empty()).then_some(ErrorType::Refused),
            Err(error) => Some(ErrorType::from(error)),
        };
        self.commits.ended(sent.elapsed(), error);
        let refusals = match answer {
            Ok(refusals) => refusals,
            Err(error) => {
                let verdict = self.complaints.commit.judge(&error, self.kafka.health());
                return self.commit_failed(by, verdict);
            }
        };
        self.shared.settle(|positions| {
            let accepted = commits.iter().filter(|commit| !refusals.contains_key(&commit.partition));
            accepted.for_each(|commit| positions.accepted(*commit));
        });
        let Some((partition, error)) = refusals.first_key_value() else {
            self.complaints.commit.settled();
            self.schedule.backoff.reset();
            return self.feed(Input::Tick);
        };
        let what = format!("the commit for {}/{partition}", self.config.topic);
        let verdict =
            self.complaints.commit.judge(&WireError::Kafka { what, error: *error }, self.kafka.health());
        self.commit_failed(by, verdict);
    }

    fn commit_failed(&mut self, by: Identity, verdict: Verdict) {
        let wait = match verdict {
            Verdict::Refused => SLOW_RETRY,
            // After a rebalance the state machine has to know first in whose name; a release does not wait for this.
            _ => self.schedule.backoff.next_pause(),
        };
        self.schedule.due_at = now() + wait;
        self.feed(Input::CommitRefused { by, verdict });
    }

    /// Whether the release that waits for its last commits need not wait any longer.
    pub(super) fn is_flushed(&self) -> bool {
        let positions = self.shared.positions.lock();
        self.membership.flushing().is_some_and(|flushing| !flushing.iter().any(|p| positions.is_dirty(*p)))
    }
}
