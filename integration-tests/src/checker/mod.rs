//! Decides over the history of a run whether the stack kept its guarantees.
//!
//! Pure: a [`History`] of what was seen from outside goes in (the calls that clients made, every record of the topics,
//! the lives of the processes, the faults that were injected), a verdict comes out.

pub mod history;

pub use history::{
    Call, Connection, Content, Coordinates, Death, Digest, Ending, Fault, History, Id, Instance, Life, Log, Loss,
    Outcome, Position, ReplyCounters, Sample, Seen, Service, Since, Span, Terms, Topic, WorkCounters,
};
