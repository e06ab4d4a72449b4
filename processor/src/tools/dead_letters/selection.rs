//! Which dead letters are meant.

use protocol::ErrorCode;

use super::letter::Letter;
use super::place::Stretch;
use crate::handler::HANDLER_PANICKED;
use crate::tools::moment::Moment;

/// Filters that list, show and replay share. A letter has to pass all of them.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Selection {
    /// Where to look in the dead-letter topic, as `list` prints it: a partition (0), an offset of it (0/41), or several
    /// (0/41-60) [default: everywhere]
    #[arg(value_name = "place")]
    pub(super) places: Vec<Stretch>,

    /// Only letters with this reason, such as malformed or failed; several separated by commas
    #[arg(long = "reason", value_name = "code,…", value_delimiter = ',', value_parser = reason)]
    pub(super) reasons: Vec<String>,

    /// Only letters with this correlation id
    #[arg(long = "id", value_name = "id")]
    pub(super) ids: Vec<String>,

    /// Only letters given up at this time or later: 2026-11-25T04:30:00Z, or how long ago: 90s, 30m, 2h, 7d
    #[arg(long, value_name = "time")]
    pub(super) since: Option<Moment>,

    /// Only letters given up before this time, written in the same way
    #[arg(long, value_name = "time")]
    pub(super) until: Option<Moment>,
}

/// A reason that workers give. Any other would be a slip, and nothing found by it no good news.
fn reason(text: &str) -> Result<String, String> {
    let known: Vec<_> = ErrorCode::ALL.map(ErrorCode::as_str).into_iter().chain([HANDLER_PANICKED]).collect();
    if known.contains(&text) { Ok(text.to_owned()) } else { Err(format!("expected {}", known.join(", "))) }
}

impl Selection {
    /// Whether it means any letter at all.
    pub(super) fn is_everything(&self) -> bool {
        let Self { places, reasons, ids, since, until } = self;
        places.is_empty() && reasons.is_empty() && ids.is_empty() && since.is_none() && until.is_none()
    }

    /// Whether `letter`, wherever it stands, is meant.
    pub(super) fn includes(&self, letter: &Letter) -> bool {
        let one_of = |wanted: &[String], found: Option<&String>| {
            wanted.is_empty() || found.is_some_and(|found| wanted.contains(found))
        };
        one_of(&self.reasons, letter.reason.as_ref())
            && one_of(&self.ids, letter.id.as_ref())
            && self.since.is_none_or(|since| letter.time.is_some_and(|time| time >= since))
            && self.until.is_none_or(|until| letter.time.is_some_and(|time| time < until))
    }
}

#[cfg(test)]
mod tests {
    use super::super::letter::tests::letter;
    use super::*;

    fn all() -> Selection {
        Selection { places: vec![], reasons: vec![], ids: vec![], since: None, until: None }
    }

    #[test]
    fn only_reasons_that_workers_give_are_taken() {
        for known in ["malformed", "failed", "reply_topic_not_allowed", "handler_panicked"] {
            assert_eq!(reason(known).as_deref(), Ok(known));
        }
        for unknown in ["", "nosuch", "Failed", "failed "] {
            let words = reason(unknown).unwrap_err();
            assert!(words.contains("malformed, ") && words.contains("handler_panicked"), "{words}");
        }
    }

    #[test]
    fn a_letter_has_to_pass_every_filter() {
        let letter = letter("x", &[("dlq-reason", Some("failed")), ("dlq-time", Some("1700000000000"))]);
        let at = |text: &str| text.parse::<Moment>().ok();
        let (at_it, later) = (at("2023-11-14T22:13:20Z"), at("2023-11-14T22:13:21Z"));
        for (selection, includes) in [
            (all(), true),
            (Selection { reasons: vec!["malformed".into(), "failed".into()], ..all() }, true),
            (Selection { reasons: vec!["malformed".into()], ..all() }, false),
            (Selection { ids: vec!["key-1".into()], ..all() }, true),
            (Selection { ids: vec!["key".into()], ..all() }, false),
            (Selection { since: at_it, until: later, ..all() }, true),
            (Selection { since: later, ..all() }, false),
            (Selection { until: at_it, ..all() }, false),
            (Selection { reasons: vec!["failed".into()], ids: vec!["other".into()], ..all() }, false),
        ] {
            assert_eq!(selection.includes(&letter), includes, "{selection:?}");
        }
    }
}
