//! The worker: takes requests from Kafka, runs a handler that knows no Kafka, writes replies.

pub mod handler;
pub mod operations;
mod replies;
mod worker;

pub use handler::{Cost, HandlerError, Operation, Operations};
