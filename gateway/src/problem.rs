//! Errors as RFC 9457 problem details: the one place where an outcome becomes a status code.

use std::borrow::Cow;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName};
use serde::Serialize;

/// What went wrong, by the stable `code` that callers program against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    /// The body is no JSON, or a field is missing or of the wrong type.
    InvalidRequest,
    /// Nothing shows who calls, or nobody is known by what it shows.
    Unauthenticated,
    /// The caller is known and may not do this.
    Forbidden,
    /// The path is unknown.
    NotFound,
    /// The path exists, the method does not.
    MethodNotAllowed,
    /// The body did not arrive before the request's deadline.
    RequestTimeout,
    /// The body is larger than the limit, or the record larger than its topic takes.
    PayloadTooLarge,
    /// The body is not declared as JSON, or it is compressed.
    UnsupportedMediaType,
    /// A worker rejected the request for the caller's fault.
    WorkerRejected,
    /// The caller has or wants more than its share.
    RateLimited,
    /// A worker failed for its own fault.
    WorkerFailed,
    /// A reply came that contradicts itself.
    BadReply,
    /// Too much is pending, in number or in bytes.
    Overloaded,
    /// Kafka cannot be reached and the request was not handed to it.
    KafkaUnavailable,
    /// No worker is in the group.
    NoWorkers,
    /// A token is shown, and the keys that would tell whether it counts could not be fetched.
    KeysUnavailable,
    /// This gateway is going away and takes nothing new.
    ShuttingDown,
    /// No reply by the deadline; the request was written, or perhaps written.
    OutcomeUnknown,
}

impl Code {
    /// All codes, in the order of their status.
    pub const ALL: [Self; 18] = [
        Self::InvalidRequest,
        Self::Unauthenticated,
        Self::Forbidden,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::RequestTimeout,
        Self::PayloadTooLarge,
        Self::UnsupportedMediaType,
        Self::WorkerRejected,
        Self::RateLimited,
        Self::WorkerFailed,
        Self::BadReply,
        Self::Overloaded,
        Self::KafkaUnavailable,
        Self::NoWorkers,
        Self::KeysUnavailable,
        Self::ShuttingDown,
        Self::OutcomeUnknown,
    ];

    /// The stable text of `code`.
    pub const fn text(self) -> &'static str {
        self.row().0
    }

    /// The HTTP status.
    pub const fn status(self) -> StatusCode {
        self.row().1
    }

    /// What is the same for every occurrence.
    pub const fn title(self) -> &'static str {
        self.row().2
    }

    /// Whether sending the same request again is safe because nothing of it was handed to Kafka.
    pub const fn retry_safe(self) -> bool {
        matches!(self.status(), StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS)
    }

    const fn row(self) -> (&'static str, StatusCode, &'static str) {
        match self {
            Self::InvalidRequest => ("invalid_request", StatusCode::BAD_REQUEST, "The request is not valid"),
            Self::Unauthenticated => {
                ("unauthenticated", StatusCode::UNAUTHORIZED, "It is not known who calls")
            }
            Self::Forbidden => ("forbidden", StatusCode::FORBIDDEN, "The caller may not do this"),
            Self::NotFound => ("not_found", StatusCode::NOT_FOUND, "There is nothing here"),
            Self::MethodNotAllowed => {
                ("method_not_allowed", StatusCode::METHOD_NOT_ALLOWED, "The method is not allowed")
            }
            Self::RequestTimeout => {
                ("request_timeout", StatusCode::REQUEST_TIMEOUT, "The body did not arrive in time")
            }
            Self::PayloadTooLarge => {
                ("payload_too_large", StatusCode::PAYLOAD_TOO_LARGE, "The request is too large")
            }
            Self::UnsupportedMediaType => {
                ("unsupported_media_type", StatusCode::UNSUPPORTED_MEDIA_TYPE, "The body is not plain JSON")
            }
            Self::WorkerRejected => {
                ("worker_rejected", StatusCode::UNPROCESSABLE_ENTITY, "The worker rejected the request")
            }
            Self::RateLimited => {
                ("rate_limited", StatusCode::TOO_MANY_REQUESTS, "The caller is over its share")
            }
            Self::WorkerFailed => ("worker_failed", StatusCode::BAD_GATEWAY, "The worker failed"),
            Self::BadReply => ("bad_reply", StatusCode::BAD_GATEWAY, "The reply cannot be trusted"),
            Self::Overloaded => {
                ("overloaded", StatusCode::SERVICE_UNAVAILABLE, "Too many requests are pending")
            }
            Self::KafkaUnavailable => {
                ("kafka_unavailable", StatusCode::SERVICE_UNAVAILABLE, "Kafka cannot be reached")
            }
            Self::NoWorkers => ("no_workers", StatusCode::SERVICE_UNAVAILABLE, "No worker is running"),
            Self::KeysUnavailable => {
                ("keys_unavailable", StatusCode::SERVICE_UNAVAILABLE, "The keys of tokens cannot be fetched")
            }
            Self::ShuttingDown => {
                ("shutting_down", StatusCode::SERVICE_UNAVAILABLE, "This gateway is shutting down")
            }
            Self::OutcomeUnknown => ("outcome_unknown", StatusCode::GATEWAY_TIMEOUT, "No reply came in time"),
        }
    }
}

