//! `dead-letters list`: one line each.

use std::collections::BTreeMap;
use std::process::ExitCode;

use anyhow::Result;
use serde_json::{Value, json};
use service::settings::ProcessorSettings;

use super::letter::Letter;
use super::scan::Scan;
use super::selection::Selection;
use crate::tools::escape::{in_json, printable};
use crate::tools::moment::Moment;
use crate::tools::session;

pub(super) const DETAILS: &str = "\
PLACE is where the letter stands in the dead-letter topic, for `show` and `replay`; FROM is where the
record stood in the request topic; TRIES is how often a handler saw it; REPLAYS is how often it was replayed.

Examples:
  hash-processor dead-letters list --since 2h
  hash-processor dead-letters list --reason failed,handler_panicked --limit 1000 --json";

/// Characters of a message in the table; `show` has all of it.
const MESSAGE_WIDTH: usize = 100;

/// What `list` takes beside the selection.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    selection: Selection,

    /// End after so many
    #[arg(long, value_name = "letters", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..))]
    limit: u64,

    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

pub(super) fn run(settings: ProcessorSettings, arguments: Arguments) -> Result<ExitCode> {
    let topic = settings.kafka.dead_letter_topic();
    session::run(&settings.kafka, async |session| {
        let Arguments { selection, limit, json } = &arguments;
        let mut scan = Scan::open(session, &topic, selection).await?;
        let mut reasons = BTreeMap::<String, u64>::new();
        let mut listed = 0;
        while let Some(letter) = scan.next().await? {
            if listed == *limit {
                session
                    .note(format_args!("there are more: --limit, --since, --until or --reason choose which"));
                break;
            }
            if *json {
                session.line(summary(&letter))?;
            } else {
                if listed == 0 {
                    session.line(row([
                        "TIME", "PLACE", "REASON", "TRIES", "REPLAYS", "FROM", "ID", "MESSAGE",
                    ]))?;
                }
                session.line(line(&letter))?;
            }
            listed += 1;
            *reasons.entry(letter.reason.unwrap_or_default()).or_default() += 1;
        }
        let by_reason =
            reasons.iter().map(|(reason, count)| format!("{count} {}", printable(reason.as_bytes())));
        match listed {
            0 if selection.is_everything() => session.note(format_args!("no dead letters in {topic}")),
            0 => session.note(format_args!("no dead letters in {topic} are meant by that")),
            _ => session.note(format_args!("{listed} listed: {}", by_reason.collect::<Vec<_>>().join(", "))),
        }
        Ok(ExitCode::SUCCESS)
    })
}

/// Cells one behind the other; one that is too long moves the others, and loses nothing.
fn row(cells: [&str; 8]) -> String {
    let [time, place, reason, tries, replays, from, id, message] = cells;
    let row = format!(
        "{time:<20}  {place:<8}  {reason:<23}  {tries:>5}  {replays:>7}  {from:<22}  {id:<36}  {message}"
    );
    row.trim_end().to_owned()
}

fn line(letter: &Letter) -> String {
    let text = |text: Option<&String>| text.map_or("-".to_owned(), |text| printable(text.as_bytes()));
    let message = text(letter.message.as_ref());
    row([
        &letter.time.map_or("-".to_owned(), Moment::in_words),
        &letter.place.to_string(),
        &text(letter.reason.as_ref()),
        &letter.attempts.map_or("-".to_owned(), |attempts| attempts.to_string()),
        &letter.replays.to_string(),
        &text(letter.origin().as_ref()),
        &text(letter.id.as_ref()),
        &message.chars().take(MESSAGE_WIDTH).collect::<String>(),
    ])
}

/// Everything but headers and value.
pub(super) fn summary(letter: &Letter) -> Value {
    json!({
        "time": letter.time.map(Moment::in_words),
        "place": letter.place.to_string(),
        "reason": letter.reason,
        "message": letter.message,
        "tries": letter.attempts,
        "replays": letter.replays,
        "from": { "topic": letter.topic, "partition": letter.partition, "offset": letter.offset },
        "id": letter.id,
        "key": in_json(letter.record.key.as_deref()),
        "value_bytes": letter.record.value.as_ref().map(bytes::Bytes::len),
    })
}

#[cfg(test)]
mod tests {
    use super::super::letter::tests::letter;
    use super::*;

    #[test]
    fn a_line_has_everything_that_show_and_replay_take() {
        let line = line(&letter(
            "nonsense",
            &[
                ("dlq-reason", Some("malformed")),
                ("dlq-message", Some("bad\n\x1b[2Jnews")),
                ("dlq-topic", Some("hash_requests")),
                ("dlq-partition", Some("1")),
                ("dlq-offset", Some("57")),
                ("dlq-attempts", Some("0")),
            ],
        ));
        let cells: Vec<_> = line.split_whitespace().collect();
        let expected = [
            "2023-11-14T22:13:20Z",
            "0/7",
            "malformed",
            "0",
            "0",
            "hash_requests/1/57",
            "key-1",
            r"bad\n\u{1b}[2Jnews",
        ];
        assert_eq!(cells, expected);
    }

    #[test]
    fn one_without_headers_is_listed_too() {
        let letter = letter("nonsense", &[]);
        let cells: Vec<_> = line(&letter).split_whitespace().map(str::to_owned).collect();
        assert_eq!(cells, ["2023-11-14T22:13:20Z", "0/7", "-", "-", "0", "-", "key-1", "-"]);
        assert_eq!(summary(&letter)["reason"], Value::Null);
    }
}
