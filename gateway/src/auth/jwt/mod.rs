//! JSON Web Tokens: signed by somebody whom the gateway trusts, for this gateway, and not yet over.
//!
//! ```text
//!  token ─▶ compact (three parts, header, claims) ─▶ key_set (whose key?) ─▶ public_key (is it signed?) ─▶ claims (for us? now?)
//! ```
//!
//! Signatures by public keys alone. Which algorithms count is a setting, and a key's own kind has to go with the
//! algorithm: what a token says of itself chooses among these and nothing else.

mod algorithm;
mod claims;
mod compact;
mod fetch;
mod key_set;
mod keys;
mod public_key;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use service::WallClock;
use service::settings::JwtSettings;
use tokio::time::Instant;

use super::Caller;
use crate::reload::Source;

use algorithm::Algorithm;
use claims::Expected;
use compact::Compact;

pub(crate) use key_set::{Fetching, KeySet};

/// Knows callers by tokens.
#[derive(Debug)]
pub(super) struct Tokens {
    algorithms: Vec<Algorithm>,
    expected: Expected,
    keys: Arc<KeySet>,
    clock: WallClock,
}

/// Why a token counts for nothing. Its text is for the caller and has no quotes in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct Invalid(pub(super) &'static str);

impl Tokens {
    /// What `settings` ask for.
    ///
    /// # Errors
    /// If this processor cannot verify signatures, or the keys are in a file that cannot be used.
    pub(super) fn from_settings(settings: &JwtSettings, clock: WallClock) -> Result<Self> {
        tls::check_processor().context("tokens cannot be verified")?;
        let algorithms = settings.algorithms.iter().filter_map(|name| Algorithm::named(name)).collect();
        let keys = Arc::new(KeySet::at(&settings.keys, settings.keys_authorities.as_deref())?);
        let expected = Expected {
            issuer: settings.issuer.clone(),
            audience: settings.audience.clone(),
            leeway: settings.leeway,
        };
        Ok(Self { algorithms, expected, keys, clock })
    }

    /// What is to be read again while the gateway runs.
    pub(super) fn source(&self) -> Option<Arc<dyn Source>> {
        self.keys.is_file().then(|| self.keys.clone() as Arc<dyn Source>)
    }

    /// The keys, if somebody has to fetch them.
    pub(super) fn to_fetch(&self) -> Option<Arc<KeySet>> {
        (!self.keys.is_file()).then(|| self.keys.clone())
    }

    /// Whose token `text` is. Waits, until `deadline` at most, where its key is not known.
    ///
    /// # Errors
    /// If it counts for nothing.
    pub(super) async fn find(&self, text: &str, deadline: Instant) -> Result<Caller, Invalid> {
        let token = Compact::parse(text)?;
        let algorithm = token.algorithm().filter(|named| self.algorithms.contains(named));
        let algorithm = algorithm.ok_or(Invalid("its algorithm is none that counts here"))?;
        let key = match self.keys.find(token.key_id(), algorithm) {
            Some(key) => key,
            // The issuer may have begun to sign with a new key.
            None => {
                self.keys.renewed(deadline).await;
                self.keys.find(token.key_id(), algorithm).ok_or(Invalid("its key is not known"))?
            }
        };
        key.verify(algorithm, token.signed(), token.signature())?;
        let now = u64::try_from(self.clock.now().timestamp()).unwrap_or(0);
        self.expected.judge(token.claims()?, Duration::from_secs(now))
    }
}
