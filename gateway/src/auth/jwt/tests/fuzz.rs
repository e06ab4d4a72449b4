//! Tokens before anybody has verified them, and the keys that they are verified by.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use der::Decode as _;
use der::asn1::AnyRef;
use fuzz::{Target, parts};
use serde_json::Value;
use service::settings::JwtSettings;

use super::{LEEWAY, NOW};
use crate::auth::jwt::Invalid;
use crate::auth::jwt::algorithm::Algorithm;
use crate::auth::jwt::claims::Expected;
use crate::auth::jwt::compact::{Compact, decode};
use crate::auth::jwt::keys::Keys;
use crate::auth::jwt::public_key::PublicKey;

fn encoded(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A token as it is sent: whatever its parts are, it has no second form.
#[test]
fn fuzz_token() {
    Target::new("token").run(|input| {
        let text = String::from_utf8_lossy(input);
        match Compact::parse(&text) {
            Ok(token) => {
                let signed = str::from_utf8(token.signed()).unwrap();
                assert_eq!(format!("{signed}.{}", encoded(token.signature())), text);
                let (header, claims) = signed.split_once('.').unwrap();
                assert_eq!(decode(header).map(|header| encoded(&header)).as_deref(), Some(header));
                if token.claims().is_ok() {
                    assert_eq!(decode(claims).map(|claims| encoded(&claims)).as_deref(), Some(claims));
                }
            }
            Err(Invalid(reason)) => assert!(!reason.is_empty() && !reason.contains('"')),
        }
    });
}

/// What stands in a token, header and claims, in JSON. What a caller is taken for is what another reader of JSON finds.
#[test]
fn fuzz_claims() {
    let (issuer, audience) = ("https://issuer.test", "gateway");
    let expected = Expected { issuer: issuer.into(), audience: audience.into(), leeway: LEEWAY };
    let now = Duration::from_secs(NOW);
    Target::new("claims").run(|input| {
        let [header, claims] = parts(input);
        let text = format!("{}.{}.", encoded(header), encoded(claims));
        let Ok(token) = Compact::parse(&text) else { return };
        // What nobody asked for is skipped, and may be more than a number or a stack can hold.
        let said = |json| serde_json::from_slice::<Value>(json).ok();
        if let Some(said) = said(header) {
            assert!(said.get("crit").is_none());
            assert_eq!(token.key_id(), said["kid"].as_str());
            assert_eq!(token.algorithm(), said["alg"].as_str().and_then(Algorithm::named));
        }
        let judged = token.claims().and_then(|claims| expected.judge(claims, now));
        let Ok((caller, valid)) = judged else { return };
        assert_eq!(valid.judge(now), Ok(()));
        assert!(caller.name().bytes().all(|byte| byte.is_ascii_graphic()));
        if let Some(said) = said(claims) {
            assert_eq!(said["iss"], issuer);
            assert!(texts(&said["aud"]).contains(&audience));
            assert!(said["exp"].as_f64().unwrap() > (now - LEEWAY).as_secs_f64());
            assert!(said["nbf"].as_f64().is_none_or(|from| from <= (now + LEEWAY).as_secs_f64()));
            assert_eq!(said["sub"], **caller.name());
            let scopes = ["scope", "scp"].map(|name| texts(&said[name])).concat();
            let mut scopes = scopes.iter().flat_map(|words| words.split_ascii_whitespace());
            assert_eq!(caller.demand("hash").is_ok(), scopes.any(|scope| scope == "hash"));
        }
    });
}

/// One text, or those of a list.
fn texts(value: &Value) -> Vec<&str> {
    let values = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
    values.iter().filter_map(Value::as_str).collect()
}

/// A set as an issuer publishes it: keys are found by what they are for, and verify nothing that nobody signed.
#[test]
fn fuzz_key_set() {
    let algorithms = JwtSettings::ALGORITHMS.iter().filter_map(|name| Algorithm::named(name));
    let algorithms: Vec<_> = algorithms.collect();
    Target::new("key-set").run(|json| {
        let keys = match Keys::parse(json) {
            Ok(keys) => keys,
            Err(error) => return assert!(!error.to_string().is_empty()),
        };
        assert!((1..=100).contains(&keys.len()));
        for &algorithm in &algorithms {
            let names = keys.names(&[algorithm]);
            assert_eq!(keys.find(None, algorithm).is_some(), names.len() == 1);
            assert!(keys.find(Some("a name of no corpus"), algorithm).is_none());
            for name in names.into_iter().flatten() {
                let key = keys.find(Some(name), algorithm).unwrap();
                // Beyond every group's order and every modulus.
                assert!(key.verify(algorithm, b"message", &[0xff; 64]).is_err());
            }
        }
    });
}

/// A modulus and an exponent, big-endian: the key is made of both as they are, and no other is.
#[test]
fn fuzz_rsa_key() {
    Target::new("rsa-key").run(|input| {
        let numbers = parts::<2>(input);
        let [modulus, exponent] = numbers.map(without_zeros);
        let Some(PublicKey::Rsa(key)) = PublicKey::rsa(numbers[0], numbers[1]) else { return };
        let mut room = [0; 2048];
        // SubjectPublicKeyInfo: an algorithm, and in a string of bits, none of them unused, the sequence of both.
        let written = Vec::<AnyRef<'_>>::from_der(key.to_spki_der(&mut room).unwrap()).unwrap();
        let both = Vec::<AnyRef<'_>>::from_der(&written[1].value()[1..]).unwrap();
        assert_eq!(without_zeros(both[0].value()), modulus);
        assert!((256..=1024).contains(&modulus.len()));
        // The library writes one of 32 bits as a negative number.
        if exponent.len() < 4 {
            assert_eq!(without_zeros(both[1].value()), exponent);
        }
    });
}

fn without_zeros(number: &[u8]) -> &[u8] {
    let first = number.iter().position(|digit| *digit != 0);
    &number[first.unwrap_or(number.len())..]
}
