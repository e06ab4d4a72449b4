//! The worker against a broker over sockets: what it answers, what it keeps, what it commits.

// Layouts of futures inside futures, down to the sockets.
#![recursion_limit = "256"]

mod answers;
mod dead_letters;
mod handlers;
mod membership;
mod offsets;
mod rig;
