//! Who may call, and what.
//!
//! ```text
//!  headers ─▶ credentials ─▶ digest ─▶ api_keys (ring) ─┬─▶ Caller ─▶ may it do this operation? ─▶ its name goes along
//!                                  └▶ jwt ─────────────┘
//! ```
//!
//! Off unless something is configured to know callers by. A key or a token is a secret of its owner: it stands in no log
//! line, no error and no `Debug`.

mod api_keys;
mod caller;
mod credentials;
mod digest;
#[cfg(test)]
mod fuzz;
mod jwt;
mod new_key;
mod ring;
mod scopes;

use std::sync::Arc;

use actix_web::http::header::HeaderMap;
use anyhow::Result;
use service::WallClock;
use service::settings::CallerSettings;
use tokio::time::Instant;

use crate::problem::{Code, Problem};
use crate::reload::Source;

pub(crate) use api_keys::ApiKeys;
pub(crate) use caller::Caller;
pub(crate) use jwt::{KeySet, Tokens, keep_fetched};
pub(crate) use new_key::command as new_key_command;

use credentials::{Credential, Unusable};
use digest::Digest;
use jwt::{Invalid, Refused};

/// What every challenge begins with.
const SCHEME: &str = r#"Bearer realm="api-gateway""#;

/// Knows callers by what they show.
#[derive(Debug)]
pub(crate) struct Authenticator {
    keys: Option<Arc<ApiKeys>>,
    tokens: Option<Tokens>,
}

impl Authenticator {
    /// The one that `settings` ask for; none if they ask for none. Tokens are over by `clock`.
    ///
    /// # Errors
    /// If what callers are known by cannot be read, or this processor cannot verify tokens.
    pub(crate) fn from_settings(settings: &CallerSettings, clock: WallClock) -> Result<Option<Arc<Self>>> {
        let keys = settings.api_keys_file.as_deref().map(ApiKeys::load).transpose()?;
        if let Some((keys, callers)) = keys.as_ref().map(ApiKeys::count) {
            tracing::info!(keys, callers, "callers are known by API keys");
        }
        let tokens = settings.jwt.as_ref().map(|jwt| Tokens::from_settings(jwt, clock)).transpose()?;
        if tokens.is_some() {
            tracing::info!("callers are known by tokens");
        }
        let asks = keys.is_some() || tokens.is_some();
        Ok(asks.then(|| Arc::new(Self { keys: keys.map(Arc::new), tokens })))
    }

    /// What is to be read again while the gateway runs.
    pub(crate) fn sources(&self) -> Vec<Arc<dyn Source>> {
        let keys = self.keys.iter().map(|keys| keys.clone() as Arc<dyn Source>);
        keys.chain(self.tokens.iter().filter_map(Tokens::source)).collect()
    }

    /// Keys of tokens that are to be fetched while the gateway runs.
    pub(crate) fn to_fetch(&self) -> Option<Arc<KeySet>> {
        self.tokens.as_ref().and_then(Tokens::to_fetch)
    }

    /// Who calls with `headers`. Waits, until `deadline` and a few seconds at most, only where a token is signed with a key
    /// that is not known.
    ///
    /// # Errors
    /// 401 if it is nobody that is known; 503 if that cannot be said of a token, for want of its issuer's keys.
    pub(crate) async fn authenticate(
        &self,
        headers: &HeaderMap,
        deadline: Instant,
    ) -> Result<Caller, Problem> {
        let credential = Credential::of(headers).map_err(unusable)?;
        let digest = Digest::of(credential.secret());
        if let Some(caller) = self.keys.as_ref().and_then(|keys| keys.find(&digest)) {
            return Ok(caller);
        }
        let Some(tokens) = self.tokens.as_ref().filter(|_| credential.may_be_token()) else {
            return Err(invalid("nobody is known by it"));
        };
        let caller = tokens.find(credential.secret(), digest, deadline).await.map_err(refused)?;
        // One name is one caller, whatever it shows.
        if self.keys.as_ref().is_some_and(|keys| keys.knows(caller.name())) {
            return Err(invalid("its subject has the name of somebody with an API key"));
        }
        Ok(caller)
    }
}

fn unusable(unusable: Unusable) -> Problem {
    match unusable {
        // Who shows nothing is told nothing but how to show something.
        Unusable::Nothing => Problem::new(
            Code::Unauthenticated,
            "send an API key or a token, as `authorization: Bearer …` or an API key as `x-api-key: …`",
        )
        .challenge(SCHEME),
        Unusable::Malformed(reason) => Problem::new(Code::Unauthenticated, reason)
            .challenge(format!(r#"{SCHEME}, error="invalid_request", error_description="{reason}""#)),
    }
}

fn refused(refused: Refused) -> Problem {
    match refused {
        Refused::Invalid(Invalid(reason)) => invalid(reason),
        Refused::NoKeys => Problem::new(
            Code::KeysUnavailable,
            "the keys of the token's issuer could not be fetched, so nobody can say whether it counts",
        )
        .retry_after(KeySet::RETRY_AFTER_SECONDS),
    }
}

fn invalid(reason: &'static str) -> Problem {
    Problem::new(Code::Unauthenticated, format!("the credential is not valid: {reason}"))
        .challenge(format!(r#"{SCHEME}, error="invalid_token", error_description="{reason}""#))
}
