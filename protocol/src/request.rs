//! Requests: what a gateway writes, and what a worker makes of any record at all.

mod error;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

pub use error::{PayloadError, RequestError, RequestErrorKind};

use crate::address::{CorrelationKey, ReplyTo, ReturnAddress};
use crate::envelope::{Envelope, Field, Unfit};
use crate::header::{self, Deadline, Headers, ReplyPartition};
use crate::id::IdText;
use crate::reply::{self, ReplyRecord};
use crate::splice::{self, EncodeError};

/// The operation of a request that names none.
pub const DEFAULT_OPERATION: &str = "hash";

/// Room for the envelope and a payload of some 150 bytes, so that a small request takes one allocation.
const CAPACITY: usize = 256;

/// The value of a request: `{"version":1,"id":"…","operation":"…"` and the payload's fields, the operation only if it is
/// not [`DEFAULT_OPERATION`].
///
/// # Errors
/// If the payload is no JSON object or uses a name of the envelope.
pub fn encode_request(id: &str, operation: &str, payload: &impl Serialize) -> Result<Vec<u8>, EncodeError> {
    let mut value = Vec::with_capacity(CAPACITY);
    value.extend_from_slice(br#"{"version":1,"id":"#);
    splice::push_text(&mut value, id);
    if operation != DEFAULT_OPERATION {
        value.extend_from_slice(br#","operation":"#);
        splice::push_text(&mut value, operation);
    }
    splice::splice(&mut value, payload)?;
    value.push(b'}');
    Ok(value)
}

/// Adds the headers of a request of ours, whose key is the same id as text, in place of any of the same names. Without
/// a reply partition the reply may land on any partition, the only form that Spring's and NestJS's workers both answer.
/// What else travels with a request, a trace context for one, is the caller's to add.
pub fn add_request_headers(
    headers: &mut Headers,
    id: &IdText,
    reply_topic: &str,
    reply_partition: Option<i32>,
    deadline: &Deadline,
) {
    headers.insert(header::CORRELATION_ID.to_owned(), id.as_bytes().to_vec());
    match reply_partition.map(ReplyPartition::encode_binary) {
        Some(partition) => headers.insert(header::REPLY_PARTITION.to_owned(), partition.to_vec()),
        None => headers.remove(header::REPLY_PARTITION),
    };
    headers.insert(header::REPLY_TOPIC.to_owned(), reply_topic.as_bytes().to_vec());
    headers.insert(header::DEADLINE.to_owned(), deadline.encode());
}

/// A request as a worker reads it, borrowed from its record.
#[derive(Debug)]
pub struct Request<'a> {
    /// The id that counts: the header, else the key, else the value's. Goes back byte for byte.
    pub correlation_id: CorrelationKey<'a>,
    /// The id in the value, else the correlation id as text. Goes back in the reply's value.
    pub id: Cow<'a, str>,
    /// What is asked for.
    pub operation: Cow<'a, str>,
    /// Where the reply is awaited. The worker decides whether it may write there.
    pub reply_to: ReplyTo<'a>,
    /// When the caller stops waiting, if it says so.
    pub deadline: Option<Deadline>,
    body: &'a str,
}

impl<'a> Request<'a> {
    /// Reads a record of the request topic, without its payload.
    ///
    /// # Errors
    /// See [`RequestErrorKind`]. The error keeps what is needed to answer it.
    pub fn decode(
        key: Option<&'a [u8]>,
        value: Option<&'a [u8]>,
        headers: &'a Headers,
    ) -> Result<Self, RequestError> {
        let envelope = Envelope::read(value);
        let value_id = match &envelope {
            Ok(Envelope { id, .. }) | Err(Unfit { id, .. }) => id.clone(),
        };
        let correlation_id =
            CorrelationKey::outside(key, headers).or_else(|| value_id.clone().map(CorrelationKey::inside));
        let (reply_to, unreadable_reply_to) = ReplyTo::read(headers);
        let id = value_id.or_else(|| correlation_id.as_ref().map(CorrelationKey::to_text));

        let judged = judge(envelope, unreadable_reply_to, headers);
        match (judged, correlation_id, id) {
            (Ok((operation, deadline, body)), Some(correlation_id), Some(id)) => {
                Ok(Self { correlation_id, id, operation, reply_to, deadline, body })
            }
            (judged, correlation_id, id) => Err(RequestError {
                kind: judged.err().unwrap_or(RequestErrorKind::MissingCorrelationId),
                return_address: correlation_id
                    .zip(id)
                    .map(|(correlation_id, id)| return_address(&correlation_id, &id, &reply_to)),
            }),
        }
    }

    /// The payload: all fields of the value, of which `T` takes those that it knows. `T` may not deny unknown fields,
    /// since the envelope's are among them.
    ///
    /// # Errors
    /// If the value's fields do not fit `T`, with a message for the caller.
    pub fn payload<T: Deserialize<'a>>(&self) -> Result<T, PayloadError> {
        serde_json::from_str(self.body).map_err(PayloadError::from)
    }

    /// The answer, for the topic and partition of [`reply_to`](Self::reply_to); its key is the request's key.
    ///
    /// # Errors
    /// If the output is no JSON object or uses a name of the envelope.
    pub fn reply(&self, output: &impl Serialize) -> Result<ReplyRecord, EncodeError> {
        reply::reply_record(self.correlation_id.as_bytes(), &self.id, &self.reply_to, output)
    }

    /// The answer to a request that failed: see [`reply`](Self::reply). The code is an
    /// [`ErrorCode`](crate::code::ErrorCode) or a text that the caller knows.
    pub fn error_reply(&self, code: impl AsRef<str>, message: &str) -> ReplyRecord {
        reply::error_record(self.correlation_id.as_bytes(), &self.id, &self.reply_to, code.as_ref(), message)
    }

    /// What is needed to answer once the record is gone.
    pub fn return_address(&self) -> ReturnAddress {
        return_address(&self.correlation_id, &self.id, &self.reply_to)
    }
}

type Judged<'a> = (Cow<'a, str>, Option<Deadline>, &'a str);

/// Everything that must be right beside the ids: operation, deadline and body.
fn judge<'a>(
    envelope: Result<Envelope<'a>, Unfit<'a>>,
    unreadable_reply_to: Option<String>,
    headers: &Headers,
) -> Result<Judged<'a>, RequestErrorKind> {
    let envelope = envelope.map_err(|unfit| RequestErrorKind::from(unfit.reason))?;
    let operation = match envelope.operation {
        Field::Absent => Cow::Borrowed(DEFAULT_OPERATION),
        Field::Text(operation) => operation,
        Field::Number(_) | Field::Other => {
            return Err(RequestErrorKind::Malformed("`operation` is not a string".into()));
        }
    };
    if let Some(detail) = unreadable_reply_to {
        return Err(RequestErrorKind::BadReplyHeader(detail));
    }
    let deadline = headers.get(header::DEADLINE).map(|value| Deadline::decode(value)).transpose()?;
    Ok((operation, deadline, envelope.body))
}

fn return_address(correlation_id: &CorrelationKey<'_>, id: &str, reply_to: &ReplyTo<'_>) -> ReturnAddress {
    ReturnAddress {
        correlation_id: correlation_id.as_bytes().to_vec(),
        id: id.to_owned(),
        topic: reply_to.topic.map(str::to_owned),
        partition: reply_to.partition,
    }
}
