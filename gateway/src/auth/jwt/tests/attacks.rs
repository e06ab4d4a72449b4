//! What people try: tokens that say of themselves how they are to be believed.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use graviola::hashing::hmac::Hmac;
use graviola::hashing::{Hash, Sha256, Sha384, Sha512};
use serde_json::{Value, json};

use super::{Issuer, NOW, claims, find, header, refused, with};

const NO_ALGORITHM: &str = "its algorithm is none that counts here";

/// A token of these parts with this signature.
fn token(header: &Value, claims: &Value, signature: impl AsRef<[u8]>) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.{}", part(header), part(claims), URL_SAFE_NO_PAD.encode(signature))
}

#[tokio::test]
async fn a_token_without_a_signature_counts_for_nothing() {
    let issuer = Issuer::new();
    let tokens = issuer.tokens();
    for name in ["none", "None", "NONE", "nOnE", ""] {
        let header = with(header(), "alg", json!(name));
        assert_eq!(refused(&tokens, &token(&header, &claims(), "")).await, NO_ALGORITHM, "{name}");
        assert_eq!(refused(&tokens, &issuer.sign(&header, &claims())).await, NO_ALGORITHM, "{name}");
    }
    assert_eq!(refused(&tokens, &token(&header(), &claims(), "")).await, "its signature is wrong");
}

fn mac<H: Hash>(secret: &[u8], message: &str) -> Vec<u8> {
    let mut mac = Hmac::<H>::new(secret);
    mac.update(message);
    mac.finish().as_ref().to_vec()
}

/// The public key is known to everybody, so it must not be taken for a shared secret.
#[tokio::test]
async fn a_public_key_is_no_secret() {
    let issuer = Issuer::new();
    let tokens = issuer.tokens();
    let point = issuer.point();
    let uncompressed = [&[4][..], &point].concat();
    let key = issuer.public("one").to_string();
    let set = std::fs::read(&issuer.file).unwrap();
    let mut buffer = [0; 256];
    let spki = issuer.key.to_spki_der(&mut buffer).unwrap();
    for secret in [&point[..], &uncompressed, key.as_bytes(), &set, spki, b""] {
        for (name, sign) in [
            ("HS256", mac::<Sha256> as fn(&[u8], &str) -> Vec<u8>),
            ("HS384", mac::<Sha384>),
            ("HS512", mac::<Sha512>),
            // And one whose name counts here.
            ("ES256", mac::<Sha512>),
        ] {
            let unsigned = token(&with(header(), "alg", json!(name)), &claims(), "");
            let signed = unsigned.trim_end_matches('.');
            let forged = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(sign(secret, signed)));
            let expected = if name == "ES256" { "its signature is wrong" } else { NO_ALGORITHM };
            assert_eq!(refused(&tokens, &forged).await, expected, "{name}");
        }
    }
}

#[tokio::test]
async fn a_name_of_a_key_leads_to_a_known_key_or_nowhere() {
    let issuer = Issuer::new();
    let tokens = issuer.tokens();
    for (id, reason) in [
        (json!("two"), "its key is not known"),
        (json!(""), "its key is not known"),
        (json!("One"), "its key is not known"),
        (json!("../../../dev/null"), "its key is not known"),
        (json!("one' OR '1'='1"), "its key is not known"),
        (json!(1), "it is neither a key nor a token"),
        (json!(["one"]), "it is neither a key nor a token"),
    ] {
        let header = with(header(), "kid", id);
        assert_eq!(refused(&tokens, &issuer.sign(&header, &claims())).await, reason, "{header}");
    }
    // The right name, and somebody else's key.
    assert_eq!(refused(&tokens, &Issuer::new().sign(&header(), &claims())).await, "its signature is wrong");
}

#[tokio::test]
async fn extensions_that_have_to_be_understood_are_not() {
    let issuer = Issuer::new();
    let tokens = issuer.tokens();
    for extensions in [json!(["b64"]), json!(["exp"]), json!([]), json!("b64"), json!({}), Value::Null] {
        let header = with(header(), "crit", extensions);
        let reason = refused(&tokens, &issuer.sign(&header, &claims())).await;
        assert_eq!(reason, "it demands extensions that are not understood here", "{header}");
    }
}

