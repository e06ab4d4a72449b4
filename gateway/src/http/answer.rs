//! From the outcome of a request to the HTTP answer.

use actix_web::HttpResponse;
use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderValue};
use protocol::OutputError;
use serde::Serialize;

use crate::operations::Operation;
use crate::problem::{Code, Problem};
use crate::requester::{Answer, Failure, RequestError};

/// The answer for a caller whose request was executed: the output with the request's `id` beside it.
pub(crate) fn success<O: Operation>(answer: &Answer) -> Result<HttpResponse, Problem> {
    let output: Result<O::Output<'_>, OutputError> = answer.output();
    let body =
        output.map_err(|error| error.to_string()).and_then(|output| with_id(&output, &answer.id().as_text()));
    match body {
        Ok(body) => {
            let mut response = HttpResponse::with_body(StatusCode::OK, BoxBody::new(body));
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            Ok(response)
        }
        Err(reason) => Err(Problem::new(Code::BadReply, format!("the reply has no such output: {reason}"))
            .about(answer.id())),
    }
}

/// The answer for everybody else. `in_a_crowd` says that Kafka answers and that the request had many beside it.
pub(crate) fn failure(error: RequestError, in_a_crowd: bool) -> Problem {
    let problem = match error.failure {
        // It was taken and its turn never came: that is our doing, not Kafka's.
        Failure::KafkaUnavailable if in_a_crowd && error.id.is_some() => {
            Problem::new(Code::Overloaded, "its turn to be sent did not come in time; try again")
                .retry_after(1)
        }
        Failure::Overloaded => {
            Problem::new(Code::Overloaded, "too many requests are pending here; try again").retry_after(1)
        }
        Failure::KafkaUnavailable => Problem::new(
            Code::KafkaUnavailable,
            "the request was not handed to Kafka; it is safe to try again",
        )
        .retry_after(1),
        Failure::Refused => Problem::new(
            Code::KafkaUnavailable,
            "Kafka refuses what this gateway writes, as its log tells; the request was not written",
        )
        .retry_after(1),
        Failure::NoWorkers => {
            Problem::new(Code::NoWorkers, "no worker is in the group; the request was not sent")
                .retry_after(1)
        }
        Failure::ShuttingDown => {
            Problem::new(Code::ShuttingDown, "this gateway takes nothing new; another one will")
                .retry_after(1)
        }
        Failure::TooLarge => {
            Problem::new(Code::PayloadTooLarge, "the request is larger than its topic takes")
        }
        Failure::Unencodable(error) => Problem::new(Code::InvalidRequest, error.to_string()),
        Failure::OutcomeUnknown => {
            Problem::new(Code::OutcomeUnknown, "no reply came in time; the request may still be executed")
        }
        Failure::Rejected { code, message } => {
            Problem::new(Code::WorkerRejected, worker_said(&code, &message))
        }
        Failure::Failed { code, message } => Problem::new(Code::WorkerFailed, worker_said(&code, &message)),
        Failure::BadReply(reason) => Problem::new(Code::BadReply, reason),
    };
    match error.id {
        Some(id) => problem.about(id),
        None => problem,
    }
}

fn worker_said(code: &str, message: &str) -> String {
    format!("{message} ({code})")
}

/// `{…output…,"id":"…"}` in one buffer.
fn with_id(output: &impl Serialize, id: &str) -> Result<Vec<u8>, String> {
    let mut body = Vec::with_capacity(160);
    serde_json::to_writer(&mut body, output).map_err(|error| error.to_string())?;
    if body.pop() != Some(b'}') {
        return Err("it is no object".into());
    }
    if body.len() > 1 {
        body.push(b',');
    }
    body.extend_from_slice(br#""id":""#);
    body.extend_from_slice(id.as_bytes()); // Hexadecimal digits and hyphens need no escaping.
    body.extend_from_slice(br#""}"#);
    Ok(body)
}

#[cfg(test)]
mod tests {
    use protocol::{CorrelationId, Tag};
    use serde_json::json;

    use super::*;

    #[test]
    fn the_id_stands_beside_the_output() {
        assert_eq!(with_id(&json!({"hash": "ab"}), "x").unwrap(), br#"{"hash":"ab","id":"x"}"#);
        assert_eq!(with_id(&json!({}), "x").unwrap(), br#"{"id":"x"}"#);
        assert!(with_id(&json!([1]), "x").is_err());
    }

    #[test]
    fn only_what_was_not_handed_over_may_be_retried() {
        let retry_safe = |failure| failure_code(failure).retry_safe();
        assert!(retry_safe(Failure::KafkaUnavailable) && retry_safe(Failure::NoWorkers));
        assert!(retry_safe(Failure::Refused));
        assert!(!retry_safe(Failure::OutcomeUnknown) && !retry_safe(Failure::TooLarge));
    }

    #[test]
    fn who_waits_in_vain_in_a_crowd_is_told_of_the_crowd() {
        let code = |id, in_a_crowd| {
            failure(RequestError { id, failure: Failure::KafkaUnavailable }, in_a_crowd).code()
        };
        let taken = || Some(CorrelationId::random(Tag::random()));
        assert_eq!(code(taken(), true), Code::Overloaded);
        assert_eq!(code(taken(), false), Code::KafkaUnavailable);
        assert_eq!(code(None, true), Code::KafkaUnavailable, "it was refused at once");
    }

    fn failure_code(kind: Failure) -> Code {
        failure(RequestError { id: None, failure: kind }, false).code()
    }
}
