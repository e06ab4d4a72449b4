//! Consumer groups over sockets, against the embedded broker or the one at `TEST_BROKER=host:port`. Tests that need to
//! stop, freeze or reset the broker always take the embedded one.

#[cfg(test)]
mod commits;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod sharing;
#[cfg(test)]
mod stand;
#[cfg(test)]
mod topic;
#[cfg(test)]
mod watching;
#[cfg(test)]
mod worker;