#[tokio::test]
async fn keys_that_a_token_brings_along_count_for_nothing() {
    let (issuer, forger) = (Issuer::new(), Issuer::new());
    let tokens = issuer.tokens();
    // Whoever were asked for a key would be asked here.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = format!("http://{}/keys", listener.local_addr().unwrap());
    for (name, value) in [
        ("jwk", forger.public("one")),
        ("jku", json!(address)),
        ("x5u", json!(address)),
        ("x5c", json!(["MIIB"])),
        ("x5t", json!("AAAA")),
    ] {
        let header = with(header(), name, value);
        assert_eq!(
            refused(&tokens, &forger.sign(&header, &claims())).await,
            "its signature is wrong",
            "{header}"
        );
        let mut unnamed = header.clone();
        unnamed.as_object_mut().unwrap().remove("kid");
        assert_eq!(
            refused(&tokens, &forger.sign(&unnamed, &claims())).await,
            "its signature is wrong",
            "{unnamed}"
        );
        // And they do no harm to a token that is signed as it should be.
        assert!(find(&tokens, &issuer.sign(&header, &claims())).await.is_ok(), "{header}");
    }
    assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "somebody asked");
}

#[tokio::test]
async fn a_signature_is_of_these_very_bytes() {
    let issuer = Issuer::new();
    let tokens = issuer.tokens();
    let good = issuer.sign(&header(), &claims());
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    assert!(find(&tokens, &good).await.is_ok());
    let other = token(&header(), &with(claims(), "sub", json!("mallory")), &signature);
    assert_eq!(refused(&tokens, &other).await, "its signature is wrong");
    // Nothing, zeros, both halves the order of the curve, too short, too long, and in ASN.1.
    let order = b"\xff\xff\xff\xff\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\
                  \xbc\xe6\xfa\xad\xa7\x17\x9e\x84\xf3\xb9\xca\xc2\xfc\x63\x25\x51";
    let mut buffer = [0; 128];
    let asn1 = issuer.key.sign_asn1::<Sha256>(&[signed.as_bytes()], &mut buffer).unwrap().to_vec();
    for wrong in [
        Vec::new(),
        vec![0; 64],
        order.repeat(2),
        signature[..63].to_vec(),
        [&signature[..], &[0]].concat(),
        asn1,
    ] {
        let text = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(&wrong));
        assert_eq!(refused(&tokens, &text).await, "its signature is wrong", "{wrong:?}");
    }
    // One token has one form.
    for text in [
        format!("{good}="),
        format!("{good} "),
        format!("{good}.{signed}"),
        format!(".{good}"),
        good.replace('.', ".."),
    ] {
        assert!(find(&tokens, &text).await.is_err(), "{text}");
    }
}

#[tokio::test]
async fn what_is_said_twice_or_inside_something_is_not_said() {
    let issuer = Issuer::new();
    let tokens = issuer.tokens();
    let (header_text, good) = (header().to_string(), claims().to_string());
    let opened = good.trim_end_matches('}');
    for twice in [
        format!(r#"{opened},"exp":{}}}"#, NOW + 9_000),
        format!(r#"{opened},"\u0065xp":{}}}"#, NOW + 9_000),
        format!(r#"{opened},"sub":"mallory"}}"#),
        format!(r#"{opened},"aud":"gateway"}}"#),
        format!(r#"{opened},"scope":"all"}}"#),
    ] {
        assert_eq!(
            refused(&tokens, &issuer.sign_text(&header_text, &twice)).await,
            "its claims cannot be read",
            "{twice}"
        );
    }
    let nested = json!({ "claims": claims(), "payload": [claims()] });
    assert_eq!(refused(&tokens, &issuer.sign(&header(), &nested)).await, "it is from another issuer");
    let header_twice = r#"{"alg":"ES256","kid":"one","alg":"none"}"#;
    assert_eq!(
        refused(&tokens, &issuer.sign_text(header_twice, &good)).await,
        "it is neither a key nor a token"
    );
}

#[tokio::test]
async fn a_token_without_end_is_no_danger() {
    let issuer = Issuer::new();
    let tokens = issuer.tokens();
    let deep =
        |open: &str, close: &str| format!(r#"{{"x":{}1{}}}"#, open.repeat(100_000), close.repeat(100_000));
    for text in [deep("[", "]"), deep(r#"{"x":"#, "}")] {
        // What is not asked for is passed over, however deep it goes.
        assert_eq!(
            refused(&tokens, &issuer.sign_text(&header().to_string(), &text)).await,
            "it is from another issuer"
        );
        assert_eq!(
            refused(&tokens, &issuer.sign_text(&text, &claims().to_string())).await,
            "it is neither a key nor a token"
        );
    }
    let long = with(claims(), "x", json!("x".repeat(1 << 20)));
    assert!(
        find(&tokens, &issuer.sign(&header(), &long)).await.is_ok(),
        "how long one may be is judged before"
    );
}
