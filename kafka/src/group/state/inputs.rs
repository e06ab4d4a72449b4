//! What each input changes.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use super::{Action, FLUSH_LIMIT, Identity, Input, JoinAnswer, Membership, Phase, SLOW_RETRY, Verdict};
use crate::group::{
    Assignor,
    assign::{Candidate, assign},
};

impl Membership {
    pub(super) fn take_in(&mut self, input: Input, now: Instant) {
        if is_from_a_coordinator(&input) {
            self.link.proves_right();
        }
        match input {
            Input::Coordinator(Ok(())) => self.found_coordinator(now),
            Input::Coordinator(Err(_)) => self.link.not_found(now),
            Input::Replaced => self.link.lost(now),
            Input::Joined(answer) => self.joined(answer, now),
            Input::Synced { sent, answer } => self.synced(sent, answer, now),
            Input::Beat { by, sent, answer } => self.beat(&by, sent, answer, now),
            Input::Offsets(Ok(committed)) => {
                self.offsets_backoff.reset();
                let announced = self.holdings.answered(&committed);
                if !announced.is_empty() {
                    self.actions.push(Action::Announce(announced));
                }
            }
            Input::Offsets(Err(verdict)) => self.no_offsets(verdict, now),
            Input::CommitRefused { by, verdict } => self.commit_refused(&by, verdict, now),
            Input::Drained(newest) => {
                if matches!(&self.phase, Phase::Releasing { revocation, drained: false, .. } if *revocation <= newest)
                {
                    self.drained(now);
                }
            }
            Input::Flushed => {
                if matches!(&self.phase, Phase::Releasing { drained: true, .. }) {
                    self.release(now);
                }
            }
            Input::Partitions(count) => self.count(count, now),
            Input::Tick => {}
        }
    }

    /// An exchange that was under way with the coordinator as we knew it may never end: begin it anew. The
    /// coordinator takes a second join of the same member for the first.
    fn found_coordinator(&mut self, now: Instant) {
        self.link.found();
        self.heart.beat_at = now;
        self.offsets_at = now;
        if matches!(self.phase, Phase::Joining { .. } | Phase::Syncing { .. }) {
            self.actions.push(Action::AbandonJoin);
            self.phase = Phase::Apart { join_at: now };
        }
    }

    fn joined(&mut self, answer: Result<JoinAnswer, Verdict>, now: Instant) {
        let Phase::Joining { claimed } = &mut self.phase else { return };
        let claimed = std::mem::take(claimed);
        match answer {
            Ok(JoinAnswer::MemberId(member_id)) => {
                let is_first = self.by.member_id.is_empty();
                self.by = Identity { member_id, generation: -1 };
                let wait = if is_first { Duration::ZERO } else { self.join_backoff.next_pause() };
                self.phase = Phase::Apart { join_at: now + wait };
            }
            Ok(JoinAnswer::Complete { by, lead }) => {
                self.by = by;
                self.sync(claimed, lead, now);
            }
            Err(verdict) => self.join_failed(verdict, now),
        }
    }

    fn sync(&mut self, claimed: BTreeSet<i32>, lead: Option<Vec<Candidate>>, now: Instant) {
        let count = self.partitions.unwrap_or(0);
        self.shared_out = lead.is_some().then_some(count);
        let shares =
            lead.map(|candidates| assign(self.rules.assignor, &candidates, count)).unwrap_or_default();
        let own = self.shared_out.and_then(|_| shares.of.get(&self.by.member_id).cloned());
        if self.shared_out.is_some() && own.is_none() {
            // To lead a group is to be in it.
            return self.join_failed(Verdict::Passing, now);
        }
        self.phase = Phase::Syncing { claimed, withheld: !shares.withheld.is_empty(), own };
        self.heart.beat_at = self.heart.beat_at.max(now);
        self.actions.push(Action::Sync { by: self.by.clone(), shares: shares.of });
    }

    fn join_failed(&mut self, verdict: Verdict, now: Instant) {
        match verdict {
            Verdict::UnknownMember => return self.forget(now),
            Verdict::Elsewhere => self.link.lost(now),
            _ => {}
        }
        let wait = if verdict == Verdict::Refused { SLOW_RETRY } else { self.join_backoff.next_pause() };
        self.phase = Phase::Apart { join_at: now + wait };
    }

    fn synced(&mut self, sent: Instant, answer: Result<BTreeSet<i32>, Verdict>, now: Instant) {
        let Phase::Syncing { claimed, withheld, own } = &mut self.phase else { return };
        let (claimed, withheld, own) = (std::mem::take(claimed), *withheld, own.take());
        let assigned = match answer {
            // What we gave ourselves got lost. As a member like the others we would wait for it for ever.
            Ok(assigned) if own.is_some_and(|own| own != assigned) => {
                return self.join_failed(Verdict::Passing, now);
            }
            Ok(assigned) => assigned,
            // Somebody came or went meanwhile, an everyday thing: join again at once.
            Err(Verdict::Rebalancing) => return self.join_again(now),
            Err(verdict) => return self.join_failed(verdict, now),
        };
        self.join_backoff.reset();
        self.commits_held = false;
        self.alive_since(sent);
        self.heart.synced_at = now;
        self.offsets_at = now;
        let revoked = self.holdings.take(&assigned, self.by.generation);
        tracing::info!(generation = self.by.generation, ?assigned, ?revoked, "joined the group");
        match self.rules.assignor {
            Assignor::Range => self.drop_at_once(revoked),
            Assignor::CooperativeSticky if !revoked.is_empty() => self.begin_release(revoked, now),
            // We gave something up before the group knew; it has to hear of it before it can give it to another.
            Assignor::CooperativeSticky if !claimed.is_subset(&assigned) => self.join_again(now),
            Assignor::CooperativeSticky => {
                // Whoever lets go of a partition joins again. Should it fail to, the leader asks once more.
                let patience = self.rules.revoke_timeout + FLUSH_LIMIT + self.rules.rebalance_timeout;
                self.phase = Phase::Stable { join_at: withheld.then(|| now + patience) };
            }
        }
        self.lead_on(now);
    }

