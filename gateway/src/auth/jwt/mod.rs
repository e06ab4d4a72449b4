//! JSON Web Tokens: signed by somebody whom the gateway trusts, for this gateway, and not yet over.
//!
//! ```text
//!  token ─▶ compact (three parts, header, claims) ─▶ key_set (whose key?) ─▶ public_key (is it signed?) ─▶ claims (for us? now?)
//!        └▶ verified (was all that so a moment ago?)
//! ```
//!
//! Signatures by public keys alone. Which algorithms count is a setting, and a key's own kind has to go with the
//! algorithm: what a token says of itself chooses among these and nothing else.

mod algorithm;
mod claims;
mod compact;
mod fetch;
mod fetching;
mod key_set;
mod keys;
mod public_key;
mod renewal;
mod verified;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use service::WallClock;
use service::settings::JwtSettings;
use tokio::time::Instant;

use super::Caller;
use super::digest::Digest;
use crate::reload::Source;

use algorithm::Algorithm;
use claims::Expected;
use compact::Compact;
use verified::Verified;

pub(crate) use fetching::keep_fetched;
pub(crate) use key_set::KeySet;

/// Knows callers by tokens.
#[derive(Debug)]
pub(crate) struct Tokens {
    algorithms: Vec<Algorithm>,
    expected: Expected,
    keys: Arc<KeySet>,
    verified: Verified,
    clock: WallClock,
}

/// Why a token counts for nothing. Its text is for the caller and has no quotes in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct Invalid(pub(super) &'static str);

/// Why nobody is known by a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// It counts for nothing.
    Invalid(Invalid),
    /// It may count, and the keys to tell by could not be fetched.
    NoKeys,
}

impl From<Invalid> for Refused {
    fn from(invalid: Invalid) -> Self {
        Self::Invalid(invalid)
    }
}

impl Tokens {
    /// What `settings` ask for.
    ///
    /// # Errors
    /// If this processor cannot verify signatures, or the keys are in a file that cannot be used.
    pub(crate) fn from_settings(settings: &JwtSettings, clock: WallClock) -> Result<Self> {
        tls::check_processor().context("tokens cannot be verified")?;
        let algorithms = settings.algorithms.iter().filter_map(|name| Algorithm::named(name)).collect();
        let keys = Arc::new(KeySet::at(&settings.keys, settings.keys_authorities.as_deref())?);
        let expected = Expected {
            issuer: settings.issuer.clone(),
            audience: settings.audience.clone(),
            leeway: settings.leeway,
        };
        Ok(Self { algorithms, expected, keys, verified: Verified::default(), clock })
    }

    /// What is to be read again while the gateway runs.
    pub(super) fn source(&self) -> Option<Arc<dyn Source>> {
        self.keys.is_file().then(|| self.keys.clone() as Arc<dyn Source>)
    }

    /// How many keys there are, and the names of those that can verify tokens; none for one without.
    pub(crate) fn key_names(&self) -> (usize, Vec<Option<String>>) {
        let keys = self.keys.current();
        let names = keys.names(&self.algorithms);
        (keys.len(), names.into_iter().map(|name| name.map(str::to_owned)).collect())
    }

    /// The keys, if somebody has to fetch them.
    pub(crate) fn to_fetch(&self) -> Option<Arc<KeySet>> {
        (!self.keys.is_file()).then(|| self.keys.clone())
    }

    /// Whose token `text` is, which has this digest. Waits, until `deadline` at most, where its key is not known.
    ///
    /// # Errors
    /// If it counts for nothing, or that cannot be said.
    pub(super) async fn find(
        &self,
        text: &str,
        digest: Digest,
        deadline: Instant,
    ) -> Result<Caller, Refused> {
        let mut keys = self.keys.current();
        if let Some(caller) = self.verified.find(&digest, &keys, self.now()) {
            return Ok(caller);
        }
        let token = Compact::parse(text)?;
        let algorithm = token.algorithm().filter(|named| self.algorithms.contains(named));
        let algorithm = algorithm.ok_or(Invalid("its algorithm is none that counts here"))?;
        let mut key = keys.find(token.key_id(), algorithm);
        let mut are_known = true;
        if key.is_none() {
            // The issuer may have begun to sign with a new key.
            are_known = self.keys.renewed(deadline).await;
            keys = self.keys.current();
            key = keys.find(token.key_id(), algorithm);
        }
        let Some(key) = key else {
            let lacking = !are_known || self.keys.are_lacking();
            return Err(if lacking { Refused::NoKeys } else { Invalid("its key is not known").into() });
        };
        key.verify(algorithm, token.signed(), token.signature())?;
        let (caller, valid) = self.expected.judge(token.claims()?, self.now())?;
        self.verified.keep(digest, &keys, caller.clone(), valid);
        Ok(caller)
    }

    /// Time since the Unix epoch.
    fn now(&self) -> Duration {
        Duration::from_secs(u64::try_from(self.clock.now().timestamp()).unwrap_or(0))
    }
}
