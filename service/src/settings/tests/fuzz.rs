//! Settings as somebody may have written them: wrong ones are told of, and secrets are not shown.

use fuzz::Target;

use super::{GATEWAY, PROCESSOR, Start};
use crate::settings::{GatewaySettings, ProcessorSettings, Settings, SettingsError};

/// The secret in the corpus.
const SECRET: &str = "hunter2";
/// The lines in which it is one. A mutated name may make something else of it, and quotes may move it elsewhere.
const SECRET_LINES: [&str; 4] = [
    "kafka_sasl_password = \"hunter2\"",
    "kafka_sasl_password = \"hunter2",
    "KAFKA_SASL_PASSWORD=hunter2",
    "OTEL_EXPORTER_OTLP_HEADERS=authorization=Bearer%20hunter2,a=b",
];

/// `quotes` are what a value of several lines is put into.
fn judge(start: &Start, text: &str, quotes: [&str; 2]) {
    let mut of_secret = text.lines().filter(|line| line.contains(SECRET));
    let is_secret = of_secret.all(|line| SECRET_LINES.contains(&line))
        && !quotes.iter().any(|quote| text.contains(quote));
    let judge = |error: Option<SettingsError>| {
        let Some(error) = error else { return };
        let words = error.to_string();
        assert!(!words.is_empty());
        assert!(!(is_secret && words.contains(SECRET)), "a secret in: {words}");
    };
    judge(GatewaySettings::load(&GATEWAY, &start.inputs()).err());
    judge(ProcessorSettings::load(&PROCESSOR, &start.inputs()).err());
}

/// A settings file.
#[test]
fn fuzz_settings_file() {
    let start = Start::new().flags(&["--config", "settings.toml"]);
    Target::new("settings-file").memory(4 << 20, 4 << 10).run(|file| {
        std::fs::write(start.path().join("settings.toml"), file).unwrap();
        judge(&start, &String::from_utf8_lossy(file), ["\"\"\"", "'''"]);
    });
}

/// Lines `NAME=value`: as `.env`, as variables and as flags.
#[test]
fn fuzz_settings_variables() {
    Target::new("settings-variables").memory(4 << 20, 4 << 10).run(|input| {
        let text = String::from_utf8_lossy(input);
        let mut start = Start::new().dot_env(&text);
        judge(&start, &text, ["\"", "'"]);
        let pairs = text.lines().filter_map(|line| line.split_once('='));
        start.environment = pairs.clone().map(|(name, value)| (name.into(), value.into())).collect();
        judge(&start, &text, ["\"", "'"]);
        start.environment.clear();
        let flag = |(name, value): (&str, &str)| {
            format!("--{}={value}", name.to_lowercase().replace('_', "-")).into()
        };
        start.arguments.extend(pairs.map(flag));
        judge(&start, &text, ["\"", "'"]);
    });
}
