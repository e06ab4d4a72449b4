//! Where tokens for OAUTHBEARER come from.

mod endpoint;

use std::{fmt, time::Duration};

use tokio::{sync::Mutex, time::Instant};

pub use endpoint::{Endpoint, EndpointError};

use super::{Aside, SecretFile, sasl::Refusal};

/// So much of a token's life is used. A session that ends with its token is renewed later than that (see `session`), so
/// that a new session always comes with a new token.
const USED: f64 = 0.8;

/// A source of tokens.
#[derive(Debug)]
pub enum TokenSource {
    /// A file that somebody keeps fresh. It is read at each login.
    File(SecretFile),
    /// An authorization server, asked for a new token before the last one ends.
    Endpoint(Box<Endpoint>),
}

/// The last token that was fetched.
#[derive(Default)]
struct Last(Mutex<Option<Token>>);

/// A token and how long it is good.
struct Token {
    text: String,
    renew_at: Instant,
}

impl TokenSource {
    /// A token for a login now. A new one has to be there within `limit`.
    pub(super) async fn token(&self, aside: &Aside, limit: Duration) -> Result<String, Refusal> {
        match self {
            Self::File(file) => file.read(aside).await.map_err(|error| error.to_string()),
            Self::Endpoint(endpoint) => {
                let token = endpoint.token(aside, limit).await;
                token.map_err(|error| format!("no token from {}: {error}", endpoint.place()))
            }
        }
    }

    /// Forgets the last token, so that the next is a new one.
    pub(super) fn forget(&self) {
        if let Self::Endpoint(endpoint) = self {
            endpoint.forget();
        }
    }
}

impl Last {
    fn forget(&self) {
        // While somebody holds it a new one is on its way.
        if let Ok(mut last) = self.0.try_lock() {
            *last = None;
        }
    }

    /// The last token while it is good enough, else a new one. Those who ask together ask once.
    async fn or_fetch<E>(&self, fetch: impl Future<Output = Result<Token, E>>) -> Result<String, E> {
        let mut last = self.0.lock().await;
        if let Some(token) = last.as_ref().filter(|token| Instant::now() < token.renew_at) {
            return Ok(token.text.clone());
        }
        Ok(last.insert(fetch.await?).text.clone())
    }
}

impl Token {
    /// One that is good for `lifetime` from now.
    fn lasting(text: String, lifetime: Duration) -> Self {
        Self { text, renew_at: Instant::now() + lifetime.mul_f64(USED) }
    }
}

impl fmt::Debug for Last {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}

#[cfg(test)]
mod tests;
