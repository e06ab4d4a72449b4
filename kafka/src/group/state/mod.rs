//! The membership in a group as a pure state machine: an input and the time go in, actions come out.
//!
//! ```text
//!            ┌───────────────── unknown member (25): id and partitions are gone ────────────────┐
//!            ▼                                                                                  │
//!   Apart ──join──▶ Joining ──▶ Syncing ──▶ Stable ──rebalance in progress (27)──▶ Joining ─ ─ ─┤
//!     ▲                │ 79        │          │  ▲                                              │
//!     └── again ◀──────┴───────────┘          │  └── nothing to give up ── sync ◀───────────────┘
//!     ▲                                       ▼
//!     └─────── released ◀── flushed ◀── Releasing: some partitions are to move (cooperative)
//! ```
//!
//! What is due follows from the state and the time alone ([`Membership::advance`]), never from the way that led
//! there, so no sequence of failures can leave the machine with nothing to do.
//!
//! Ownership, not generation, is what lets a member work. It ends in one of three ways: a sync that no longer names
//! the partition, followed by draining; the coordinator's word that it does not know us; or a whole session
//! without an answer to a heartbeat, counted from when the last answered one was sent, which is before the
//! coordinator began to count. Only unknown member discards the member id: with the old id a restored connection
//! replaces our former self in the group, with a new one it would wait a session for it.

mod exchange;
mod holdings;
mod inputs;
mod link;
#[cfg(test)]
mod tests;
mod verdict;

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

pub(super) use exchange::{Action, Identity, Input, JoinAnswer, Rules};
use holdings::Holdings;
use link::Link;
pub(super) use verdict::Verdict;

use super::{Assignor, status::State};
use crate::Backoff;

/// What a person has to change is tried again this often.
const SLOW_RETRY: Duration = Duration::from_secs(5);
/// How long a release waits for the last commits.
const FLUSH_LIMIT: Duration = Duration::from_secs(1);
/// Between two joins at least. A join is parked until all members have joined; one that is answered at once, and in
/// vain, must not make us ask as fast as the network can.
const JOIN_EVERY: Duration = Duration::from_millis(50);
/// For how long after a rebalance the next one is watched for closely, and how many heartbeats take the place of one.
const FOLLOW_UP: Duration = Duration::from_secs(3);
const HASTE: u32 = 10;

#[derive(Debug)]
pub(super) struct Membership {
    rules: Rules,
    by: Identity,
    phase: Phase,
    link: Link,
    holdings: Holdings,
    heart: Heart,
    /// Partitions of the topic; none before it was first looked up.
    partitions: Option<i32>,
    /// How many partitions we shared out, if we lead.
    shared_out: Option<i32>,
    /// The group does not take commits of this generation any more.
    commits_held: bool,
    revocations: u64,
    join_backoff: Backoff,
    offsets_at: Instant,
    offsets_backoff: Backoff,
    actions: Vec<Action>,
}

#[derive(Debug)]
enum Phase {
    Apart {
        join_at: Instant,
    },
    Joining {
        claimed: BTreeSet<i32>,
    },
    /// `own` is what we have given ourselves, if we lead.
    Syncing {
        claimed: BTreeSet<i32>,
        withheld: bool,
        own: Option<BTreeSet<i32>>,
    },
    Stable {
        join_at: Option<Instant>,
    },
    Releasing {
        revocation: u64,
        partitions: BTreeSet<i32>,
        until: Instant,
        drained: bool,
    },
}

#[derive(Debug)]
struct Heart {
    beating: bool,
    beat_at: Instant,
    /// Until then the coordinator certainly keeps our place.
    alive_until: Instant,
    /// When the last join was sent.
    joined_at: Option<Instant>,
    /// When the last sync was answered. What a heartbeat from before says of the group is no news.
    synced_at: Instant,
}

impl Membership {
    pub(super) fn new(rules: Rules, now: Instant) -> Self {
        Self {
            rules,
            by: Identity::none(),
            phase: Phase::Apart { join_at: now },
            link: Link::new(now),
            holdings: Holdings::default(),
            heart: Heart { beating: false, beat_at: now, alive_until: now, joined_at: None, synced_at: now },
            partitions: None,
            shared_out: None,
            commits_held: false,
            revocations: 0,
            join_backoff: Backoff::default(),
            offsets_at: now,
            offsets_backoff: Backoff::default(),
            actions: Vec::new(),
        }
    }

    /// Takes in what happened and says what is to be done about it.
    pub(super) fn handle(&mut self, input: Input, now: Instant) -> Vec<Action> {
        self.take_in(input, now);
        self.advance(now);
        std::mem::take(&mut self.actions)
    }

    /// When to come back with [`Input::Tick`] if nothing else happens before. None: something is under way whose end
    /// has to come first.
    pub(super) fn wake_at(&self) -> Option<Instant> {
        let mut due = Vec::from_iter(self.link.seek_at());
        due.extend(self.session_ends());
        if let Phase::Releasing { until, .. } = &self.phase {
            due.push(*until);
        }
        if self.link.is_known() {
            due.extend(self.join_at());
            due.extend(self.beats().then_some(self.heart.beat_at));
            due.extend(self.holdings.wants_offsets().then_some(self.offsets_at));
        }
        due.into_iter().min()
    }

    pub(super) fn owned(&self) -> &BTreeSet<i32> {
        self.holdings.owned()
    }

    pub(super) fn identity(&self) -> &Identity {
        &self.by
    }

