//! The whole stack against a real broker over sockets; the soak tool, and the bench.
//!
//! Which broker the tests run on is chosen by `TEST_BROKER`: `embedded` (the default), `container` (Apache Kafka in a
//! container), or the address of a broker that runs already.

pub mod bench;
pub mod broker;
pub mod checker;
pub mod client;
pub mod cluster;
pub mod logs;
pub mod otlp;
pub mod process;
pub mod procfs;
pub mod programs;
pub mod proxy;
pub mod secure;
pub mod soak;
pub mod stack;
pub mod topics;
pub mod wait;
