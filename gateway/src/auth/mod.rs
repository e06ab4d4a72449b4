//! Who may call, and what.
//!
//! ```text
//!  headers ─▶ credentials ─▶ api_keys  ─▶ Caller ─▶ may it do this operation? ─▶ its name goes along
//! ```
//!
//! Off unless something is configured to know callers by. A key is a secret of its owner: it is compared by its hash,
//! and stands in no log line, no error and no `Debug`.

mod api_keys;
mod caller;
mod credentials;
mod new_key;

use std::sync::Arc;

use actix_web::http::header::HeaderMap;
use anyhow::Result;
use service::settings::CallerSettings;

use crate::problem::{Code, Problem};
use crate::reload::Source;

pub(crate) use caller::Caller;
pub(crate) use new_key::command as new_key_command;

use api_keys::ApiKeys;
use credentials::{Credential, Unusable};

/// What every challenge begins with.
const SCHEME: &str = r#"Bearer realm="api-gateway""#;

/// Knows callers by what they show.
#[derive(Debug)]
pub(crate) struct Authenticator {
    keys: Arc<ApiKeys>,
}

impl Authenticator {
    /// The one that `settings` ask for; none if they ask for none.
    ///
    /// # Errors
    /// If what callers are known by cannot be read.
    pub(crate) fn from_settings(settings: &CallerSettings) -> Result<Option<Arc<Self>>> {
        let Some(file) = &settings.api_keys_file else { return Ok(None) };
        Ok(Some(Arc::new(Self { keys: Arc::new(ApiKeys::load(file)?) })))
    }

    /// What is to be read again while the gateway runs.
    pub(crate) fn sources(&self) -> Vec<Arc<dyn Source>> {
        vec![self.keys.clone()]
    }

    /// Who calls with `headers`.
    ///
    /// # Errors
    /// 401 if it is nobody that is known.
    pub(crate) fn authenticate(&self, headers: &HeaderMap) -> Result<Caller, Problem> {
        let credential = Credential::of(headers).map_err(unusable)?;
        self.keys.find(credential.secret()).ok_or_else(|| invalid("nobody is known by it"))
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

fn invalid(reason: &'static str) -> Problem {
    Problem::new(Code::Unauthenticated, format!("the credential is not valid: {reason}"))
        .challenge(format!(r#"{SCHEME}, error="invalid_token", error_description="{reason}""#))
}
