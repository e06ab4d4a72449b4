//! The client-credentials grant (RFC 6749, section 4.4).

use std::time::Duration;

use ::tls::{Authorities, TlsError};
use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use serde::Deserialize;
use tokio::time::timeout;
use web::{
    ExchangeError, Request, Server, StatusCode, Uri,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE},
};

use super::{Last, Token};
use crate::secure::{Aside, Password, SecretError};

/// Longest that one question may take, however much time a login has.
const LONGEST: Duration = Duration::from_secs(10);
/// No token needs more.
const MAX_ANSWER_BYTES: usize = 64 << 10;
/// What a token is taken to be good for if the server does not say.
const UNTOLD_LIFETIME: Duration = Duration::from_mins(5);
/// However long a token is said to be good.
const LONGEST_LIFETIME: Duration = Duration::from_hours(24);

/// An authorization server, and who we are there.
#[derive(Debug)]
pub struct Endpoint {
    server: Server,
    client_id: String,
    client_secret: Password,
    scope: Option<String>,
    last: Last,
}

/// Why there is no such endpoint, or no token from it.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// It is no address of a server that speaks HTTP. It is not shown, for there may be a secret in it.
    #[error("it is no http:// or https:// address")]
    Url,
    /// It holds a name or a password, which would stand in errors. It is not shown.
    #[error("the address may not hold a user name or a password")]
    NamedUrl,
    /// TLS cannot be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The secret cannot be read.
    #[error("{0}")]
    Secret(#[from] SecretError),
    /// The server cannot be reached, or does not speak HTTP as it should.
    #[error("{0}")]
    Exchange(#[from] ExchangeError),
    /// It answers with something else than a token.
    #[error("it answers {status}{error}")]
    Refused {
        /// The status.
        status: StatusCode,
        /// The error that it names, after a colon.
        error: String,
    },
    /// What it answers is not to be understood, or too long.
    #[error("its answer is not a token")]
    Unreadable,
    /// It did not answer in this time.
    #[error("it did not answer within {0:?}")]
    Timeout(Duration),
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    expires_in: Option<u64>,
}

#[derive(Default, Deserialize)]
struct Failed {
    #[serde(default)]
    error: String,
    #[serde(default)]
    error_description: String,
}

impl Endpoint {
    /// The server at `url`, whose certificate one of `authorities` has to have signed if that begins with `https`.
    ///
    /// # Errors
    /// The address is none or has an `@`, or TLS cannot be set up.
    pub fn new(
        url: &str,
        authorities: Authorities,
        client_id: impl Into<String>,
        client_secret: Password,
        scope: Option<String>,
    ) -> Result<Self, EndpointError> {
        if url.contains('@') {
            return Err(EndpointError::NamedUrl);
        }
        let uri = url.parse::<Uri>().ok().filter(|uri| uri.host().is_some());
        let uri = uri.filter(|uri| matches!(uri.scheme_str(), Some("http" | "https")));
        let uri = uri.ok_or(EndpointError::Url)?;
        let server = Server::at(uri, authorities)?;
        Ok(Self { server, client_id: client_id.into(), client_secret, scope, last: Last::default() })
    }

    /// Its address without its query, to be shown.
    pub(super) fn place(&self) -> String {
        self.server.place()
    }

    /// The last token, or a new one before its end, within `limit`: whoever else waits for it included.
    pub(super) async fn token(&self, aside: &Aside, limit: Duration) -> Result<String, EndpointError> {
        let limit = limit.min(LONGEST);
        let token = timeout(limit, self.last.or_fetch(self.fetch(aside))).await;
        // In tenths of a second: a reason that is the same each time is told once.
        token.map_err(|_| {
            EndpointError::Timeout(
                limit - Duration::from_nanos(u64::from(limit.subsec_nanos()) % 100_000_000),
            )
        })?
    }

    pub(super) fn forget(&self) {
        self.last.forget();
    }

    async fn fetch(&self, aside: &Aside) -> Result<Token, EndpointError> {
        let answer = self.ask(aside).await?;
        let status = answer.status();
        let body = answer.body(MAX_ANSWER_BYTES).await.map_err(|_| EndpointError::Unreadable)?;
        if !status.is_success() {
            let Failed { error, error_description } = serde_json::from_slice(&body).unwrap_or_default();
            let words: Vec<_> =
                [error, error_description].into_iter().filter(|word| !word.is_empty()).collect();
            let error = if words.is_empty() { String::new() } else { format!(": {}", words.join(", ")) };
            return Err(EndpointError::Refused { status, error });
        }
        let granted: Granted = serde_json::from_slice(&body).map_err(|_| EndpointError::Unreadable)?;
        let lifetime = granted.expires_in.map_or(UNTOLD_LIFETIME, Duration::from_secs).min(LONGEST_LIFETIME);
        Ok(Token::lasting(granted.access_token, lifetime))
    }

    async fn ask(&self, aside: &Aside) -> Result<web::Answer, EndpointError> {
        let mut form = "grant_type=client_credentials".to_owned();
        if let Some(scope) = &self.scope {
            form = format!("{form}&scope={}", escaped(scope));
        }
        let secret = self.client_secret.read(aside).await?;
        let named = format!("{}:{}", escaped(&self.client_id), escaped(&secret));
        let request = Request::builder()
            .method("POST")
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(AUTHORIZATION, format!("Basic {}", BASE64.encode(named)));
        Ok(self.server.ask(request, form).await?)
    }
}

/// As in a form.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}
