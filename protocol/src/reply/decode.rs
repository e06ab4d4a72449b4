//! Reading a reply that somebody waits for.

use serde::Deserialize;

use super::{OutputError, ReplyError, WorkerError};
use crate::code::bounded;
use crate::envelope::Envelope;
use crate::header::{self, Headers};

/// A reply as a gateway reads it, borrowed from its record.
#[derive(Debug)]
pub struct Reply<'a> {
    outcome: Result<&'a str, WorkerError>,
}

impl<'a> Reply<'a> {
    /// Reads a reply that was found by `correlation_id`, our own id as text.
    ///
    /// # Errors
    /// See [`ReplyError`]: such a reply is no answer. What the worker itself says went wrong is no error here.
    pub fn decode(
        correlation_id: &str,
        value: Option<&'a [u8]>,
        headers: &'a Headers,
    ) -> Result<Self, ReplyError> {
        if let Some(error) = headers.get(header::NEST_ERROR) {
            return Ok(Self { outcome: Err(WorkerError::read(&String::from_utf8_lossy(error))) });
        }
        let envelope = Envelope::read(value).map_err(|unfit| ReplyError::from(unfit.reason))?;
        if envelope.id.is_some_and(|id| id != correlation_id) {
            return Err(ReplyError::Contradiction);
        }
        let outcome = match envelope.error {
            Some(error) => Err(WorkerError::read(error.get())),
            None => Ok(envelope.body),
        };
        Ok(Self { outcome })
    }

    /// What the worker says went wrong, if it says so.
    pub fn error(&self) -> Option<&WorkerError> {
        self.outcome.as_ref().err()
    }

    /// The output: all fields of the value, of which `T` takes those that it knows.
    ///
    /// # Errors
    /// If the worker replied with an error, or the fields do not fit `T`.
    pub fn output<T: Deserialize<'a>>(&self) -> Result<T, OutputError> {
        let body = *self.outcome.as_ref().map_err(WorkerError::clone)?;
        read_output(body.as_bytes())
    }
}

/// The output in the value of a reply that [`Reply::decode`] has found to have one: for whoever keeps the value, so as not
/// to judge it twice.
///
/// # Errors
/// If the fields do not fit `T`.
pub fn read_output<'a, T: Deserialize<'a>>(value: &'a [u8]) -> Result<T, OutputError> {
    serde_json::from_slice(value).map_err(|error| OutputError::Unfit(bounded(&error.to_string()).to_owned()))
}
