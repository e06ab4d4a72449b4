//! What members ask, what they are told, and what a group knows of each.

use std::time::{Duration, Instant};

use bytes::Bytes;
use kafka_protocol::ResponseError;

use super::state::Ticket;

/// A way of assigning partitions that a member knows, with what it wants the leader to know for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Protocol {
    pub(crate) name: String,
    pub(crate) metadata: Bytes,
}

/// A request to join.
#[derive(Clone, Debug)]
pub(crate) struct Join {
    /// Empty for a member that has no id yet.
    pub(crate) member_id: String,
    pub(crate) client_id: String,
    pub(crate) client_host: String,
    /// A member without an id is given one and has to come again with it, so that a lost answer leaves no ghost.
    pub(crate) must_know_id: bool,
    pub(crate) session_timeout: Duration,
    pub(crate) rebalance_timeout: Duration,
    pub(crate) protocol_type: String,
    pub(crate) protocols: Vec<Protocol>,
}

/// A member's place in a new generation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Joined {
    pub(crate) generation: i32,
    pub(crate) protocol_type: String,
    pub(crate) protocol: String,
    pub(crate) leader: String,
    pub(crate) member_id: String,
    /// For the leader: every member with its metadata. Empty for the others.
    pub(crate) members: Vec<(String, Bytes)>,
}

/// Why a member may not join, and the id it is to come again with (or came with).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct JoinRefused {
    pub(crate) error: ResponseError,
    pub(crate) member_id: String,
}

/// A request for an assignment; the leader's brings everybody's.
#[derive(Clone, Debug)]
pub(crate) struct Sync {
    pub(crate) member_id: String,
    pub(crate) generation: i32,
    /// Told since version 5, and then it has to be the group's.
    pub(crate) protocol_type: Option<String>,
    pub(crate) protocol: Option<String>,
    pub(crate) assignments: Vec<(String, Bytes)>,
}

/// What a member is to do in this generation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Synced {
    pub(crate) protocol_type: String,
    pub(crate) protocol: String,
    pub(crate) assignment: Bytes,
}

/// A member as its group sees it.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) client_id: String,
    pub(crate) client_host: String,
    pub(crate) session_timeout: Duration,
    pub(crate) rebalance_timeout: Duration,
    pub(crate) protocols: Vec<Protocol>,
    pub(crate) assignment: Bytes,
    /// When it counts as dead unless it is heard of, or waits for an answer of ours.
    pub(crate) expires: Instant,
    /// The JoinGroup it waits on.
    pub(crate) joining: Option<Ticket>,
    /// The SyncGroup it waits on.
    pub(crate) syncing: Option<Ticket>,
    /// Whether it was part of any generation yet.
    pub(crate) is_new: bool,
}

impl Member {
    pub(crate) fn new(join: &Join, now: Instant) -> Self {
        let mut member = Self {
            client_id: String::new(),
            client_host: String::new(),
            session_timeout: Duration::ZERO,
            rebalance_timeout: Duration::ZERO,
            protocols: Vec::new(),
            assignment: Bytes::new(),
            expires: now,
            joining: None,
            syncing: None,
            is_new: true,
        };
        member.update(join, now);
        member
    }

    /// Takes over what a join says of the member.
    pub(crate) fn update(&mut self, join: &Join, now: Instant) {
        self.client_id.clone_from(&join.client_id);
        self.client_host.clone_from(&join.client_host);
        self.session_timeout = join.session_timeout;
        self.rebalance_timeout = join.rebalance_timeout;
        self.protocols.clone_from(&join.protocols);
        self.heard(now);
    }

    /// It lives: its session begins anew.
    pub(crate) fn heard(&mut self, now: Instant) {
        self.expires = now + self.session_timeout;
    }

    /// Whether it is overdue. Who waits for an answer of ours cannot be.
    pub(crate) fn is_expired(&self, now: Instant) -> bool {
        self.joining.is_none() && self.syncing.is_none() && now >= self.expires
    }

    pub(crate) fn knows(&self, protocol: &str) -> bool {
        self.protocols.iter().any(|known| known.name == protocol)
    }

    /// What it wants the leader to know under `protocol`.
    pub(crate) fn metadata(&self, protocol: &str) -> Bytes {
        let known = self.protocols.iter().find(|known| known.name == protocol);
        known.map(|known| known.metadata.clone()).unwrap_or_default()
    }
}
