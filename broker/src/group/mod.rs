//! The coordinator of the classic group protocol.
//!
//! ```text
//!                     first join                     all have joined
//!          Empty ───────────────▶ PreparingRebalance ───────────────▶ CompletingRebalance
//!            ▲                      ▲          ▲                         │           │
//!            │ the last is gone     │          │ join, leave, expiry     │           │ the leader's
//!            └──────────────────────┤          └─────────────────────────┘           │ SyncGroup
//!                                   │ join, leave, expiry                            ▼
//!                                   └───────────────────────────────────────────── Stable
//! ```
//! [`state`] is that machine and nothing else: it is told the time, and it answers waiting members by number
//! ([`state::Ticket`]). [`coordinator`] holds the machines of all groups behind one lock, with the offsets they
//! committed; [`waiting`] turns tickets into the futures that requests wait on.

mod coordinator;
mod description;
mod member;
mod offsets;
mod state;
mod waiting;

pub(crate) use coordinator::Coordinator;
pub(crate) use description::Description;
pub(crate) use member::{Join, JoinRefused, Protocol, Sync};
pub(crate) use offsets::{Committed, CommittedByTopic};
