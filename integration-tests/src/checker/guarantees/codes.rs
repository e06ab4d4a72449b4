//! The documented errors, as the callers know them.

/// What the code of an error says of its request's record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::checker) enum Sent {
    /// None was handed to Kafka.
    No,
    /// One was answered by a worker.
    Answered,
    /// One may have been.
    Perhaps,
}

/// The errors that the API documents: code, status, and what they say.
const CODES: [(&str, u16, Sent); 18] = [
    ("invalid_request", 400, Sent::No),
    ("unauthenticated", 401, Sent::No),
    ("forbidden", 403, Sent::No),
    ("not_found", 404, Sent::No),
    ("method_not_allowed", 405, Sent::No),
    ("request_timeout", 408, Sent::No),
    ("payload_too_large", 413, Sent::No),
    ("unsupported_media_type", 415, Sent::No),
    ("worker_rejected", 422, Sent::Answered),
    ("rate_limited", 429, Sent::No),
    ("worker_failed", 502, Sent::Answered),
    ("bad_reply", 502, Sent::Answered),
    ("overloaded", 503, Sent::No),
    ("kafka_unavailable", 503, Sent::No),
    ("no_workers", 503, Sent::No),
    ("keys_unavailable", 503, Sent::No),
    ("shutting_down", 503, Sent::No),
    ("outcome_unknown", 504, Sent::Perhaps),
];

/// The status of a documented code, and what it says.
pub(in crate::checker) fn documented(code: &str) -> Option<(u16, Sent)> {
    CODES.iter().find(|(known, ..)| *known == code).map(|(_, status, sent)| (*status, *sent))
}
