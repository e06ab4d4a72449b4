//! Header names on the wire, and the values in them that have a form of their own.
//!
//! The names follow Spring Kafka, which NestJS follows too; only the deadline is ours, and the trace context is W3C's.

mod deadline;
mod reply_partition;

use std::collections::BTreeMap;

pub use deadline::{Deadline, InvalidDeadline};
pub use reply_partition::{InvalidReplyPartition, MAX_PARTITION, PartitionEncoding, ReplyPartition};

/// Which request a record belongs to: any bytes, echoed as they came.
pub const CORRELATION_ID: &str = "kafka_correlationId";
/// The topic that the caller reads its replies from, in UTF-8.
pub const REPLY_TOPIC: &str = "kafka_replyTopic";
/// The partition of it: see [`ReplyPartition`].
pub const REPLY_PARTITION: &str = "kafka_replyPartition";
/// When the caller stops waiting: see [`Deadline`].
pub const DEADLINE: &str = "x-request-deadline";
/// Who called the gateway, where it asks: a name of visible ASCII characters. Only a gateway writes it.
pub const CALLER: &str = "x-caller";
/// The caller's own name for the request, for people to find it by: visible ASCII characters.
pub const REQUEST_ID: &str = "x-request-id";
/// W3C trace context: the caller's span.
pub const TRACEPARENT: &str = "traceparent";
/// W3C trace context: what vendors add to it.
pub const TRACESTATE: &str = "tracestate";
/// NestJS's mark of a last reply, without which its client waits on.
pub const NEST_DISPOSED: &str = "kafka_nest-is-disposed";
/// NestJS's error as JSON text; the reply's value is null then.
pub const NEST_ERROR: &str = "kafka_nest-err";

/// A record's headers as the Kafka client carries them.
pub type Headers = BTreeMap<String, Vec<u8>>;

/// The value of a header, where an empty one counts as absent.
pub(crate) fn filled<'a>(headers: &'a Headers, name: &str) -> Option<&'a [u8]> {
    headers.get(name).map(Vec::as_slice).filter(|value| !value.is_empty())
}

/// A number in decimal digits and nothing else: no sign, no space.
fn digits<N: std::str::FromStr>(text: &[u8]) -> Option<N> {
    let text = str::from_utf8(text).ok()?;
    (text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}
