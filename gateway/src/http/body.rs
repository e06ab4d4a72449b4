//! Reads a request's body: declared as JSON, within its size, its bytes reserved as they arrive, before its deadline.

use std::sync::Arc;

use actix_web::error::PayloadError;
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::web::Bytes;
use serde::Deserialize;
use service::settings::GatewaySettings;
use tokio::time::timeout_at;

use super::incoming::Incoming;
use super::pieces::Pieces;
use super::trace::Marks;
use crate::admission::{Admission, Full, Place};
use crate::problem::{Code, Problem};

/// The largest body that is read, in bytes.
pub const MAX_BODY_BYTES: usize = GatewaySettings::MAX_BODY_BYTES;

/// Longest piece of a parser's message that is passed on to the caller, in bytes.
const MAX_DETAIL_BYTES: usize = 200;

/// A body that was read, and the place it holds until the request has been answered: its bytes are in the request's record by
/// then, which takes as much.
pub(crate) struct Admitted {
    pub(crate) bytes: Bytes,
    pub(crate) place: Place,
}

/// Reads the body of one request.
///
/// Problems come in the documented order: 415, 413, overloaded, then whatever the arriving bytes show.
pub(crate) async fn read(
    headers: &HeaderMap,
    incoming: &mut Incoming,
    admission: &Arc<Admission>,
) -> Result<Admitted, Problem> {
    check_media_type(headers)?;
    let declared = declared_length(headers)?;
    let place = admission.enter(declared.unwrap_or(0)).map_err(overloaded)?;
    let mut body = Pieces::new(place, declared.unwrap_or(MAX_BODY_BYTES));
    while let Some(piece) = timeout_at(incoming.deadline(), incoming.next()).await.map_err(|_| late())? {
        let piece = piece.map_err(|error| broken(&error, headers))?;
        if body.len() + piece.len() > MAX_BODY_BYTES {
            return Err(too_large());
        }
        body.push(piece).map_err(overloaded)?;
    }
    let (bytes, place) = body.finish();
    Ok(Admitted { bytes, place })
}

/// Parses a body that has to be a JSON object.
pub(crate) fn parse<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Problem> {
    // serde reads a struct from an array as well; callers are promised an object.
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    if first.is_some_and(|byte| *byte != b'{') {
        return Err(invalid("the body has to be a JSON object"));
    }
    serde_json::from_slice(bytes).map_err(|error| invalid(&error.to_string()))
}

fn check_media_type(headers: &HeaderMap) -> Result<(), Problem> {
    let unsupported = |detail| Err(Problem::new(Code::UnsupportedMediaType, detail));
    // Whoever says two things means one of them, and nobody knows which.
    let is_identity = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"identity");
    if !headers.get_all(header::CONTENT_ENCODING).all(is_identity) {
        return unsupported("compressed bodies are not taken; send the JSON as it is");
    }
    let mut declared = headers.get_all(header::CONTENT_TYPE).peekable();
    if declared.peek().is_some() && declared.all(is_json) {
        return Ok(());
    }
    unsupported("send the header `content-type: application/json`")
}

fn is_json(media_type: &HeaderValue) -> bool {
    let essence = media_type.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
    essence.trim_ascii().eq_ignore_ascii_case(b"application/json")
}

fn declared_length(headers: &HeaderMap) -> Result<Option<usize>, Problem> {
    let Some(value) = headers.get(header::CONTENT_LENGTH) else { return Ok(None) };
    // The server has refused what is no number; what no number type holds is too large.
    let length = value.to_str().ok().and_then(|text| text.parse().ok()).unwrap_or(usize::MAX);
    if length > MAX_BODY_BYTES { Err(too_large()) } else { Ok(Some(length)) }
}

fn too_large() -> Problem {
    Problem::new(Code::PayloadTooLarge, format!("a body may have at most {MAX_BODY_BYTES} bytes"))
}

fn overloaded(_: Full) -> Problem {
    Problem::new(Code::Overloaded, "too many requests are pending here; try again").retry_after(1)
}

fn late() -> Problem {
    Problem::new(Code::RequestTimeout, "the whole body has to arrive within the request's time")
}

fn broken(error: &PayloadError, headers: &HeaderMap) -> Problem {
    let marks = Marks::of(headers);
    let (request_id, trace_id) = (marks.request_id_text(), marks.trace_id(None));
    tracing::debug!(%error, request_id, trace_id, "a body broke off");
    invalid("the body ended early, or its framing is broken")
}

fn invalid(reason: &str) -> Problem {
    let end = reason.floor_char_boundary(MAX_DETAIL_BYTES);
    Problem::new(Code::InvalidRequest, reason[..end].to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pairs = pairs.iter().map(|(name, value)| {
            (header::HeaderName::from_static(name), header::HeaderValue::from_static(value))
        });
        pairs.collect()
    }

    #[test]
    fn json_is_taken_with_and_without_parameters() {
        for good in ["application/json", "Application/JSON; charset=utf-8", "application/json ;x=y"] {
            assert!(check_media_type(&headers(&[("content-type", good)])).is_ok(), "{good}");
        }
        for bad in ["", "text/plain", "application/json-seq", "application/x-www-form-urlencoded"] {
            let problem = check_media_type(&headers(&[("content-type", bad)])).unwrap_err();
            assert_eq!(problem.code(), Code::UnsupportedMediaType, "{bad}");
        }
        assert!(check_media_type(&headers(&[])).is_err());
    }

    #[test]
    fn compressed_bodies_are_refused() {
        let gzip = headers(&[("content-type", "application/json"), ("content-encoding", "gzip")]);
        assert_eq!(check_media_type(&gzip).unwrap_err().code(), Code::UnsupportedMediaType);
    }

    #[test]
    fn of_several_media_types_and_encodings_each_counts() {
        let json = ("content-type", "application/json");
        let is_taken = |pairs: &[_]| check_media_type(&headers(pairs)).is_ok();
        for (with, expected) in
            [(json, true), (("content-encoding", "identity"), true), (("content-type", "text/plain"), false)]
        {
            assert_eq!((is_taken(&[json, with]), is_taken(&[with, json])), (expected, expected), "{with:?}");
        }
        let (identity, gzip) = (("content-encoding", "identity"), ("content-encoding", "gzip"));
        assert!(!is_taken(&[json, identity, gzip]));
    }

    #[test]
    fn a_declared_length_is_judged_before_anything_is_read() {
        assert_eq!(declared_length(&headers(&[])).unwrap(), None);
        assert_eq!(declared_length(&headers(&[("content-length", "786432")])).unwrap(), Some(MAX_BODY_BYTES));
        for large in ["786433", "99999999999999999999999999"] {
            let problem = declared_length(&headers(&[("content-length", large)])).unwrap_err();
            assert_eq!(problem.code(), Code::PayloadTooLarge);
        }
    }

    #[test]
    fn only_objects_are_parsed() {
        assert!(parse::<Value>(b" {\"a\":1} ").is_ok());
        for bad in [&b"[1]"[..], b"\"x\"", b"", b"{", b"{}x", b"\xff"] {
            assert_eq!(parse::<Value>(bad).unwrap_err().code(), Code::InvalidRequest, "{bad:?}");
        }
    }

    #[actix_web::test]
    async fn a_long_reason_is_cut_at_a_character() {
        let problem = invalid(&format!("x{}", "ü".repeat(500)));
        assert_eq!(problem.code(), Code::InvalidRequest);
        let body = actix_web::body::to_bytes(problem.response().into_body()).await.unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["detail"], format!("x{}", "ü".repeat((MAX_DETAIL_BYTES - 1) / 2)));
    }
}
