//! What a token says, and what it has to say.

use std::time::Duration;

use serde::Deserialize;

use super::Invalid;
use crate::auth::Caller;

/// Longest name of a caller, in bytes.
const MAX_NAME_BYTES: usize = 255;

/// The claims that count. Times are seconds since the Unix epoch, fractions allowed.
#[derive(Deserialize)]
pub(super) struct Claims {
    iss: Option<String>,
    aud: Option<Several>,
    sub: Option<String>,
    exp: Option<f64>,
    nbf: Option<f64>,
    /// By RFC 8693, words in one text.
    scope: Option<Several>,
    /// The same by another name, as some issuers have it.
    scp: Option<Several>,
}

/// One text, or a list of texts.
#[derive(Deserialize)]
#[serde(untagged)]
enum Several {
    One(String),
    Many(Vec<String>),
}

/// What a token has to say to count.
#[derive(Debug, Clone)]
pub(super) struct Expected {
    pub(super) issuer: String,
    pub(super) audience: String,
    /// How far clocks may be apart.
    pub(super) leeway: Duration,
}

impl Expected {
    /// Who calls with these claims at `now`, the time since the Unix epoch.
    ///
    /// # Errors
    /// If they are not what is expected.
    pub(super) fn judge(&self, claims: Claims, now: Duration) -> Result<Caller, Invalid> {
        if claims.iss.as_ref() != Some(&self.issuer) {
            return Err(Invalid("it is from another issuer"));
        }
        if !claims.aud.is_some_and(|audience| audience.has(&self.audience)) {
            return Err(Invalid("it is for somebody else"));
        }
        let (now, leeway) = (now.as_secs_f64(), self.leeway.as_secs_f64());
        let ends = claims.exp.ok_or(Invalid("it says no end"))?;
        if now >= ends + leeway {
            return Err(Invalid("it is over"));
        }
        if claims.nbf.is_some_and(|begins| now + leeway < begins) {
            return Err(Invalid("it has not begun"));
        }
        let name = claims.sub.filter(|name| is_name(name)).ok_or(Invalid("it names nobody"))?;
        let scopes = [claims.scope, claims.scp].into_iter().flatten();
        Ok(Caller::new(name, scopes.flat_map(Several::words)))
    }
}

impl Several {
    fn has(&self, wanted: &str) -> bool {
        match self {
            Self::One(text) => text == wanted,
            Self::Many(texts) => texts.iter().any(|text| text == wanted),
        }
    }

    fn words(self) -> Vec<String> {
        let texts = match self {
            Self::One(text) => vec![text],
            Self::Many(texts) => texts,
        };
        texts.iter().flat_map(|text| text.split_ascii_whitespace()).map(str::to_owned).collect()
    }
}

/// One that can stand in a log line and a header as it is.
fn is_name(name: &str) -> bool {
    (1..=MAX_NAME_BYTES).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic())
}
