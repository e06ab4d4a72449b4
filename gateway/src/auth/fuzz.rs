//! What callers show, and the file that they are known by.

use std::collections::HashSet;

use actix_web::http::StatusCode;
use actix_web::http::header::{AUTHORIZATION, HeaderValue, WWW_AUTHENTICATE};
use fuzz::Target;

use super::credentials::{Credential, Unusable};
use super::digest::Digest;
use super::ring::Ring;
use super::{Caller, SCHEME, unusable};
use crate::http::fuzz::headers;

/// Headers in lines `name: value`.
#[test]
fn fuzz_credential() {
    Target::new("credential").run(|input| {
        let headers = headers(input);
        let sent = [AUTHORIZATION.as_str(), "x-api-key"].map(|name| headers.get_all(name).count());
        match Credential::of(&headers) {
            Ok(credential) => {
                let secret = credential.secret().as_bytes();
                assert!(!secret.is_empty() && secret.iter().all(u8::is_ascii_graphic));
                let is_bearer = credential.may_be_token();
                let (name, expected) =
                    if is_bearer { (AUTHORIZATION.as_str(), [1, 0]) } else { ("x-api-key", [0, 1]) };
                assert_eq!(sent, expected);
                let shown = headers.get(name).map(HeaderValue::as_bytes).unwrap();
                assert!(shown.trim_ascii().ends_with(secret));
            }
            Err(reason) => {
                assert_eq!(reason == Unusable::Nothing, sent == [0, 0]);
                let refusal = unusable(reason).response();
                assert_eq!(refusal.status(), StatusCode::UNAUTHORIZED);
                let challenge = refusal.headers().get(WWW_AUTHENTICATE).unwrap();
                assert!(challenge.to_str().unwrap().starts_with(SCHEME));
            }
        }
    });
}

/// The file as somebody edits it.
#[test]
fn fuzz_api_keys() {
    Target::new("api-keys").run(|input| {
        let text = String::from_utf8_lossy(input);
        match Ring::parse(&text) {
            Ok(ring) => assert_all_are_in(&ring, &text),
            Err(error) => {
                // What is long enough to be a key or a digest stands in no error.
                let (shown, mut words) = (format!("{error:#}"), text.split_whitespace());
                assert!(words.all(|word| word.len() < 16 || !shown.contains(word)), "{shown}");
            }
        }
    });
}

/// Each line that is one of a key, and no other.
fn assert_all_are_in(ring: &Ring, text: &str) {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let (mut keys, mut names) = (0, HashSet::new());
    for line in lines.filter(|line| *line != "nobody") {
        let mut words = line.split_whitespace();
        let (name, digest) = (words.next().unwrap(), Digest::parse(words.next().unwrap()).unwrap());
        let caller = Caller::new(name, words.map(str::to_owned));
        assert_eq!(ring.find(&digest), Some(&caller));
        assert!(ring.knows(name));
        keys += 1;
        names.insert(name);
    }
    assert_eq!((ring.keys(), ring.names()), (keys, names.len()));
}
