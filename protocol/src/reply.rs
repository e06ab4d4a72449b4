//! Replies: what a worker writes, and what a gateway makes of any record at all.
//!
//! A gateway looks at a reply in two steps, because most replies on a shared partition are for others:
//! [`reply_correlation`] finds the id without parsing the value, and only a reply that somebody waits for is read by
//! [`Reply::decode`].

mod decode;
mod error;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

pub use decode::{Reply, read_output};
pub use error::{OutputError, ReplyError, WorkerError};

use crate::address::{CorrelationKey, ReplyTo};
use crate::code::bounded;
use crate::envelope::{Envelope, Unfit};
use crate::header::{self, Headers};
use crate::splice::{self, EncodeError};

/// Room for the envelope and a digest, so that a small reply takes one allocation.
const CAPACITY: usize = 192;

/// One byte of zero, as NestJS writes it.
const END_MARK: [u8; 1] = [0];

/// An error as it stands on the wire.
#[derive(Serialize, Deserialize)]
struct WireError<'a> {
    #[serde(borrow)]
    code: Cow<'a, str>,
    #[serde(borrow)]
    message: Cow<'a, str>,
}

/// A reply's record but for the key, which is the request's own, and the time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplyRecord {
    /// `None` for an error to a NestJS caller, who finds it in the headers.
    pub value: Option<Vec<u8>>,
    /// The correlation id, and NestJS's marks for a caller that wrote its partition as text.
    pub headers: Headers,
}

/// The value of a reply: `{"version":1,"id":"…"` and the output's fields.
///
/// # Errors
/// If the output is no JSON object or uses a name of the envelope.
pub fn encode_reply(id: &str, output: &impl Serialize) -> Result<Vec<u8>, EncodeError> {
    let mut value = begin(id);
    splice::splice(&mut value, output)?;
    value.push(b'}');
    Ok(value)
}

/// The value of an error reply: `{"version":1,"id":"…","error":{"code":"…","message":"…"}}`, the message cut at
/// [`MAX_MESSAGE_BYTES`](crate::code::MAX_MESSAGE_BYTES).
pub fn encode_error_reply(id: &str, code: &str, message: &str) -> Vec<u8> {
    let mut value = begin(id);
    value.extend_from_slice(br#","error":"#);
    push_error(&mut value, code, message);
    value.push(b'}');
    value
}

/// Which request a reply answers: the header, else the key, and only if both are absent the value's id.
pub fn reply_correlation<'a>(
    key: Option<&'a [u8]>,
    value: Option<&'a [u8]>,
    headers: &'a Headers,
) -> Option<CorrelationKey<'a>> {
    CorrelationKey::outside(key, headers).or_else(|| {
        let (Ok(Envelope { id, .. }) | Err(Unfit { id, .. })) = Envelope::read(value);
        id.map(CorrelationKey::inside)
    })
}

/// The headers of a reply: the correlation id byte for byte, and NestJS's end mark for a caller that awaits it.
pub fn reply_headers(correlation_id: &[u8], reply_to: &ReplyTo<'_>) -> Headers {
    let mut headers = Headers::from([(header::CORRELATION_ID.to_owned(), correlation_id.to_vec())]);
    if reply_to.is_nest() {
        headers.insert(header::NEST_DISPOSED.to_owned(), END_MARK.to_vec());
    }
    headers
}

pub(crate) fn reply_record(
    correlation_id: &[u8],
    id: &str,
    reply_to: &ReplyTo<'_>,
    output: &impl Serialize,
) -> Result<ReplyRecord, EncodeError> {
    let value = Some(encode_reply(id, output)?);
    Ok(ReplyRecord { value, headers: reply_headers(correlation_id, reply_to) })
}

pub(crate) fn error_record(
    correlation_id: &[u8],
    id: &str,
    reply_to: &ReplyTo<'_>,
    code: &str,
    message: &str,
) -> ReplyRecord {
    let mut headers = reply_headers(correlation_id, reply_to);
    if !reply_to.is_nest() {
        return ReplyRecord { value: Some(encode_error_reply(id, code, message)), headers };
    }
    let mut error = Vec::new();
    push_error(&mut error, code, message);
    headers.insert(header::NEST_ERROR.to_owned(), error);
    ReplyRecord { value: None, headers }
}

fn begin(id: &str) -> Vec<u8> {
    let mut value = Vec::with_capacity(CAPACITY);
    value.extend_from_slice(br#"{"version":1,"id":"#);
    splice::push_text(&mut value, id);
    value
}

fn push_error(out: &mut Vec<u8>, code: &str, message: &str) {
    let error = WireError { code: code.into(), message: bounded(message).into() };
    serde_json::to_writer(out, &error).expect("two texts into memory always serialize");
}
