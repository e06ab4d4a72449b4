//! Who may call, and what the port for requests shows: what goes together.

use std::path::PathBuf;

use crate::settings::tests::Start;

#[test]
fn nothing_is_asked_by_default() {
    let settings = Start::new().gateway();
    assert_eq!((settings.callers.api_keys_file, settings.callers.jwt, settings.https), (None, None, None));
    assert_eq!((settings.shares.max_pending, settings.shares.rate), (None, None));
}

#[test]
fn limits_of_0_are_none() {
    let set =
        Start::new().flags(&["--service-1-caller-max-pending=0", "--service-1-caller-rate=5"]).gateway();
    assert_eq!((set.shares.max_pending, set.shares.rate, set.shares.burst), (None, Some(5), None));
}

#[test]
fn certificate_and_key_go_together() {
    let certificate = ["--service-1-tls-cert=a.crt"];
    let conflict = "bad settings SERVICE_1_TLS_CERT and SERVICE_1_TLS_KEY: one is set without the other";
    assert_eq!(Start::new().flags(&certificate).complaint(), conflict);
    assert_eq!(Start::new().variable("SERVICE_1_TLS_KEY", "a.key").complaint(), conflict);
    let complaint = Start::new().variable("SERVICE_1_TLS_CLIENT_CA", "ca.crt").complaint();
    assert!(complaint.starts_with("bad settings SERVICE_1_TLS_CLIENT_CA: "), "{complaint}");
    let https = Start::new().flags(&certificate).variable("SERVICE_1_TLS_KEY", "a.key").gateway().https;
    let https = https.unwrap();
    assert_eq!((https.certificate, https.key), (PathBuf::from("a.crt"), PathBuf::from("a.key")));
    assert!(https.client_authorities.is_none() && https.client_certificate_required);
}

#[test]
fn a_token_is_judged_by_issuer_audience_and_keys() {
    let three =
        ["--service-1-jwt-issuer=https://i", "--service-1-jwt-audience=a", "--service-1-jwks=https://i/keys"];
    let jwt = Start::new().flags(&three).gateway().callers.jwt.unwrap();
    assert_eq!(
        (jwt.issuer.as_str(), jwt.audience.as_str(), jwt.keys.as_str()),
        ("https://i", "a", "https://i/keys")
    );
    assert_eq!(jwt.algorithms, ["RS256", "ES256"]);
    for left_out in 0..3 {
        let mut two = three.to_vec();
        two.remove(left_out);
        let complaint = Start::new().flags(&two).complaint();
        assert!(complaint.contains("a token is judged by all three"), "{complaint}");
    }
    let complaint = Start::new().flags(&three).flags(&["--service-1-jwt-algorithms=HS256"]).complaint();
    assert!(complaint.contains("SERVICE_1_JWT_ALGORITHMS") && complaint.contains("`RS256`"), "{complaint}");
    let complaint = Start::new().flags(&three).flags(&["--service-1-jwt-leeway=301"]).complaint();
    assert!(complaint.contains("SERVICE_1_JWT_LEEWAY"), "{complaint}");
}

#[test]
fn keys_of_tokens_come_from_a_file_or_from_the_web() {
    let with = |keys: &str, more: &[&str]| {
        let start = Start::new().flags(&["--service-1-jwt-issuer=https://i", "--service-1-jwt-audience=a"]);
        start.flags(&[&format!("--service-1-jwks={keys}")]).flags(more)
    };
    let authorities = ["--service-1-jwks-ca=ca.pem"];
    for (keys, more) in [
        ("keys.json", &[][..]),
        ("/etc/keys.json", &[]),
        ("http://i/keys", &[]),
        ("https://i/keys", &[]),
        ("https://i/keys", &authorities),
    ] {
        assert_eq!(with(keys, more).gateway().callers.jwt.unwrap().keys, keys);
    }
    for (keys, more, expected) in [
        ("ftp://i/keys", &[][..], "SERVICE_1_JWKS: nothing is fetched by `ftp`; name a file, or an address"),
        ("HTTPS://i/keys", &[], "SERVICE_1_JWKS: nothing is fetched by `HTTPS`"),
        ("file:///keys", &[], "SERVICE_1_JWKS: a file is named by its path alone"),
        (
            "http://i/keys",
            &authorities,
            "SERVICE_1_JWKS_CA and SERVICE_1_JWKS: a certificate is checked where",
        ),
        ("keys.json", &authorities, "SERVICE_1_JWKS_CA and SERVICE_1_JWKS: a certificate is checked where"),
    ] {
        let complaint = with(keys, more).complaint();
        assert!(complaint.starts_with(&format!("bad settings {expected}")), "{complaint}");
        assert_eq!(complaint.lines().count(), 1, "{complaint}");
    }
}

