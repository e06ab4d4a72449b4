//! What a token says, and has to say.

use serde_json::{Value, json};

use super::{Issuer, LEEWAY, NOW, claims, find, header, refused, with};
use crate::auth::Caller;

#[tokio::test]
async fn a_token_for_us_counts() {
    let issuer = Issuer::new();
    let tokens = issuer.tokens();
    for claims in [
        claims(),
        with(claims(), "aud", json!(["x", "gateway"])),
        with(claims(), "typ", json!("anything else")),
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
async fn of_a_tokens_scopes_no_more_is_kept_than_opens_something() {
    let issuer = Issuer::new();
    let tokens = issuer.tokens();
    let many = (0..1000).map(|number| format!("s{number}")).collect::<Vec<_>>().join(" ");
    for (scope, scp, kept) in [
        (json!(format!("{many} hash hash")), json!(["hash", "other hash"]), &["hash"][..]),
        (json!(many), Value::Null, &[]),
    ] {
        let token = issuer.sign(&header(), &with(with(claims(), "scope", scope), "scp", scp));
        let expected = Caller::new("alice", kept.iter().map(|scope| (*scope).to_owned()));
        // Verified, and then remembered.
        for _ in 0..2 {
            assert_eq!(find(&tokens, &token).await.unwrap(), expected);
        }
    }
}

#[tokio::test]
async fn what_a_token_lacks_is_said() {
    let issuer = Issuer::new();
    let tokens = issuer.tokens();
    for (header, claims, reason) in [
        (with(header(), "alg", json!("ES384")), claims(), "its algorithm is none that counts here"),
        (with(header(), "alg", json!("RS256")), claims(), "its key is not known"),
        (with(header(), "kid", json!("two")), claims(), "its key is not known"),
        (header(), with(claims(), "iss", json!("https://other.test")), "it is from another issuer"),
        (header(), with(claims(), "iss", Value::Null), "it is from another issuer"),
        (header(), with(claims(), "aud", json!(["x"])), "it is for somebody else"),
        (header(), with(claims(), "aud", Value::Null), "it is for somebody else"),
        (header(), with(claims(), "exp", Value::Null), "it says no end"),
        (header(), with(claims(), "sub", Value::Null), "it names nobody"),
        (header(), with(claims(), "sub", json!("a\nb")), "it names nobody"),
    ] {
        let refused = refused(&tokens, &issuer.sign(&header, &claims)).await;
        assert_eq!(refused, reason, "{header} {claims}");
    }
    for text in ["", "a", "a.b", "a.b.c", "..", "e30.e30.", "e30=.e30.AA"] {
        assert!(find(&tokens, text).await.is_err(), "{text}");
    }
}

/// Half a second away from an edge stands for a clock that goes on while the test runs.
#[tokio::test]
async fn a_token_counts_from_its_beginning_to_its_end_give_or_take_the_leeway() {
    let issuer = Issuer::new();
    let tokens = issuer.tokens();
    let leeway = LEEWAY.as_secs_f64();
    let now = NOW as f64;
    for (name, moment) in [
        ("exp", now - leeway + 30.0),
        ("exp", now - leeway + 30.5),
        ("exp", 1e300),
        ("nbf", now + leeway),
        ("nbf", now + leeway - 0.5),
        ("nbf", 0.0),
        ("nbf", -1e300),
    ] {
        let claims = with(claims(), name, json!(moment));
        assert!(find(&tokens, &issuer.sign(&header(), &claims)).await.is_ok(), "{claims}");
    }
    for (name, moment, reason) in [
        ("exp", json!(now - leeway), "it is over"),
        ("exp", json!(now - leeway - 0.5), "it is over"),
        ("exp", json!(0), "it is over"),
        ("exp", json!(-1e300), "it is over"),
        ("exp", Value::Null, "it says no end"),
        ("nbf", json!(now + leeway + 30.5), "it has not begun"),
        ("nbf", json!(1e300), "it has not begun"),
        ("exp", json!("1800000300"), "its claims cannot be read"),
        ("exp", json!(true), "its claims cannot be read"),
        ("exp", json!([NOW + 300]), "its claims cannot be read"),
        ("nbf", json!("soon"), "its claims cannot be read"),
    ] {
        let claims = with(claims(), name, moment);
        assert_eq!(refused(&tokens, &issuer.sign(&header(), &claims)).await, reason, "{claims}");
    }
    // More than a number can be.
    let endless = claims().to_string().replace(&(NOW + 300).to_string(), "1e400");
    assert_eq!(
        refused(&tokens, &issuer.sign_text(&header().to_string(), &endless)).await,
        "its claims cannot be read"
    );
}

#[tokio::test]
async fn the_audience_is_one_text_or_a_list_of_texts() {
    let issuer = Issuer::new();
    let tokens = issuer.tokens();
    for audience in [json!("gateway"), json!(["gateway"]), json!(["x", "gateway", "y"])] {
        let claims = with(claims(), "aud", audience);
        assert!(find(&tokens, &issuer.sign(&header(), &claims)).await.is_ok(), "{claims}");
    }
    for (audience, reason) in [
        (json!([]), "it is for somebody else"),
        (json!(""), "it is for somebody else"),
        (json!("Gateway"), "it is for somebody else"),
        (json!("gateway "), "it is for somebody else"),
        (json!("x gateway"), "it is for somebody else"),
        (json!(["gateway", 5]), "its claims cannot be read"),
        (json!([["gateway"]]), "its claims cannot be read"),
        (json!({ "gateway": true }), "its claims cannot be read"),
    ] {
        let claims = with(claims(), "aud", audience);
        assert_eq!(refused(&tokens, &issuer.sign(&header(), &claims)).await, reason, "{claims}");
    }
}
