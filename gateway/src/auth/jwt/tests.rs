//! Tokens that count and tokens that do not, with keys made for the purpose and with those of the RFCs.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use graviola::hashing::Sha256;
use graviola::signing::ecdsa::{P256, SigningKey};
use proptest::prelude::*;
use serde_json::{Value, json};
use service::WallClock;
use service::settings::JwtSettings;
use tokio::time::Instant;

use super::algorithm::Algorithm;
use super::compact::{Compact, decode};
use super::keys::Keys;
use super::{Invalid, Tokens};
use crate::auth::Caller;

/// RFC 7515, A.3: P-256.
const RFC_P256_TOKEN: &str = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
const RFC_P256_KEY: &str = r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;
/// RFC 7515, A.2: RSA.
const RFC_RSA_TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
const RFC_RSA_KEY: &str = r#"{"kty":"RSA","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ","e":"AQAB"}"#;
/// RFC 8037, A.4: Ed25519.
const RFC_ED_TOKEN: &str = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
const RFC_ED_KEY: &str = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;

const NOW: u64 = 1_800_000_000;

/// Somebody who signs, and what the gateway knows of it.
struct Issuer {
    key: SigningKey<P256>,
    file: PathBuf,
}

impl Issuer {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let file = std::env::temp_dir().join(format!("jwks-{}-{count}", std::process::id()));
        let issuer = Self { key: SigningKey::generate().unwrap(), file };
        issuer.publish("one");
        issuer
    }

    /// The key under a name.
    fn publish(&self, id: &str) {
        let mut buffer = [0; 256];
        let spki = self.key.to_spki_der(&mut buffer).unwrap();
        let (x, y) = spki[spki.len() - 64..].split_at(32);
        let encode = |bytes| URL_SAFE_NO_PAD.encode(bytes);
        let set = json!({ "keys": [
            { "kty": "oct", "k": "c2VjcmV0", "kid": id, "alg": "HS256" },
            { "kty": "EC", "crv": "P-256", "kid": id, "use": "sig", "x": encode(x), "y": encode(y) },
        ] });
        std::fs::write(&self.file, set.to_string()).unwrap();
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(header), part(claims));
        let mut buffer = [0; 64];
        let signature = self.key.sign::<Sha256>(&[signed.as_bytes()], &mut buffer).unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    fn tokens(&self) -> Tokens {
        let settings = JwtSettings {
            issuer: "https://issuer.test".into(),
            audience: "gateway".into(),
            algorithms: vec!["ES256".into(), "RS256".into()],
            keys: self.file.display().to_string(),
            keys_authorities: None,
            leeway: Duration::from_secs(60),
        };
        let ahead = i64::try_from(NOW).unwrap() - WallClock::system().now().timestamp();
        Tokens::from_settings(&settings, WallClock::skewed(chrono::TimeDelta::seconds(ahead))).unwrap()
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        // What is left in the directory for temporary files harms nobody.
        let _ = std::fs::remove_file(&self.file);
    }
}

fn header() -> Value {
    json!({ "alg": "ES256", "kid": "one", "typ": "JWT" })
}

fn claims() -> Value {
    json!({ "iss": "https://issuer.test", "aud": "gateway", "sub": "alice", "exp": NOW + 300, "scope": "hash other" })
}

fn with(mut value: Value, name: &str, new: Value) -> Value {
    value[name] = new;
    value
}

async fn find(tokens: &Tokens, text: &str) -> Result<Caller, Invalid> {
    tokens.find(text, Instant::now() + Duration::from_secs(1)).await
}

#[tokio::test]
async fn a_token_for_us_counts() {
    let issuer = Issuer::new();
    let tokens = issuer.tokens();
    for claims in [
        claims(),
        with(claims(), "aud", json!(["x", "gateway"])),
        with(claims(), "exp", json!(NOW - 50)),
        with(claims(), "nbf", json!(NOW + 50)),
        with(claims(), "exp", json!(NOW as f64 + 0.5)),
        with(with(claims(), "scope", Value::Null), "scp", json!(["hash", "other"])),
    ] {
        let caller = find(&tokens, &issuer.sign(&header(), &claims)).await.unwrap();
        assert_eq!(&**caller.name(), "alice");
        assert!(caller.demand("hash").is_ok() && caller.demand("length").is_err(), "{claims}");
    }
    // Without a name of the key there is only one that can be meant.
    assert!(find(&tokens, &issuer.sign(&json!({ "alg": "ES256" }), &claims())).await.is_ok());
}

#[tokio::test]
async fn what_a_token_lacks_is_said() {
    let issuer = Issuer::new();
    let tokens = issuer.tokens();
    for (header, claims, reason) in [
        (with(header(), "alg", json!("none")), claims(), "its algorithm is none that counts here"),
        (with(header(), "alg", json!("HS256")), claims(), "its algorithm is none that counts here"),
        (with(header(), "alg", json!("ES384")), claims(), "its algorithm is none that counts here"),
        (with(header(), "alg", json!("RS256")), claims(), "its key is not known"),
        (with(header(), "kid", json!("two")), claims(), "its key is not known"),
        (
            with(header(), "crit", json!(["b64"])),
            claims(),
            "it demands extensions that are not understood here",
        ),
        (header(), with(claims(), "iss", json!("https://other.test")), "it is from another issuer"),
        (header(), with(claims(), "iss", Value::Null), "it is from another issuer"),
        (header(), with(claims(), "aud", json!(["x"])), "it is for somebody else"),
        (header(), with(claims(), "aud", Value::Null), "it is for somebody else"),
        (header(), with(claims(), "exp", json!(NOW - 61)), "it is over"),
        (header(), with(claims(), "exp", Value::Null), "it says no end"),
        (header(), with(claims(), "nbf", json!(NOW + 70)), "it has not begun"),
        (header(), with(claims(), "sub", Value::Null), "it names nobody"),
        (header(), with(claims(), "sub", json!("a\nb")), "it names nobody"),
        (header(), with(claims(), "exp", json!("soon")), "its claims cannot be read"),
    ] {
        let refused = find(&tokens, &issuer.sign(&header, &claims)).await;
        assert_eq!(refused.unwrap_err(), Invalid(reason), "{header} {claims}");
    }
    for text in ["", "a", "a.b", "a.b.c", "..", "e30.e30.", "e30=.e30.AA"] {
        assert!(find(&tokens, text).await.is_err(), "{text}");
    }
}