    pub(super) fn knows_coordinator(&self) -> bool {
        self.link.is_known()
    }

    /// In whose name positions can be committed at the moment. Nobody's between a join and its sync: the group
    /// would answer that a rebalance is in progress.
    pub(super) fn commits_as(&self) -> Option<&Identity> {
        let syncing = matches!(self.phase, Phase::Syncing { .. });
        let open = self.link.is_known() && self.by.is_known() && !self.commits_held && !syncing;
        open.then_some(&self.by)
    }

    /// The partitions whose last commits a release waits for.
    pub(super) fn flushing(&self) -> Option<&BTreeSet<i32>> {
        match &self.phase {
            Phase::Releasing { partitions, drained: true, .. } => Some(partitions),
            _ => None,
        }
    }

    pub(super) fn state(&self) -> State {
        match self.phase {
            Phase::Apart { .. } if !self.link.is_known() => State::SeekingCoordinator,
            Phase::Apart { .. } | Phase::Joining { .. } => State::Joining,
            Phase::Syncing { .. } => State::Syncing,
            Phase::Stable { .. } => State::Stable,
            Phase::Releasing { .. } => State::Releasing,
        }
    }

    /// Does what is due.
    fn advance(&mut self, now: Instant) {
        if self.session_ends().is_some_and(|end| end <= now) {
            tracing::warn!("no heartbeat was answered for a whole session");
            self.lose(now);
        }
        self.end_release(now);
        if self.link.seek(now) {
            self.actions.push(Action::FindCoordinator);
        }
        if !self.link.is_known() {
            return;
        }
        if self.join_at().is_some_and(|at| at <= now) {
            self.join(if self.by.is_known() { "rejoining" } else { "joining" }, now);
        }
        if self.beats() && self.heart.beat_at <= now {
            self.heart.beating = true;
            self.heart.beat_at = now + self.pace(now);
            self.actions.push(Action::Beat(self.by.clone()));
        }
        if self.holdings.wants_offsets() && self.offsets_at <= now {
            self.actions.push(Action::FetchOffsets(self.holdings.ask()));
        }
    }

    fn session_ends(&self) -> Option<Instant> {
        (!self.holdings.owned().is_empty()).then_some(self.heart.alive_until)
    }

    /// Until the next heartbeat. A cooperative rebalance comes in two: what the first takes from one member the second
    /// gives to another, and until all have noticed that it has begun those partitions are nobody's.
    fn pace(&self, now: Instant) -> Duration {
        let follow_up = now.saturating_duration_since(self.heart.synced_at) < FOLLOW_UP;
        if follow_up { self.rules.heartbeat_interval / HASTE } else { self.rules.heartbeat_interval }
    }

    fn beats(&self) -> bool {
        self.by.is_known() && !self.heart.beating
    }

    /// When to join, if that is what comes next. Nobody joins before it is known whether the topic is there: the
    /// rebalance would have to be done over.
    fn join_at(&self) -> Option<Instant> {
        match &self.phase {
            Phase::Apart { join_at } => self.partitions.map(|_| *join_at),
            Phase::Stable { join_at } => *join_at,
            _ => None,
        }
    }

    /// Joins again at once, unless that would be over and over.
    fn join_again(&mut self, now: Instant) {
        let earliest = self.heart.joined_at.map_or(now, |at| at + JOIN_EVERY);
        self.phase = Phase::Apart { join_at: now.max(earliest) };
    }

    fn join(&mut self, reason: &'static str, now: Instant) {
        self.heart.joined_at = Some(now);
        let cooperative = self.rules.assignor == Assignor::CooperativeSticky;
        let claimed = if cooperative { self.holdings.owned().clone() } else { BTreeSet::new() };
        self.phase = Phase::Joining { claimed: claimed.clone() };
        let (member_id, generation) = (self.by.member_id.clone(), self.holdings.given_in());
        self.actions.push(Action::Join { member_id, owned: claimed, generation, reason });
    }

    /// Everything we own is gone. A join that is under way goes on: what it claims is more than we have now, and its
    /// sync sees to that.
    fn lose(&mut self, now: Instant) {
        let announced = self.holdings.lose();
        if !announced.is_empty() {
            tracing::debug!(partitions = ?announced, "lost partitions");
            self.actions.push(Action::Lose(announced));
        }
        if matches!(self.phase, Phase::Stable { .. } | Phase::Releasing { .. }) {
            self.phase = Phase::Apart { join_at: now };
        }
    }

    fn end_release(&mut self, now: Instant) {
        let Phase::Releasing { partitions, until, drained, .. } = &mut self.phase else { return };
        if now < *until {
            return;
        }
        if *drained {
            tracing::warn!(?partitions, "released partitions before their last positions were committed");
            self.release(now);
        } else {
            tracing::warn!(?partitions, "revoked partitions were not drained in time");
            self.drained(now);
        }
    }

    fn drained(&mut self, now: Instant) {
        if let Phase::Releasing { until, drained, .. } = &mut self.phase {
            (*drained, *until) = (true, now + FLUSH_LIMIT);
            self.actions.push(Action::Flush);
        }
    }

    fn release(&mut self, now: Instant) {
        let apart = Phase::Apart { join_at: now };
        if let Phase::Releasing { partitions, .. } = std::mem::replace(&mut self.phase, apart) {
            self.holdings.release(&partitions);
            self.actions.push(Action::Release(partitions));
        }
    }
}
