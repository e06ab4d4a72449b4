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
