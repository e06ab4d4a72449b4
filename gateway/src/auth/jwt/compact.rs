//! The compact form: `header.claims.signature`, each in base64url.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Deserializer};

use super::Invalid;
use super::algorithm::Algorithm;
use super::claims::Claims;

/// A token in its parts. Nothing of it is to be believed before its signature was verified.
pub(super) struct Compact<'a> {
    signed: &'a str,
    claims: &'a str,
    signature: Vec<u8>,
    header: Header,
}

/// What counts of a header. Keys that it brings along, or says where to find (`jwk`, `jku`, `x5c`, `x5u`), are the
/// sender's own and count for nothing.
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    /// Whether there are extensions that a reader has to understand. There is none that this one does.
    #[serde(default, rename = "crit", deserialize_with = "is_there")]
    has_extensions: bool,
}

/// Whatever it is, `null` included.
fn is_there<'de, D: Deserializer<'de>>(value: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(value).map(|_| true)
}

impl<'a> Compact<'a> {
    /// Takes `text` apart.
    ///
    /// # Errors
    /// If it is no token.
    pub(super) fn parse(text: &'a str) -> Result<Self, Invalid> {
        const NO_TOKEN: Invalid = Invalid("it is neither a key nor a token");
        let (signed, signature) = text.rsplit_once('.').ok_or(NO_TOKEN)?;
        let (header, claims) = signed.split_once('.').ok_or(NO_TOKEN)?;
        let header = decode(header).ok_or(NO_TOKEN)?;
        let header: Header = object(&header).ok_or(NO_TOKEN)?;
        if header.has_extensions {
            return Err(Invalid("it demands extensions that are not understood here"));
        }
        Ok(Self { signed, claims, signature: decode(signature).ok_or(NO_TOKEN)?, header })
    }

    /// The algorithm that it says it was signed with, if that is one.
    pub(super) fn algorithm(&self) -> Option<Algorithm> {
        Algorithm::named(&self.header.alg)
    }

    /// The name of the key that it says it was signed with.
    pub(super) fn key_id(&self) -> Option<&str> {
        self.header.kid.as_deref()
    }

    /// What the signature is of.
    pub(super) fn signed(&self) -> &[u8] {
        self.signed.as_bytes()
    }

    pub(super) fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// What it says, to be asked for once it was verified.
    ///
    /// # Errors
    /// If that cannot be read.
    pub(super) fn claims(&self) -> Result<Claims, Invalid> {
        let claims = decode(self.claims).and_then(|json| object(&json));
        claims.ok_or(Invalid("its claims cannot be read"))
    }
}

/// Strictly: no padding, no bits left over, so that one token has one form.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// A JSON object; serde alone would read a struct from an array as well.
fn object<T: DeserializeOwned>(json: &[u8]) -> Option<T> {
    json.trim_ascii_start().starts_with(b"{").then(|| serde_json::from_slice(json).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_objects_count() {
        let parse = |header: &str| {
            let token = format!("{}.{}.", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode("[null]"));
            Compact::parse(&token).map(|token| (token.algorithm(), token.claims().is_ok()))
        };
        assert_eq!(parse(r#" {"alg":"RS256"}"#), Ok((Some(Algorithm::Rs256), false)));
        for header in
            [r#"["RS256",null,null]"#, r#""RS256""#, "null", "", "{", r#"{"alg":"RS256","alg":"RS256"}"#]
        {
            assert!(parse(header).is_err(), "{header}");
        }
    }
}
