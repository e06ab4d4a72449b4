//! A reply that is an answer.

use kafka::Record;
use protocol::reply::{OutputError, read_output};
use protocol::{CorrelationId, Fault, IdText, Reply};
use serde::Deserialize;

use super::Failure;

/// What a worker answered.
#[derive(Debug)]
pub struct Answer {
    id: CorrelationId,
    /// The value of a reply that was judged.
    value: Vec<u8>,
}

impl Answer {
    /// Judges a reply that carries the id of a request of ours, which is this text.
    pub(super) fn read(id: CorrelationId, text: &IdText, record: Record) -> Result<Self, Failure> {
        let reply = Reply::decode(text, record.value.as_deref(), &record.headers)
            .map_err(|error| Failure::BadReply(error.to_string()))?;
        let Some(error) = reply.error() else {
            // Without a value there is no reply.
            return Ok(Self { id, value: record.value.unwrap_or_default() });
        };
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
        read_output(&self.value)
    }
}