/// One occurrence of an error, ready to be answered.
#[derive(Debug)]
pub(crate) struct Problem {
    code: Code,
    detail: Cow<'static, str>,
    id: Option<String>,
    retry_after_seconds: Option<u32>,
    allow: Option<&'static str>,
    headers: Vec<(HeaderName, String)>,
}

impl Problem {
    /// An occurrence of `code`; `detail` tells this caller what happened and what to do.
    pub(crate) fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            detail: detail.into(),
            id: None,
            retry_after_seconds: None,
            allow: None,
            headers: Vec::new(),
        }
    }

    /// Names the request that it is about.
    #[must_use]
    pub(crate) fn about(mut self, id: impl ToString) -> Self {
        self.id = Some(id.to_string());
        self
    }

    /// Adds `Retry-After`, in whole seconds.
    #[must_use]
    pub(crate) fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after_seconds = Some(seconds);
        self
    }

    /// Adds `Allow`.
    #[must_use]
    pub(crate) fn allow(mut self, methods: &'static str) -> Self {
        self.allow = Some(methods);
        self
    }

    /// Adds `WWW-Authenticate`.
    #[must_use]
    pub(crate) fn challenge(self, challenge: impl Into<String>) -> Self {
        self.header(header::WWW_AUTHENTICATE, challenge.into())
    }

    /// Adds a header.
    #[must_use]
    pub(crate) fn header(mut self, name: HeaderName, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The request that it is about, if that had a name.
    pub(crate) fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// Which error it is.
    pub(crate) fn code(&self) -> Code {
        self.code
    }

    /// The answer.
    pub(crate) fn response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.code.status());
        response.content_type("application/problem+json");
        if let Some(seconds) = self.retry_after_seconds {
            response.insert_header((header::RETRY_AFTER, seconds));
        }
        if let Some(methods) = self.allow {
            response.insert_header((header::ALLOW, methods));
        }
        for (name, value) in &self.headers {
            response.insert_header((name, value.as_str()));
        }
        response.json(Details {
            r#type: format!("urn:api-gateway:problem:{}", self.code.text()),
            title: self.code.title(),
            status: self.code.status().as_u16(),
            detail: &self.detail,
            code: self.code.text(),
            retry_safe: self.code.retry_safe(),
            id: self.id.as_deref(),
        })
    }
}

#[derive(Serialize)]
struct Details<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    code: &'a str,
    retry_safe: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
}

#[cfg(test)]
mod tests {
    use actix_web::body::to_bytes;

    use super::*;

    #[actix_web::test]
    async fn a_problem_is_answered_as_problem_json() {
        let problem = Problem::new(Code::NoWorkers, "start one").about("x-1").retry_after(1);
        let response = problem.response();
        assert_eq!(response.status(), 503);
        let header = |name| response.headers().get(name).unwrap().to_str().unwrap();
        assert_eq!(header(header::CONTENT_TYPE), "application/problem+json");
        assert_eq!(header(header::RETRY_AFTER), "1");
        let body = to_bytes(response.into_body()).await.unwrap();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        let expected = serde_json::json!({
            "type": "urn:api-gateway:problem:no_workers", "title": "No worker is running", "status": 503,
            "detail": "start one", "code": "no_workers", "retry_safe": true, "id": "x-1",
        });
        assert_eq!(body, expected);
    }

    #[test]
    fn only_what_was_never_handed_over_is_safe_to_retry() {
        let safe: Vec<_> =
            Code::ALL.iter().filter(|code| code.retry_safe()).map(|code| code.text()).collect();
        let unavailable =
            ["overloaded", "kafka_unavailable", "no_workers", "keys_unavailable", "shutting_down"];
        assert_eq!(safe, [&["rate_limited"], &unavailable[..]].concat());
    }
}
