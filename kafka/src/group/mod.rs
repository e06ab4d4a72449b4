//! Membership in consumer groups, by the classic protocol, over sockets of our own.
//!
//! ```text
//!   owner's runtime            │  the member's thread
//!                              │
//!   Member::next_event ◀─ mailbox ◀─┐
//!   Commits::commit ──▶ positions ─▶│ driver ──▶ three sockets to the coordinator
//!   Member::status  ◀──── status ◀──┤   ▲ │
//!   Member::leave ─────▶ orders ───▶│   │ ▼
//!                              │    └ state (pure): input, time → actions
//!                              │         └ assign (pure): members, partitions → shares
//! ```
//!
//! A member gets partitions, holds them, and gives them up; [`Event`] tells its owner. What it finished, it hands to
//! [`Commits`]. The rest goes on by itself, for ever, whatever fails. [`GroupWatch`] looks at a group from outside,
//! [`fetch_committed`] at where it left off; [`describe_group`] and [`set_offsets`] are for tools.
//!
//! Deliberately left out: static membership, rack awareness, several topics in one group, sharing a group with foreign
//! members, the protocol of KIP-848.

mod assign;
mod at_coordinator;
mod calls;
mod commits;
mod config;
pub mod describe;
mod description;
mod driver;
mod event;
#[cfg(test)]
mod fuzz;
mod mailbox;
mod member;
mod offsets;
mod positions;
mod set_offsets;
mod shared;
mod state;
mod status;
mod subscription;
mod watch;

pub use commits::{Commits, Unflushed};
pub use config::{Assignor, GroupConfig};
pub use describe::GroupView;
pub use description::{GroupDescription, MemberDescription, describe_group};
pub use event::{Assigned, Event, RevokeDone};
pub use member::Member;
pub use offsets::fetch_committed;
pub use set_offsets::set_offsets;
pub use status::{State, Status};
pub use watch::{GroupWatch, Sighting};
