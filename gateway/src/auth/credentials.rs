//! What a request shows to say whose it is: `Authorization: Bearer …` or `X-API-Key: …`.

use std::fmt;

use actix_web::http::header::{self, HeaderMap};

/// Longest credential that is looked at, in bytes: tokens with many claims have a few thousand.
const MAX_BYTES: usize = 8 * 1024;

/// A secret as it was sent. Its `Debug` does not show it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Credential<'a> {
    secret: &'a str,
    may_be_token: bool,
}

/// Why a request shows nothing that could be looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unusable {
    /// There is nothing.
    Nothing,
    /// There is something; the words say what is wrong with it, and have no quotes in them.
    Malformed(&'static str),
}

impl<'a> Credential<'a> {
    /// The one that `headers` show.
    pub(super) fn of(headers: &'a HeaderMap) -> Result<Self, Unusable> {
        let mut authorizations = headers.get_all(header::AUTHORIZATION);
        let mut keys = headers.get_all("x-api-key");
        let (secret, may_be_token) = match (authorizations.next(), keys.next()) {
            (None, None) => return Err(Unusable::Nothing),
            (Some(_), Some(_)) => return Err(Unusable::Malformed("two headers say who calls; send one")),
            (Some(value), None) => (bearer(value.as_bytes())?, true),
            (None, Some(value)) => (value.as_bytes(), false),
        };
        if authorizations.next().is_some() || keys.next().is_some() {
            return Err(Unusable::Malformed("the header is there twice; send it once"));
        }
        let is_visible = !secret.is_empty() && secret.iter().all(u8::is_ascii_graphic);
        match str::from_utf8(secret) {
            Ok(_) if secret.len() > MAX_BYTES => Err(Unusable::Malformed("the credential is too long")),
            Ok(secret) if is_visible => Ok(Self { secret, may_be_token }),
            _ => Err(Unusable::Malformed("the credential is empty, or has characters that none has")),
        }
    }

    /// The secret itself.
    pub(super) fn secret(self) -> &'a str {
        self.secret
    }

    /// Whether it was sent as tokens are, and not as an API key alone.
    pub(super) fn may_be_token(self) -> bool {
        self.may_be_token
    }
}

impl fmt::Debug for Credential<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Credential(***)")
    }
}

/// What stands behind `Bearer`, which may be written in any case.
fn bearer(value: &[u8]) -> Result<&[u8], Unusable> {
    const SCHEME: &[u8] = b"bearer ";
    match value.split_at_checked(SCHEME.len()) {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case(SCHEME) => Ok(rest.trim_ascii()),
        _ => Err(Unusable::Malformed("the scheme has to be Bearer")),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};

    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    #[test]
    fn both_headers_are_understood() {
        for pair in
            [("authorization", "Bearer abc"), ("authorization", "bEARER   abc "), ("x-api-key", "abc")]
        {
            assert_eq!(Credential::of(&headers(&[pair])).unwrap().secret(), "abc", "{pair:?}");
        }
    }

    #[test]
    fn nothing_and_nonsense_are_told_apart() {
        assert_eq!(Credential::of(&headers(&[])), Err(Unusable::Nothing));
        let long = "x".repeat(MAX_BYTES + 1);
        for nonsense in [
            vec![("authorization", "Basic YWJj")],
            vec![("authorization", "Bearer")],
            vec![("authorization", "Bearer ")],
            vec![("authorization", "Bearer a b")],
            vec![("x-api-key", "")],
            vec![("x-api-key", long.as_str())],
            vec![("x-api-key", "abc"), ("authorization", "Bearer abc")],
            vec![("x-api-key", "abc"), ("x-api-key", "abc")],
            vec![("authorization", "Bearer abc"), ("authorization", "Bearer abc")],
        ] {
            let shown = headers(&nonsense);
            assert!(matches!(Credential::of(&shown), Err(Unusable::Malformed(_))), "{nonsense:?}");
        }
        let mut binary = HeaderMap::new();
        binary.insert(header::AUTHORIZATION, HeaderValue::from_bytes(b"Bearer \xff").unwrap());
        assert!(matches!(Credential::of(&binary), Err(Unusable::Malformed(_))));
    }

    #[test]
    fn debug_shows_no_secret() {
        assert_eq!(format!("{:?}", Credential { secret: "hunter2", may_be_token: true }), "Credential(***)");
    }
}
