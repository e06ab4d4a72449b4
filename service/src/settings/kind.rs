//! What a setting's value may look like. Every layer, typed or not, is read as text, so one rule judges a value
//! wherever it comes from, and text that looks like a number (`KAFKA_CLIENT_ID=123`) stays text.

use std::net::IpAddr;
use std::time::Duration;

use tracing_subscriber::EnvFilter;

use crate::settings::pairs;

/// The kinds of values.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// 1 to 255 characters, none of them a control character.
    Text,
    /// The same; may be none.
    Name,
    /// `host:port`, several separated by commas.
    Brokers,
    /// A topic's name by Kafka's rules, at most `longest` characters (Kafka's own limit is 249).
    Topic {
        /// Most characters.
        longest: usize,
    },
    /// Topic names separated by commas; may be none.
    Topics,
    /// An IP address or a host name.
    Host,
    /// A TCP port; 0 stands for any free one.
    Port,
    /// A duration in seconds, fractions allowed.
    Seconds {
        /// Least.
        min: f64,
        /// Most.
        max: f64,
    },
    /// A whole number of something.
    Whole {
        /// Least.
        min: u64,
        /// Most.
        max: u64,
        /// What is counted.
        unit: &'static str,
    },
    /// `true` or `false`.
    Switch,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A filter for log lines as tracing's `EnvFilter` reads it.
    LogFilter,
    /// The name of a file; may be none.
    Path,
    /// Some of these words, separated by commas; may be none.
    Choices(&'static [&'static str]),
    /// Text that no message, help or log ever shows.
    Secret,
    /// An `http://` address; may be none.
    HttpUrl,
    /// `name=value`, several separated by commas, with `%`-escapes; may be none.
    Pairs,
    /// A number from 0 to 1.
    Share,
}

/// A value that its [`Kind`] has found good.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Checked {
    Text(String),
    List(Vec<String>),
    Number(u64),
    Duration(Duration),
    Switch(bool),
}

impl Kind {
    /// Reads `text`, or finds it is not what [`Kind::expected`] says.
    pub(super) fn check(self, text: &str) -> Option<Checked> {
        match self {
            Self::Text => is_text(text).then(|| Checked::Text(text.to_owned())),
            Self::Name => (text.is_empty() || is_text(text)).then(|| Checked::Text(text.to_owned())),
            Self::Secret => Some(Checked::Text(text.to_owned())),
            Self::Path => is_path(text).then(|| Checked::Text(text.to_owned())),
            Self::Choices(words) => list(text, |word| words.contains(&word)).map(Checked::List),
            Self::Brokers => list(text, is_broker).filter(|brokers| !brokers.is_empty()).map(Checked::List),
            Self::Topics => list(text, |topic| is_topic(topic, 249)).map(Checked::List),
            Self::Topic { longest } => is_topic(text, longest).then(|| Checked::Text(text.to_owned())),
            Self::Host => is_host(text).then(|| Checked::Text(text.to_owned())),
            Self::Port => whole(text, 0, u64::from(u16::MAX)),
            Self::Whole { min, max, .. } => whole(text, min, max),
            Self::Seconds { min, max } => seconds(text, min, max).map(Checked::Duration),
            Self::Switch => match text.trim() {
                "true" => Some(Checked::Switch(true)),
                "false" => Some(Checked::Switch(false)),
                _ => None,
            },
            Self::Choice(words) => {
                words.contains(&text.trim()).then(|| Checked::Text(text.trim().to_owned()))
            }
            Self::HttpUrl => (text.is_empty() || is_http_url(text)).then(|| Checked::Text(text.to_owned())),
            Self::Pairs => pairs::read(text).map(|_| Checked::Text(text.to_owned())),
            Self::Share => {
                let share = text.trim().parse::<f64>().ok()?;
                (0.0..=1.0).contains(&share).then(|| Checked::Text(text.to_owned()))
            }
            Self::LogFilter => {
                let good = !text.trim().is_empty() && EnvFilter::builder().parse(text).is_ok();
                (good && names_levels(text)).then(|| Checked::Text(text.to_owned()))
            }
        }
    }

