//! Sets of keys, and signatures by them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::with;
use crate::auth::jwt::algorithm::Algorithm;
use crate::auth::jwt::compact::{Compact, decode};
use crate::auth::jwt::keys::Keys;

/// RFC 7515, A.3: P-256.
const RFC_P256_TOKEN: &str = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
const RFC_P256_KEY: &str = r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;
/// RFC 7515, A.2: RSA.
const RFC_RSA_TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
const RFC_RSA_KEY: &str = r#"{"kty":"RSA","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ","e":"AQAB"}"#;
/// RFC 8037, A.4: Ed25519.
const RFC_ED_TOKEN: &str = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
const RFC_ED_KEY: &str = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;

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
