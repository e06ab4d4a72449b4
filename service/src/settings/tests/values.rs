//! What each kind of value takes and refuses.

use std::time::Duration;

use proptest::prelude::*;

use crate::settings::catalogue::{CATALOGUE, Service};
use crate::settings::kind::{Checked, Kind};

fn is_good(kind: Kind, text: &str) -> bool {
    kind.check(text).is_some()
}

fn assert_kind(kind: Kind, good: &[&str], bad: &[&str]) {
    for text in good {
        assert!(is_good(kind, text), "{kind:?} takes {text:?}");
    }
    for text in bad {
        assert!(!is_good(kind, text), "{kind:?} refuses {text:?}");
    }
}

#[test]
fn text() {
    let (longest, too_long) = ("é".repeat(255), "é".repeat(256));
    assert_kind(Kind::Text, &["a", "123", "a b", &longest], &["", " ", "a\nb", &too_long]);
}

#[test]
fn brokers() {
    assert_kind(
        Kind::Brokers,
        &[
            "localhost:9092",
            "a:1,b:65535",
            " a:1 , b:2 ",
            "127.0.0.1:9092",
            "[::1]:9092",
            "kafka-1.example.com:9092",
        ],
        &[
            "",
            "localhost",
            "localhost:",
            ":9092",
            "a:0",
            "a:65536",
            "a:1,",
            "a:1;b:2",
            "PLAINTEXT://a:1",
            "::1:9092",
        ],
    );
    let both = Some(Checked::List(vec!["a:1".to_owned(), "b:2".to_owned()]));
    assert_eq!(Kind::Brokers.check("a:1, b:2"), both);
}

#[test]
fn topic() {
    let (longest, too_long) = ("t".repeat(249), "t".repeat(250));
    let bad = ["", ".", "..", "a b", "a/b", "tópico", "a,b", &too_long];
    assert_kind(Kind::Topic { longest: 249 }, &["t", "a.b_c-D9", "...", &longest], &bad);
    assert_kind(Kind::Topic { longest: 3 }, &["abc"], &["abcd"]);
}

#[test]
fn topics() {
    assert_kind(Kind::Topics, &["", "a", "a, b"], &["a,", "a b", "a,.."]);
    assert_eq!(Kind::Topics.check(""), Some(Checked::List(Vec::new())));
}

#[test]
fn host() {
    assert_kind(
        Kind::Host,
        &["0.0.0.0", "::", "::1", "localhost", "a.example.com"],
        &["", "a b", "a:1", "http://a"],
    );
}

#[test]
fn port() {
    assert_kind(Kind::Port, &["0", "1", "65535", " 80 "], &["", "-1", "65536", "80.0", "http"]);
}

#[test]
fn seconds() {
    let kind = Kind::Seconds { min: 0.1, max: 3600.0 };
    let bad = ["", "0", "0.09", "3601", "-1", "5s", "5 s", "NaN", "inf", "infinity", "1,5"];
    assert_kind(kind, &["0.1", "5", "5.0", "3600", "1e1", " 2 "], &bad);
    assert_eq!(kind.check("0.25"), Some(Checked::Duration(Duration::from_millis(250))));
}

#[test]
fn whole() {
    let kind = Kind::Whole { min: 1, max: 10, unit: "apples" };
    assert_kind(kind, &["1", "10", " 7 "], &["", "0", "11", "1.0", "-1", "1_0", "99999999999999999999999"]);
    assert_eq!(kind.expected(), "a whole number of apples, 1 to 10");
}

#[test]
fn switch() {
    assert_kind(Kind::Switch, &["true", "false"], &["", "yes", "1", "TRUE"]);
}

#[test]
fn choice() {
    let kind = Kind::Choice(&["text", "json"]);
    assert_kind(kind, &["text", "json"], &["", "xml", "textjson", "text,json"]);
    assert_eq!(kind.expected(), "`text` or `json`");
}

#[test]
fn path() {
    assert_kind(Kind::Path, &["", "/etc/keys", "keys.txt", "a b"], &["a\nb", "a\0", &"x".repeat(4097)]);
}

#[test]
fn choices() {
    let kind = Kind::Choices(&["red", "blue"]);
    assert_kind(kind, &["", "red", "red,blue", " blue , red "], &["green", "red,", "Red"]);
    assert_eq!(kind.expected(), "`red` or `blue`, several separated by commas");
}

#[test]
fn log_filter() {
    let good = ["info", "warn,api_gateway=debug", "off", "WARN", "info,kafka=trace", "[span]=debug"];
    // A lone word is a target to tracing, and everything else is silent then.
    let bad = ["", "info,=x=y", "a=loud", "inof", "verbose", "info,kafka"];
    assert_kind(Kind::LogFilter, &good, &bad);
}

#[test]
fn every_default_is_a_good_value_of_its_kind() {
    for setting in CATALOGUE {
        for service in [Service::Gateway, Service::Processor] {
            let default = setting.default.text(service);
            assert!(is_good(setting.kind, &default), "{} = {default:?}", setting.key);
        }
    }
}

#[test]
fn no_two_settings_share_a_name() {
    let names = || CATALOGUE.iter().flat_map(|setting| [Some(setting.key), setting.alias]).flatten();
    for name in names() {
        assert_eq!(names().filter(|other| *other == name).count(), 1, "{name}");
    }
}

proptest! {
    #[test]
    fn brokers_are_taken_whole_or_not_at_all(text in "[a-z0-9:,. \\[\\]-]{0,40}") {
        if let Some(taken) = Kind::Brokers.check(&text) {
            let Checked::List(brokers) = taken else { panic!("{taken:?}") };
            prop_assert_eq!(brokers.join(","), text.replace(' ', ""));
            for broker in brokers {
                let (host, port) = broker.rsplit_once(':').unwrap();
                prop_assert!(!host.is_empty() && port.parse::<u16>().unwrap() > 0, "{}", broker);
            }
        }
    }

    #[test]
    fn any_text_is_some_secret(text in ".{0,40}") {
        prop_assert_eq!(Kind::Secret.check(&text), Some(Checked::Text(text)));
    }

    #[test]
    fn whole_numbers_in_range_are_taken_as_they_are(number in 3_u64..=300) {
        let kind = Kind::Whole { min: 3, max: 300, unit: "of them" };
        prop_assert_eq!(kind.check(&number.to_string()), Some(Checked::Number(number)));
    }

    #[test]
    fn milliseconds_written_as_seconds_are_exact(ms in 1_u64..=3_600_000) {
        let text = format!("{}.{:03}", ms / 1000, ms % 1000);
        let kind = Kind::Seconds { min: 0.0, max: 3600.0 };
        let taken = kind.check(&text);
        let Some(Checked::Duration(duration)) = taken else { panic!("{taken:?}") };
        let error = duration.abs_diff(Duration::from_millis(ms));
        prop_assert!(error < Duration::from_micros(1), "{:?}", duration);
    }

    #[test]
    fn topics_within_kafkas_alphabet_are_taken(topic in "[a-zA-Z0-9_-][a-zA-Z0-9._-]{0,200}") {
        let taken = Kind::Topic { longest: 249 }.check(&topic);
        prop_assert_eq!(taken, Some(Checked::Text(topic)));
    }
}
