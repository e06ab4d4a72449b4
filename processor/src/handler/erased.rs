//! Operations of any type behind one interface: from a request to its reply.

use std::panic::{AssertUnwindSafe, catch_unwind};

use protocol::request::PayloadError;
use protocol::{ErrorCode, ReplyRecord, Request};
use serde::{Deserialize, Serialize};

use super::{Cost, HandlerError, Operation};

/// An [`Operation`] without its types.
pub(crate) trait Erased: Send + Sync {
    fn name(&self) -> &'static str;

    fn cost(&self) -> Cost;

    /// Whether the payload fits, without running the handler.
    fn takes(&self, request: &Request<'_>) -> Result<(), PayloadError>;

    /// Reads the payload, runs the handler, writes the reply.
    fn answer(&self, request: &Request<'_>) -> Result<ReplyRecord, Unanswered>;
}

/// A request that the handler did not answer with an output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unanswered {
    /// What the error reply says.
    pub(crate) code: ErrorCode,
    /// Why the request is kept as a dead letter; `None` if the error reply is all it gets.
    pub(crate) dead_letter_reason: Option<&'static str>,
    /// For a person.
    pub(crate) message: String,
}

/// The dead letters' reason for a handler that panicked; its error reply says `failed`.
pub(crate) const HANDLER_PANICKED: &str = "handler_panicked";

impl Unanswered {
    /// Answered with `code`, and kept as a dead letter for the same reason.
    pub(crate) fn kept(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, dead_letter_reason: Some(code.as_str()), message: message.into() }
    }
}

impl From<HandlerError> for Unanswered {
    fn from(error: HandlerError) -> Self {
        match error {
            HandlerError::Rejected(message) => {
                Self { code: ErrorCode::Rejected, dead_letter_reason: None, message }
            }
            HandlerError::Failed(message) => Self::kept(ErrorCode::Failed, message),
        }
    }
}

impl<O: Operation> Erased for O {
    fn name(&self) -> &'static str {
        O::NAME
    }

    fn cost(&self) -> Cost {
        Operation::cost(self)
    }

    fn takes<'a>(&self, request: &Request<'a>) -> Result<(), PayloadError> {
        request.payload::<O::Input<'a>>().map(drop)
    }

    fn answer(&self, request: &Request<'_>) -> Result<ReplyRecord, Unanswered> {
        answer(request, |input| self.handle(input))
    }
}

/// Reads the payload, calls the handler, writes the reply.
pub(super) fn answer<'a, I: Deserialize<'a>, O: Serialize>(
    request: &Request<'a>,
    handle: impl FnOnce(I) -> Result<O, HandlerError>,
) -> Result<ReplyRecord, Unanswered> {
    let input =
        request.payload().map_err(|error| Unanswered::kept(ErrorCode::InvalidPayload, error.to_string()))?;
    // What a handler leaves half done when it panics is its own: the worker shares nothing with it but the call.
    let output = catch_unwind(AssertUnwindSafe(|| handle(input))).map_err(|_| panicked())??;
    request.reply(&output).map_err(|error| Unanswered::kept(ErrorCode::Failed, error.to_string()))
}

/// The panic's own words stay in the log, where the panic hook has put them: they may be of no caller's business.
fn panicked() -> Unanswered {
    Unanswered {
        code: ErrorCode::Failed,
        dead_letter_reason: Some(HANDLER_PANICKED),
        message: "the handler panicked".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Operations;
    use protocol::Headers;

    /// Answers `{"outcome":"…"}` as it says.
    struct Obedient;

    #[derive(Deserialize)]
    struct Order<'a> {
        outcome: &'a str,
    }

    #[derive(Serialize)]
    struct Done {
        done: bool,
    }

    impl Operation for Obedient {
        const NAME: &'static str = "obey";
        type Input<'a> = Order<'a>;
        type Output = Done;

        fn handle(&self, order: Order<'_>) -> Result<Done, HandlerError> {
            match order.outcome {
                "reject" => Err(HandlerError::Rejected("not that".into())),
                "fail" => Err(HandlerError::Failed("out of paper".into())),
                "panic" => panic!("secret"),
                _ => Ok(Done { done: true }),
            }
        }
    }

    fn answer(payload: &str) -> Result<String, Unanswered> {
        let value = format!(r#"{{"id":"a","operation":"obey",{payload}}}"#);
        let headers = Headers::new();
        let request = Request::decode(None, Some(value.as_bytes()), &headers).unwrap();
        let operations = Operations::none().with(Obedient);
        let reply = operations.find(&request.operation).expect("it is registered").answer(&request)?;
        Ok(String::from_utf8(reply.value.unwrap()).unwrap())
    }

    #[test]
    fn an_output_becomes_the_reply() {
        assert_eq!(answer(r#""outcome":"do""#).unwrap(), r#"{"version":1,"id":"a","done":true}"#);
    }

    #[test]
    fn each_way_to_fail_has_its_code_and_its_reason() {
        let code_and_reason = |payload| {
            let unanswered = answer(payload).unwrap_err();
            (unanswered.code, unanswered.dead_letter_reason)
        };
        assert_eq!(code_and_reason(r#""outcome":"reject""#), (ErrorCode::Rejected, None));
        assert_eq!(code_and_reason(r#""outcome":"fail""#), (ErrorCode::Failed, Some("failed")));
        assert_eq!(code_and_reason(r#""outcome":"panic""#), (ErrorCode::Failed, Some("handler_panicked")));
        assert_eq!(code_and_reason(r#""outcome":1"#), (ErrorCode::InvalidPayload, Some("invalid_payload")));
    }

    #[test]
    fn a_panic_tells_the_caller_nothing_of_its_words() {
        assert_eq!(answer(r#""outcome":"panic""#).unwrap_err().message, "the handler panicked");
    }

    #[test]
    fn operations_are_found_by_name() {
        let operations = Operations::none().with(Obedient).with(crate::operations::Hash);
        assert_eq!(operations.names().collect::<Vec<_>>(), ["hash", "obey"]);
        assert!(operations.find("dance").is_none());
    }
}
