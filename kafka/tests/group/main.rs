//! Consumer groups over sockets, against the embedded broker or the one at `TEST_BROKER=host:port`. Tests that need to
//! stop, freeze or reset the broker always take the embedded one.

mod commits;
mod faults;
mod sharing;
mod stand;
mod topic;
mod watching;
mod worker;
