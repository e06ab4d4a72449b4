//! The soak tool: the stack under load and faults, and a verdict on its guarantees.
//!
//! ```text
//!   options ─▶ settings ─▶ plan (of the seed: which fault when)
//!                             │
//!                            run ──▶ site     a broker: embedded, Apache Kafka in containers, somebody's
//!                             ├────▶ fleet    gateways and workers, each a process; what they hold and count
//!                             ├────▶ load     calls at a steady rate, and what became of each
//!                             ├────▶ by_hand  requests straight to Kafka, compressed
//!                             ├────▶ tail     every record of the three topics
//!                             ├────▶ faults   what the plan says
//!                             ├────▶ probe    when the brokers themselves could not serve
//!                             ▼
//!                          History ─▶ checker ─▶ report
//! ```
//!
//! Everything is seen from outside: by callers, in the topics, in `/proc` and on the management port.

pub mod by_hand;
pub mod clock;
pub mod faults;
pub mod fleet;
pub mod load;
pub mod options;
pub mod plan;
pub mod probe;
mod progress;
pub mod random;
pub mod report;
pub mod run;
pub mod settings;
pub mod site;
mod stalls;
pub mod tail;
pub mod topics;
