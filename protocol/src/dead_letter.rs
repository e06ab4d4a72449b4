//! What a dead letter says about a record beside the record itself.

use crate::code::bounded;

/// Why the record is here: an [`ErrorCode`](crate::code::ErrorCode)'s text.
pub const REASON: &str = "dlq-reason";
/// The same for a person.
pub const MESSAGE: &str = "dlq-message";
/// The topic it came from.
pub const TOPIC: &str = "dlq-topic";
/// The partition it came from.
pub const PARTITION: &str = "dlq-partition";
/// The offset it had there.
pub const OFFSET: &str = "dlq-offset";
/// How often it was tried.
pub const ATTEMPTS: &str = "dlq-attempts";
/// When it was given up, in milliseconds since the Unix epoch.
pub const TIME: &str = "dlq-time";

/// Of a request that was a dead letter and is handed in again: where that letter stands, as `topic/partition/offset`.
pub const REPLAYED_FROM: &str = "dlq-replayed-from";
/// The same: when it was handed in again, in milliseconds since the Unix epoch.
pub const REPLAYED_AT: &str = "dlq-replayed-at";
/// The same: how often that has happened, this time included.
pub const REPLAYS: &str = "dlq-replays";
/// What all of these names begin with.
pub const PREFIX: &str = "dlq-";

/// The headers that a dead letter adds to the record as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// An [`ErrorCode`](crate::code::ErrorCode)'s text, or a handler's own.
    pub reason: String,
    /// For a person; cut at [`MAX_MESSAGE_BYTES`](crate::code::MAX_MESSAGE_BYTES).
    pub message: String,
    /// The topic the record came from.
    pub topic: String,
    /// The partition it came from.
    pub partition: i32,
    /// The offset it had there.
    pub offset: i64,
    /// How often it was tried: 0 if no handler saw it.
    pub attempts: u32,
    /// When it was given up, in milliseconds since the Unix epoch.
    pub time_epoch_ms: u64,
}

impl DeadLetter {
    /// All of it as text headers.
    pub fn headers(&self) -> Vec<(String, Vec<u8>)> {
        [
            (REASON, self.reason.clone()),
            (MESSAGE, bounded(&self.message).to_owned()),
            (TOPIC, self.topic.clone()),
            (PARTITION, self.partition.to_string()),
            (OFFSET, self.offset.to_string()),
            (ATTEMPTS, self.attempts.to_string()),
            (TIME, self.time_epoch_ms.to_string()),
        ]
        .map(|(name, value)| (name.to_owned(), value.into_bytes()))
        .into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::MAX_MESSAGE_BYTES;

    #[test]
    fn a_dead_letter_has_seven_text_headers() {
        let letter = DeadLetter {
            reason: "malformed".into(),
            message: "é".repeat(MAX_MESSAGE_BYTES),
            topic: "hash_requests".into(),
            partition: 2,
            offset: 41,
            attempts: 0,
            time_epoch_ms: 1_700_000_000_123,
        };
        let text = |value: Vec<u8>| String::from_utf8(value).unwrap();
        let headers: Vec<_> = letter.headers().into_iter().map(|(name, value)| (name, text(value))).collect();
        let cut = "é".repeat(MAX_MESSAGE_BYTES / 2);
        let expected = [
            ("dlq-reason", "malformed"),
            ("dlq-message", &cut),
            ("dlq-topic", "hash_requests"),
            ("dlq-partition", "2"),
            ("dlq-offset", "41"),
            ("dlq-attempts", "0"),
            ("dlq-time", "1700000000123"),
        ];
        assert_eq!(headers, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }
}