    /// What a value has to be, to stand behind "expected".
    pub fn expected(self) -> String {
        match self {
            Self::Text | Self::Name => "1 to 255 characters".to_owned(),
            Self::Secret => "text".to_owned(),
            Self::Path => "the name of a file".to_owned(),
            Self::Choices(words) => format!("{}, several separated by commas", quoted(words)),
            Self::Brokers => "host:port, several separated by commas".to_owned(),
            Self::Topic { longest } => format!(
                "a topic name: 1 to {longest} characters out of a-z, A-Z, 0-9, `.`, `_` and `-`, and not `.` or `..`"
            ),
            Self::Topics => "topic names separated by commas".to_owned(),
            Self::Host => "an IP address or a host name".to_owned(),
            Self::Port => "a port, 0 to 65535 (0 means any free one)".to_owned(),
            Self::Seconds { min, max } => {
                format!("a number of seconds, {min} to {max}, fractions allowed, no unit")
            }
            Self::Whole { min, max, unit } => format!("a whole number of {unit}, {min} to {max}"),
            Self::Switch => "`true` or `false`".to_owned(),
            Self::Choice(words) => quoted(words),
            Self::HttpUrl => "an `http://` address without user or password; `https://` is not spoken, so name a collector that is near".to_owned(),
            Self::Pairs => "name=value, several separated by commas, with %-escapes in the values".to_owned(),
            Self::Share => "a number from 0 to 1".to_owned(),
            Self::LogFilter => {
                "a log filter such as `info` or `warn,api_gateway=debug` (off, error, warn, info, debug, trace; a target \
                 with its level)"
                    .to_owned()
            }
        }
    }

    /// A word for the value in `--help` and in the README's table.
    pub(super) fn unit(self) -> String {
        match self {
            Self::Text | Self::Name | Self::Secret => "text".to_owned(),
            Self::Path => "path".to_owned(),
            Self::Choices(_) => "word,…".to_owned(),
            Self::Brokers => "host:port,…".to_owned(),
            Self::Topic { .. } => "topic".to_owned(),
            Self::Topics => "topic,…".to_owned(),
            Self::Host => "host".to_owned(),
            Self::Port => "port".to_owned(),
            Self::Seconds { .. } => "seconds".to_owned(),
            Self::Whole { unit, .. } => unit.to_owned(),
            Self::Switch => "true|false".to_owned(),
            Self::Choice(words) => words.join("|"),
            Self::LogFilter => "filter".to_owned(),
            Self::HttpUrl => "http://…".to_owned(),
            Self::Pairs => "name=value,…".to_owned(),
            Self::Share => "0 to 1".to_owned(),
        }
    }

    /// Whether a file may give the value as an array.
    pub(super) fn is_list(self) -> bool {
        matches!(self, Self::Brokers | Self::Topics | Self::Choices(_))
    }
}

/// `EnvFilter` takes a lone word that is no level for a target, so that `inof` would silence everything else.
fn names_levels(filter: &str) -> bool {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    let is_level = |word: &str| LEVELS.iter().any(|level| level.eq_ignore_ascii_case(word));
    let directives = || filter.split(',').map(str::trim).filter(|directive| !directive.is_empty());
    // Filters by span may hold commas.
    filter.contains('[') || directives().all(|directive| directive.contains('=') || is_level(directive))
}

fn quoted(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" or ")
}

fn is_path(text: &str) -> bool {
    text.len() <= 4096 && !text.chars().any(char::is_control)
}

fn is_text(text: &str) -> bool {
    (1..=255).contains(&text.chars().count())
        && !text.chars().any(char::is_control)
        && !text.trim().is_empty()
}

/// Kafka's rule, and room for what is put behind the name.
fn is_topic(name: &str, longest: usize) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=longest).contains(&name.len()) && name.bytes().all(allowed) && name != "." && name != ".."
}

fn is_host(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    text.parse::<IpAddr>().is_ok() || (1..=253).contains(&text.len()) && text.bytes().all(allowed)
}

/// Without a name and password before the host: nobody would send them on, and everybody would see them in the logs.
fn is_http_url(text: &str) -> bool {
    let url = text.trim().parse::<hyper::Uri>();
    url.is_ok_and(|url| {
        url.scheme_str() == Some("http")
            && url.host().is_some_and(|host| !host.is_empty())
            && url.authority().is_some_and(|authority| !authority.as_str().contains('@'))
            && url.query().is_none()
    })
}

fn is_broker(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    let host_is_good = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.contains(':') && is_host(host),
    };
    host_is_good && matches!(whole(port, 1, u64::from(u16::MAX)), Some(Checked::Number(_)))
}

fn list(text: &str, is_good: impl Fn(&str) -> bool) -> Option<Vec<String>> {
    if text.trim().is_empty() {
        return Some(Vec::new());
    }
    text.split(',').map(str::trim).map(|part| is_good(part).then(|| part.to_owned())).collect()
}

fn whole(text: &str, min: u64, max: u64) -> Option<Checked> {
    let number = text.trim().parse::<u64>().ok()?;
    (min..=max).contains(&number).then_some(Checked::Number(number))
}

fn seconds(text: &str, min: f64, max: f64) -> Option<Duration> {
    let number = text.trim().parse::<f64>().ok()?;
    if !(min..=max).contains(&number) {
        return None;
    }
    Duration::try_from_secs_f64(number).ok()
}
