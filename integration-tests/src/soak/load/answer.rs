//! What a response says, and whether it is one that a gateway may give.

use hyper::StatusCode;
use serde::Deserialize;

use super::connection::Response;
use crate::checker::{Digest, Id, Outcome};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Hash {
    id: String,
    hash: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Problem {
    r#type: String,
    title: String,
    status: u16,
    detail: String,
    code: String,
    retry_safe: bool,
    id: Option<String>,
}

/// Reads a response; whether a hash is the right one is for the checker.
pub(super) fn read(response: &Response) -> Outcome {
    let read = match response.status {
        StatusCode::OK => hash(response),
        _ => problem(response),
    };
    read.unwrap_or_else(|| {
        let (status, body) = (response.status, String::from_utf8_lossy(&response.body));
        let media_type = response.media_type.as_deref().unwrap_or("untyped");
        Outcome::Garbled(format!("{status}, {media_type}: {body}").into())
    })
}

fn hash(response: &Response) -> Option<Outcome> {
    let Hash { id, hash } = serde_json::from_slice(&response.body).ok()?;
    let hash = Digest::parse(&hash)?;
    let is_json = response.media_type.as_deref() == Some("application/json");
    is_json.then(|| Outcome::Answered { id: Id::from(id.as_str()), hash })
}

fn problem(response: &Response) -> Option<Outcome> {
    let Problem { r#type, title, status, detail, code, retry_safe, id } =
        serde_json::from_slice(&response.body).ok()?;
    let keeps_promises = response.media_type.as_deref() == Some("application/problem+json")
        && status == response.status.as_u16()
        && r#type == format!("urn:api-gateway:problem:{code}")
        && !title.is_empty()
        && !detail.is_empty();
    let id = id.as_deref().map(Id::from);
    keeps_promises.then(|| Outcome::Refused { status, code: code.into(), retry_safe, id })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_of(status: u16, media_type: &str, body: &str) -> Outcome {
        read(&Response {
            status: StatusCode::from_u16(status).unwrap(),
            media_type: Some(media_type.to_owned()),
            body: body.to_owned().into(),
        })
    }

    const HASH: &str =
        r#"{"hash":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","id":"x"}"#;
    const PROBLEM: &str = r#"{"type":"urn:api-gateway:problem:no_workers","title":"t","status":503,
        "detail":"d","code":"no_workers","retry_safe":true}"#;

    #[test]
    fn a_hash_and_a_problem_are_read() {
        let hash = read_of(200, "application/json", HASH);
        assert_eq!(hash, Outcome::Answered { id: "x".into(), hash: Digest::of("") });
        let (code, id) = ("no_workers".into(), None);
        let problem = read_of(503, "application/problem+json", PROBLEM);
        assert_eq!(problem, Outcome::Refused { status: 503, code, retry_safe: true, id });
    }

    #[test]
    fn what_breaks_a_promise_is_garbled() {
        let responses = [
            (200, "application/json", r#"{"hash":"ab","id":"x"}"#),
            (200, "application/json", &HASH.replace("\"id\":\"x\"", "\"id\":\"x\",\"more\":1")),
            (200, "text/plain", HASH),
            (504, "application/problem+json", PROBLEM),
            (503, "application/json", PROBLEM),
            (503, "application/problem+json", &PROBLEM.replace("problem:no_workers", "problem:other")),
            (500, "text/plain", "oops"),
        ];
        for (status, media_type, body) in responses {
            let outcome = read_of(status, media_type, body);
            assert!(matches!(outcome, Outcome::Garbled(_)), "{status} {body}");
        }
    }
}
