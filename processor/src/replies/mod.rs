//! Replies on their way: which topics they may go to, and one writer for each partition that is replied to.
//!
//! ```text
//!   partition tasks ──▶ AllowedTopics: reply-to headers → Destination
//!                  ──▶ Replies: one batch for each Destination ──▶ its Writer, two lanes ──▶ Kafka
//!                                                                     │ asks and tells
//!                                                                     ▼
//!                                             ReplyCourier: Claim → Ledger (the request is finished)
//! ```

mod allowed;
mod claim;
mod partitioner;
mod topic;
mod writers;

pub(crate) use allowed::{AllowedTopics, Destination, Route};
pub(crate) use claim::{Claim, ReplyCourier, Taken};
pub(crate) use writers::{Replies, ReplyBatches};
