//! Why a request got no output: the codes that error replies and dead letters carry, and whose fault each is.

use std::fmt;

/// The longest message an error reply, a dead letter or a worker's error carries, in bytes: a parser's complaint may
/// quote the whole request.
pub const MAX_MESSAGE_BYTES: usize = 1_024;

/// Who has to change something before the same request can succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// Whoever wrote the payload: the same again fails again. An HTTP gateway answers 422 `worker_rejected`.
    Caller,
    /// The worker, or the services between it and the caller, who could not have done better: 502 `worker_failed`.
    Worker,
}

/// The codes that our workers use. A foreign worker may use others, which are its own fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// `malformed`: the value is no JSON object, or its envelope has a field of the wrong type.
    Malformed,
    /// `unknown_version`: an envelope of a version that the reader does not speak.
    UnknownVersion,
    /// `missing_correlation_id`: neither header nor key nor value says which request this is.
    MissingCorrelationId,
    /// `bad_reply_header`: the reply topic or partition cannot be read.
    BadReplyHeader,
    /// `bad_deadline`: the deadline header cannot be read.
    BadDeadline,
    /// `reply_topic_not_allowed`: the request names a reply topic that the worker does not write to.
    ReplyTopicNotAllowed,
    /// `unknown_operation`: the worker has no handler of this name.
    UnknownOperation,
    /// `invalid_payload`: the payload does not fit the operation.
    InvalidPayload,
    /// `rejected`: the handler understood the payload and refuses it.
    Rejected,
    /// `reply_too_large`: the output does not fit the reply topic.
    ReplyTooLarge,
    /// `unreadable`: a record that the Kafka client could not decode.
    Unreadable,
    /// `failed`: the handler failed.
    Failed,
}

impl ErrorCode {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Malformed,
        Self::UnknownVersion,
        Self::MissingCorrelationId,
        Self::BadReplyHeader,
        Self::BadDeadline,
        Self::ReplyTopicNotAllowed,
        Self::UnknownOperation,
        Self::InvalidPayload,
        Self::Rejected,
        Self::ReplyTooLarge,
        Self::Unreadable,
        Self::Failed,
    ];

    /// The stable text on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::UnknownVersion => "unknown_version",
            Self::MissingCorrelationId => "missing_correlation_id",
            Self::BadReplyHeader => "bad_reply_header",
            Self::BadDeadline => "bad_deadline",
            Self::ReplyTopicNotAllowed => "reply_topic_not_allowed",
            Self::UnknownOperation => "unknown_operation",
            Self::InvalidPayload => "invalid_payload",
            Self::Rejected => "rejected",
            Self::ReplyTooLarge => "reply_too_large",
            Self::Unreadable => "unreadable",
            Self::Failed => "failed",
        }
    }

    /// The code of a text from the wire; `None` if it is none of ours.
    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.as_str() == text)
    }

    /// Whose fault it is. Only the payload is the caller's: the envelope around it was written by the gateway, so what
    /// is wrong with that is between the services.
    pub fn fault(self) -> Fault {
        match self {
            Self::InvalidPayload | Self::Rejected => Fault::Caller,
            _ => Fault::Worker,
        }
    }
}

impl AsRef<str> for ErrorCode {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// The message, cut at [`MAX_MESSAGE_BYTES`].
pub(crate) fn bounded(message: &str) -> &str {
    &message[..message.floor_char_boundary(MAX_MESSAGE_BYTES)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_has_a_text_of_its_own() {
        for code in ErrorCode::ALL {
            assert_eq!(ErrorCode::from_text(code.as_str()), Some(code));
            assert_eq!(code.to_string(), code.as_ref());
        }
        assert_eq!(ErrorCode::from_text("E1234"), None);
        assert_eq!(ErrorCode::from_text("Failed"), None);
    }

    #[test]
    fn only_the_payload_is_the_callers_fault() {
        let callers: Vec<_> =
            ErrorCode::ALL.into_iter().filter(|code| code.fault() == Fault::Caller).collect();
        assert_eq!(callers, [ErrorCode::InvalidPayload, ErrorCode::Rejected]);
    }

    #[test]
    fn a_message_is_cut_between_characters() {
        assert_eq!(bounded("short"), "short");
        let long = "é".repeat(MAX_MESSAGE_BYTES);
        assert_eq!(bounded(&long).len(), MAX_MESSAGE_BYTES);
        let odd = format!("x{long}");
        assert_eq!(bounded(&odd).len(), MAX_MESSAGE_BYTES - 1);
    }
}
