//! What connections to Kafka are secured with.

use std::path::PathBuf;

use super::Start;
use crate::settings::{KafkaLogin, KafkaSecurity, KafkaTls, PasswordMechanism, Secret, SecretSource};

fn of(variables: &[(&str, &str)]) -> Start {
    variables.iter().fold(Start::new(), |start, (name, value)| start.variable(name, *value))
}

fn security(variables: &[(&str, &str)]) -> KafkaSecurity {
    of(variables).gateway().kafka.security
}

#[test]
fn nothing_is_the_default() {
    assert_eq!(security(&[]), KafkaSecurity::default());
}

#[test]
fn tls_takes_the_systems_authorities_or_a_file_and_may_show_a_certificate() {
    let tls = security(&[("KAFKA_SECURITY_PROTOCOL", "SSL")]);
    assert_eq!(tls, KafkaSecurity { tls: Some(KafkaTls::default()), login: None });
    let tls = security(&[
        ("KAFKA_SECURITY_PROTOCOL", "SSL"),
        ("KAFKA_SSL_CA", "ca.pem"),
        ("KAFKA_SSL_CERT", "us.pem"),
        ("KAFKA_SSL_KEY", "us.key"),
    ]);
    let expected =
        KafkaTls { authorities: Some("ca.pem".into()), identity: Some(("us.pem".into(), "us.key".into())) };
    assert_eq!(tls.tls, Some(expected));
}

#[test]
fn a_login_is_by_password_or_by_token() {
    let given = SecretSource::Given(Secret::new("hush".to_owned()));
    let named = |protocol, more: &[(&'static str, &'static str)]| {
        let named = [("KAFKA_SECURITY_PROTOCOL", protocol), ("KAFKA_SASL_USERNAME", "me")];
        security(&[&named, more].concat())
    };
    let login = named("SASL_PLAINTEXT", &[("KAFKA_SASL_PASSWORD", "hush")]);
    let mechanism = PasswordMechanism::ScramSha512;
    let by_password = KafkaLogin::Password { mechanism, username: "me".into(), password: given.clone() };
    assert_eq!(login, KafkaSecurity { tls: None, login: Some(by_password) });
    let login =
        named("SASL_SSL", &[("KAFKA_SASL_MECHANISM", "PLAIN"), ("KAFKA_SASL_PASSWORD_FILE", "password")]);
    assert_eq!(login.tls, Some(KafkaTls::default()));
    assert!(matches!(
        login.login,
        Some(KafkaLogin::Password {
            mechanism: PasswordMechanism::Plain,
            password: SecretSource::InFile(_),
            ..
        })
    ));
    let bearer = ("KAFKA_SASL_MECHANISM", "OAUTHBEARER");
    let login = named(
        "SASL_SSL",
        &[bearer, ("KAFKA_SASL_PASSWORD", "hush"), ("KAFKA_SASL_TOKEN_URL", "https://login/token")],
    );
    let endpoint = KafkaLogin::TokenEndpoint {
        url: "https://login/token".into(),
        authorities: None,
        client_id: "me".into(),
        client_secret: given,
        scope: None,
    };
    assert_eq!(login.login, Some(endpoint));
    let login =
        security(&[("KAFKA_SECURITY_PROTOCOL", "SASL_SSL"), bearer, ("KAFKA_SASL_TOKEN_FILE", "token")]);
    assert_eq!(login.login, Some(KafkaLogin::TokenFile(PathBuf::from("token"))));
}

#[test]
fn what_contradicts_itself_or_means_nothing_is_named() {
    let sasl = ("KAFKA_SECURITY_PROTOCOL", "SASL_SSL");
    let cases: [(&[(&str, &str)], &str); 12] = [
        (
            &[("KAFKA_SSL_CA", "ca.pem")],
            "KAFKA_SSL_CA and KAFKA_SECURITY_PROTOCOL: KAFKA_SECURITY_PROTOCOL is PLAINTEXT, which is without TLS",
        ),
        (
            &[("KAFKA_SECURITY_PROTOCOL", "SSL"), ("KAFKA_SASL_PASSWORD", "hush")],
            "SSL, which is without a login",
        ),
        (&[("KAFKA_SECURITY_PROTOCOL", "SSL"), ("KAFKA_SSL_KEY", "us.key")], "one is set without the other"),
        (&[sasl, ("KAFKA_SASL_PASSWORD", "hush")], "a login needs a name"),
        (
            &[sasl, ("KAFKA_SASL_USERNAME", "me")],
            "KAFKA_SASL_PASSWORD and KAFKA_SASL_PASSWORD_FILE: a login needs one",
        ),
        (&[sasl, ("KAFKA_SASL_PASSWORD", "hush"), ("KAFKA_SASL_PASSWORD_FILE", "p")], "both are set"),
        (&[sasl, ("KAFKA_SASL_TOKEN_FILE", "token")], "tokens are for OAUTHBEARER"),
        (&[sasl, ("KAFKA_SASL_MECHANISM", "OAUTHBEARER")], "OAUTHBEARER needs one of them"),
        (&[sasl, ("KAFKA_SASL_MECHANISM", "GSSAPI")], "KAFKA_SASL_MECHANISM"),
        (
            &[("KAFKA_SECURITY_PROTOCOL", "SSL"), ("KAFKA_SSL_CA", "")],
            "found \"\", expected the name of a file; leave it out for its default, which is what the system trusts",
        ),
        (&[sasl, ("KAFKA_SASL_USERNAME", " ")], "found \" \", expected 1 to 255 characters"),
        (
            &[sasl, ("KAFKA_SASL_USERNAME", "me"), ("KAFKA_SASL_PASSWORD", "")],
            "bad setting KAFKA_SASL_PASSWORD (from the environment): found \"\", expected text; leave it out",
        ),
    ];
    for (variables, expected) in cases {
        let complaint = of(variables).complaint();
        assert!(complaint.contains(expected), "{variables:?}: {complaint}");
        assert!(!complaint.contains("hush"), "{complaint}");
    }
}