    fn drop_at_once(&mut self, revoked: BTreeSet<i32>) {
        self.phase = Phase::Stable { join_at: None };
        if revoked.is_empty() {
            return;
        }
        self.holdings.release(&revoked);
        self.revocations += 1;
        self.actions.push(Action::Revoke { revocation: self.revocations, partitions: revoked.clone() });
        self.actions.push(Action::Release(revoked));
    }

    fn begin_release(&mut self, partitions: BTreeSet<i32>, now: Instant) {
        self.revocations += 1;
        let (revocation, until) = (self.revocations, now + self.rules.revoke_timeout);
        self.actions.push(Action::Revoke { revocation, partitions: partitions.clone() });
        self.phase = Phase::Releasing { revocation, partitions, until, drained: false };
    }

    fn beat(&mut self, by: &Identity, sent: Instant, answer: Result<(), Verdict>, now: Instant) {
        self.heart.beating = false;
        let about_us = by.member_id == self.by.member_id;
        match answer {
            Ok(()) | Err(Verdict::Rebalancing) if about_us => self.alive_since(sent),
            _ => {}
        }
        match answer {
            // A heartbeat is never held back: it may be all that keeps our place.
            Ok(()) | Err(Verdict::Passing | Verdict::Refused) => {}
            Err(Verdict::Rebalancing | Verdict::OldGeneration) if sent >= self.heart.synced_at => {
                self.left_behind(by, now);
            }
            Err(Verdict::Rebalancing | Verdict::OldGeneration) => {}
            Err(Verdict::UnknownMember) if about_us => self.forget(now),
            Err(Verdict::UnknownMember) => {}
            Err(Verdict::Elsewhere) => self.link.lost(now),
        }
    }

    fn alive_since(&mut self, sent: Instant) {
        self.heart.alive_until = self.heart.alive_until.max(sent + self.rules.session_timeout);
    }

    /// The group is no longer in the generation in which we thought to be stable.
    fn left_behind(&mut self, by: &Identity, now: Instant) {
        if *by == self.by && matches!(self.phase, Phase::Stable { .. }) {
            self.join("the group is rebalancing", now);
        }
    }

    fn commit_refused(&mut self, by: &Identity, verdict: Verdict, now: Instant) {
        match verdict {
            Verdict::Rebalancing | Verdict::OldGeneration if *by == self.by => {
                self.commits_held = true;
                self.left_behind(by, now);
            }
            Verdict::UnknownMember if by.member_id == self.by.member_id => self.forget(now),
            Verdict::Elsewhere => self.link.lost(now),
            _ => {}
        }
    }

    fn no_offsets(&mut self, verdict: Verdict, now: Instant) {
        self.holdings.unanswered();
        if verdict == Verdict::Elsewhere {
            self.link.lost(now);
        }
        let wait = if verdict == Verdict::Refused { SLOW_RETRY } else { self.offsets_backoff.next_pause() };
        self.offsets_at = now + wait;
    }

    /// A topic that cannot be seen keeps the count it had: members hold on to their partitions until it is seen to
    /// have others.
    fn count(&mut self, count: i32, now: Instant) {
        if count > 0 && self.partitions != Some(count) {
            self.partitions = Some(count);
            self.actions.push(Action::CountPartitions(count));
        }
        self.partitions.get_or_insert(0);
        self.lead_on(now);
    }

    /// What we shared out as the leader is not what there is: join, and with that call everybody to a rebalance.
    fn lead_on(&mut self, now: Instant) {
        let outdated = self.shared_out.is_some_and(|shared_out| Some(shared_out) != self.partitions);
        if outdated && let Phase::Stable { join_at } = &mut self.phase {
            *join_at = Some(now);
        }
    }

    /// The coordinator does not know us, whoever we were.
    fn forget(&mut self, now: Instant) {
        if self.by.is_known() {
            tracing::warn!(member_id = self.by.member_id, "the group does not know this member any more");
        }
        if matches!(self.phase, Phase::Joining { .. } | Phase::Syncing { .. }) {
            self.actions.push(Action::AbandonJoin);
        }
        self.by = Identity::none();
        self.shared_out = None;
        self.lose(now);
        self.phase = Phase::Apart { join_at: now + self.join_backoff.next_pause() };
    }
}

/// Whether it is an answer that only the group's coordinator gives.
fn is_from_a_coordinator(input: &Input) -> bool {
    let verdict = match input {
        Input::Joined(answer) => answer.as_ref().err(),
        Input::Synced { answer, .. } => answer.as_ref().err(),
        Input::Beat { answer, .. } => answer.as_ref().err(),
        Input::Offsets(answer) => answer.as_ref().err(),
        _ => return false,
    };
    verdict != Some(&Verdict::Elsewhere)
}