#[tokio::test]
async fn a_key_that_is_replaced_counts_no_more() {
    let (old, new) = (Issuer::new(), Issuer::new());
    let tokens = old.tokens();
    let by_old = old.sign(&header(), &claims());
    assert!(find(&tokens, &by_old).await.is_ok());
    assert_eq!(
        find(&tokens, &new.sign(&header(), &claims())).await.unwrap_err(),
        Invalid("its signature is wrong")
    );
    std::fs::copy(&new.file, &old.file).unwrap();
    assert!(tokens.source().unwrap().reload().unwrap());
    assert_eq!(find(&tokens, &by_old).await.unwrap_err(), Invalid("its signature is wrong"));
    assert!(find(&tokens, &new.sign(&header(), &claims())).await.is_ok());
    std::fs::write(&old.file, "{}").unwrap();
    assert!(tokens.source().unwrap().reload().is_err());
    assert!(find(&tokens, &new.sign(&header(), &claims())).await.is_ok(), "what was known stays known");
}

#[test]
fn signatures_of_the_rfcs_are_right_and_any_other_bit_is_wrong() {
    for (token, key, algorithm) in [
        (RFC_P256_TOKEN, RFC_P256_KEY, Algorithm::Es256),
        (RFC_RSA_TOKEN, RFC_RSA_KEY, Algorithm::Rs256),
        (RFC_ED_TOKEN, RFC_ED_KEY, Algorithm::EdDsa),
    ] {
        let keys = Keys::parse(format!(r#"{{"keys":[{key}]}}"#).as_bytes()).unwrap();
        let key = keys.find(None, algorithm).unwrap();
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let signature = decode(signature).unwrap();
        assert!(key.verify(algorithm, signed.as_bytes(), &signature).is_ok(), "{algorithm:?}");
        for wrong in [0, signature.len() / 2, signature.len() - 1] {
            let mut signature = signature.clone();
            signature[wrong] ^= 1;
            assert!(key.verify(algorithm, signed.as_bytes(), &signature).is_err(), "{algorithm:?}");
        }
        assert!(key.verify(algorithm, b"something else", &signature).is_err());
        assert!(key.verify(algorithm, signed.as_bytes(), &[]).is_err());
        // A key is good for the algorithms of its own kind alone.
        let others = [Algorithm::Rs256, Algorithm::Es256, Algorithm::Es384, Algorithm::EdDsa];
        for other in others.into_iter().filter(|other| *other != algorithm) {
            assert!(keys.find(None, other).is_none());
            assert!(key.verify(other, signed.as_bytes(), &signature).is_err());
        }
    }
}

#[test]
fn a_set_keeps_what_is_for_signatures() {
    let parse = |keys: &[Value]| Keys::parse(json!({ "keys": keys }).to_string().as_bytes());
    let good: Value = serde_json::from_str(RFC_P256_KEY).unwrap();
    assert_eq!(parse(std::slice::from_ref(&good)).unwrap().len(), 1);
    for (name, value) in [
        ("use", json!("enc")),
        ("key_ops", json!(["encrypt"])),
        ("alg", json!("HS256")),
        ("kty", json!("oct")),
        ("crv", json!("P-521")),
        ("x", json!("AAAA")),
        ("y", good["x"].clone()),
    ] {
        let bad = with(good.clone(), name, value);
        assert!(parse(std::slice::from_ref(&bad)).is_err(), "{bad}");
        assert_eq!(parse(&[bad, good.clone()]).unwrap().len(), 1);
    }
    let only = with(good.clone(), "alg", json!("ES384"));
    assert!(parse(&[only]).unwrap().find(None, Algorithm::Es256).is_none());
    let two = parse(&[with(good.clone(), "kid", json!("a")), with(good.clone(), "kid", json!("b"))]).unwrap();
    assert!(two.find(None, Algorithm::Es256).is_none(), "either may be meant");
    assert!(
        two.find(Some("b"), Algorithm::Es256).is_some() && two.find(Some("c"), Algorithm::Es256).is_none()
    );
    let short = json!({ "kty": "RSA", "e": "AQAB", "n": URL_SAFE_NO_PAD.encode([0xff; 128]) });
    assert!(parse(&[short]).is_err(), "1024 bits");
    assert!(Keys::parse(b"[]").is_err() && parse(&[]).is_err() && parse(&vec![good; 101]).is_err());
}

proptest! {
    /// Whatever comes, nothing panics and nothing counts.
    #[test]
    fn nonsense_is_refused(text in "[A-Za-z0-9_.=-]{0,200}") {
        if let Ok(token) = Compact::parse(&text) {
            prop_assert!(token.algorithm().is_none() || token.claims().is_err() || !token.signature().is_empty());
        }
    }

    #[test]
    fn a_set_of_nonsense_is_refused(json in "[\\[\\]{}:,\"a-z0-9]{0,100}") {
        prop_assert!(Keys::parse(json.as_bytes()).is_err());
    }
}
