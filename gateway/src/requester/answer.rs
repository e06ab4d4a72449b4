//! A reply that is an answer.

use kafka::Record;
use protocol::reply::{OutputError, ReplyError};
use protocol::{CorrelationId, Fault, Reply};
use serde::Deserialize;

use super::Failure;

/// What a worker answered.
#[derive(Debug)]
pub struct Answer {
    id: CorrelationId,
    record: Record,
}

impl Answer {
    /// Judges a reply that carries the id of a request of ours.
    pub(super) fn read(id: CorrelationId, record: Record) -> Result<Self, Failure> {
        let reply = decode(id, &record).map_err(|error| Failure::BadReply(error.to_string()))?;
        let Some(error) = reply.error() else { return Ok(Self { id, record }) };
        let (code, message) = (error.code.clone(), error.message.clone());
        Err(match error.fault() {
            Fault::Caller => Failure::Rejected { code, message },
            Fault::Worker => Failure::Failed { code, message },
        })
    }

    /// The request that was answered.
    pub fn id(&self) -> CorrelationId {
        self.id
    }

    /// The worker's output.
    ///
    /// # Errors
    /// If the reply has no such output.
    pub fn output<'a, T: Deserialize<'a>>(&'a self) -> Result<T, OutputError> {
        decode(self.id, &self.record).map_err(|error| OutputError::Unfit(error.to_string()))?.output()
    }
}

fn decode(id: CorrelationId, record: &Record) -> Result<Reply<'_>, ReplyError> {
    Reply::decode(&id.as_text(), record.value.as_deref(), &record.headers)
}