#[test]
fn what_would_mean_nothing_is_refused() {
    for (variable, value, expected) in [
        ("SERVICE_1_JWKS_CA", "ca.pem", "SERVICE_1_JWKS_CA: they are for tokens, which count where"),
        ("SERVICE_1_JWT_ALGORITHMS", "ES256", "SERVICE_1_JWT_ALGORITHMS: they are for tokens"),
        ("SERVICE_1_JWT_LEEWAY", "5", "SERVICE_1_JWT_LEEWAY: they are for tokens"),
        (
            "SERVICE_1_TLS_CLIENT_AUTH",
            "required",
            "SERVICE_1_TLS_CLIENT_AUTH and SERVICE_1_TLS_CLIENT_CA: clients are asked for no certificate",
        ),
        (
            "SERVICE_1_CALLER_BURST",
            "5",
            "SERVICE_1_CALLER_BURST and SERVICE_1_CALLER_RATE: without a rate everything is allowed at once",
        ),
    ] {
        let complaint = Start::new().variable(variable, value).complaint();
        assert!(complaint.starts_with(&format!("bad settings {expected}")), "{complaint}");
    }
    assert_eq!(Start::new().variable("SERVICE_1_CALLER_BURST", "0").gateway().shares.burst, None);
}

/// An empty value is one that got lost on the way, and must not turn into an open door.
#[test]
fn an_empty_value_is_no_way_to_ask_for_nothing() {
    for (name, expected) in [
        (
            "SERVICE_1_API_KEYS_FILE",
            "the name of a file; leave it out for its default, which is none: anybody may call",
        ),
        (
            "SERVICE_1_JWT_ISSUER",
            "1 to 255 characters; leave it out for its default, which is none: tokens count for nothing",
        ),
        ("SERVICE_1_JWT_AUDIENCE", "1 to 255 characters; leave it out for its default, which is none"),
        ("SERVICE_1_JWKS", "the name of a file; leave it out for its default, which is none"),
        ("SERVICE_1_TLS_CERT", "the name of a file; leave it out for its default, which is none: plain HTTP"),
        ("SERVICE_1_TLS_KEY", "the name of a file; leave it out for its default, which is none"),
        (
            "SERVICE_1_TLS_CLIENT_CA",
            "the name of a file; leave it out for its default, which is none: clients are asked for no certificate",
        ),
    ] {
        for blank in ["", "  "] {
            let complaint = Start::new().variable(name, blank).complaint();
            let said =
                format!("bad setting {name} (from the environment): found {blank:?}, expected {expected}");
            assert!(complaint.lines().any(|line| line == said), "{said} in\n{complaint}");
        }
    }
    // Of those that are never none the default would be the weaker one.
    for name in [
        "KAFKA_SECURITY_PROTOCOL",
        "SERVICE_1_JWT_ALGORITHMS",
        "SERVICE_1_JWT_LEEWAY",
        "SERVICE_1_TLS_CLIENT_AUTH",
        "SERVICE_1_CALLER_RATE",
        "SERVICE_1_CALLER_MAX_PENDING",
    ] {
        for start in [Start::new().variable(name, ""), Start::new().dot_env(&format!("{name}="))] {
            let complaint = start.complaint();
            assert!(complaint.contains(name), "{complaint}");
        }
    }
    // Whatever layer wins is judged, and one that is covered is not.
    let complaint = Start::new().toml("service_1_api_keys_file = \"\"").complaint();
    assert!(
        complaint.starts_with("bad setting SERVICE_1_API_KEYS_FILE (from file settings.toml)"),
        "{complaint}"
    );
    let covered =
        Start::new().dot_env("SERVICE_1_API_KEYS_FILE=").variable("SERVICE_1_API_KEYS_FILE", "keys");
    assert_eq!(covered.gateway().callers.api_keys_file, Some(PathBuf::from("keys")));
}
