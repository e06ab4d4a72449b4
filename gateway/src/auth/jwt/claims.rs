//! What a token says, and what it has to say.

use std::time::Duration;

use serde::Deserialize;

use super::Invalid;
use crate::auth::{Caller, scopes};

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

/// When a token counts: seconds since the Unix epoch, with the leeway in them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Valid {
    from: f64,
    /// The first moment at which it does not.
    until: f64,
}

impl Valid {
    pub(super) fn between(from: f64, until: f64) -> Self {
        Self { from, until }
    }

    /// Judges `now`, the time since the Unix epoch.
    ///
    /// # Errors
    /// If it is too early or too late.
    pub(super) fn judge(self, now: Duration) -> Result<(), Invalid> {
        let now = now.as_secs_f64();
        if now >= self.until {
            return Err(Invalid("it is over"));
        }
        if now < self.from {
            return Err(Invalid("it has not begun"));
        }
        Ok(())
    }
}

impl Expected {
    /// Who calls with these claims at `now`, the time since the Unix epoch, and when they may.
    ///
    /// # Errors
    /// If they are not what is expected.
    pub(super) fn judge(&self, claims: Claims, now: Duration) -> Result<(Caller, Valid), Invalid> {
        if claims.iss.as_ref() != Some(&self.issuer) {
            return Err(Invalid("it is from another issuer"));
        }
        if !claims.aud.is_some_and(|audience| audience.has(&self.audience)) {
            return Err(Invalid("it is for somebody else"));
        }
        let leeway = self.leeway.as_secs_f64();
        let ends = claims.exp.ok_or(Invalid("it says no end"))?;
        let begins = claims.nbf.unwrap_or(f64::NEG_INFINITY);
        let valid = Valid::between(begins - leeway, ends + leeway);
        valid.judge(now)?;
        let name = claims.sub.filter(|name| is_name(name)).ok_or(Invalid("it names nobody"))?;
        let said: Vec<_> = [claims.scope, claims.scp].into_iter().flatten().collect();
        // The others open nothing here. An issuer may have thousands, and this gateway remembers what is kept of them.
        let mut scopes = scopes::all();
        scopes.retain(|scope| said.iter().any(|texts| texts.has_word(scope)));
        Ok((Caller::new(name, scopes.into_iter().map(str::to_owned)), valid))
    }
}

impl Several {
    fn has(&self, wanted: &str) -> bool {
        match self {
            Self::One(text) => text == wanted,
            Self::Many(texts) => texts.iter().any(|text| text == wanted),
        }
    }

    fn has_word(&self, wanted: &str) -> bool {
        let has = |text: &String| text.split_ascii_whitespace().any(|word| word == wanted);
        match self {
            Self::One(text) => has(text),
            Self::Many(texts) => texts.iter().any(has),
        }
    }
}

/// One that can stand in a log line and a header as it is.
fn is_name(name: &str) -> bool {
    (1..=MAX_NAME_BYTES).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic())
}
