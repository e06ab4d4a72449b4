//! A broker that lies: what reaches us is not what the broker said.
//!
//! ```text
//!   what is tested ──▶ liar ──▶ embedded broker ◀── the test itself, which is told the truth
//! ```
//!
//! Clients are sent to the liar, who passes everything on, and now and then something else than the answer. So whoever
//! is tested gets as far as it does with a real broker, and is lied to in the one answer that a test is about. Whatever
//! the lie, nobody may panic, hang, ask as fast as the network can, or reserve what a length claims; and once the
//! truth is told again, everything has to be as it should be.

#[cfg(test)]
mod connection;
#[cfg(test)]
mod liar;
#[cfg(test)]
mod lies;
#[cfg(test)]
mod login;
#[cfg(test)]
mod member;
#[cfg(test)]
mod meter;
#[cfg(test)]
mod partitions;
#[cfg(test)]
mod reader;
#[cfg(test)]
mod stand;
#[cfg(test)]
mod tools;
#[cfg(test)]
mod writer;
