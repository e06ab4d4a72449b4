//! The worker against a broker over sockets: what it answers, what it keeps, what it commits.

mod answers;
mod dead_letters;
mod handlers;
mod membership;
mod offsets;
mod rig;
