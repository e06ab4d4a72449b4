//! `dead-letters show`: headers and value.

use std::process::ExitCode;

use anyhow::Result;
use bytes::Bytes;
use serde_json::{Value, json};
use service::settings::ProcessorSettings;

use super::letter::Letter;
use super::list;
use super::scan::Scan;
use super::selection::Selection;
use crate::tools::escape::{cut, in_json, printable};
use crate::tools::moment::Moment;
use crate::tools::session::{self, Session};

pub(super) const DETAILS: &str = "\
What a terminal would obey is escaped: \\n, \\u{1b}, and \\xff for bytes that are no text. Exit status 1 if
there is no such letter.

Examples:
  hash-processor dead-letters show 0/41
  hash-processor dead-letters show --id test-123 --bytes 1000000";

/// What `show` takes beside the selection.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    selection: Selection,

    /// Show so many bytes of each value and each header at most
    #[arg(long, value_name = "bytes", default_value_t = 4096)]
    bytes: usize,

    /// End after so many
    #[arg(long, value_name = "letters", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    limit: u64,

    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

pub(super) fn run(settings: ProcessorSettings, arguments: Arguments) -> Result<ExitCode> {
    let topic = settings.kafka.dead_letter_topic();
    session::run(&settings.kafka, async |session| {
        let Arguments { selection, bytes, limit, json } = &arguments;
        let mut scan = Scan::open(session, &topic, selection).await?;
        let mut shown = 0;
        while let Some(letter) = scan.next().await? {
            if shown == *limit {
                session.note("there are more: --limit shows them");
                break;
            }
            if *json {
                session.line(whole(&letter, *bytes))?;
            } else {
                if shown > 0 {
                    session.line("")?;
                }
                show(session, &topic, &letter, *bytes)?;
            }
            shown += 1;
        }
        if shown == 0 {
            session.note(format_args!("no such dead letter in {topic}"));
            return Ok(ExitCode::FAILURE);
        }
        Ok(ExitCode::SUCCESS)
    })
}

fn show(session: &Session<'_>, topic: &str, letter: &Letter, longest: usize) -> Result<()> {
    let text = |text: Option<&String>| text.map_or("unknown".to_owned(), |text| printable(text.as_bytes()));
    session.line(format_args!("{topic}/{}", letter.place))?;
    session
        .line(format_args!("  given up   {}", letter.time.map_or("unknown".to_owned(), Moment::in_words)))?;
    session.line(format_args!("  reason     {}", text(letter.reason.as_ref())))?;
    session.line(format_args!("  message    {}", text(letter.message.as_ref())))?;
    session.line(format_args!("  from       {}", text(letter.origin().as_ref())))?;
    session.line(format_args!("  id         {}", text(letter.id.as_ref())))?;
    session.line(format_args!("  key        {}", value(letter.record.key.as_ref(), longest)))?;
    for (name, header) in &letter.record.headers {
        session.line(format_args!(
            "  header     {}: {}",
            printable(name),
            value(header.as_ref(), longest)
        ))?;
    }
    session.line(format_args!("  value      {}", value(letter.record.value.as_ref(), longest)))
}

fn value(bytes: Option<&Bytes>, longest: usize) -> String {
    let Some(bytes) = bytes else { return "(null)".to_owned() };
    match cut(bytes, longest) {
        (text, 0) => text,
        (text, left_out) => format!("{text} … {left_out} of {} bytes more (--bytes)", bytes.len()),
    }
}

/// All of the letter, its value and its headers cut.
fn whole(letter: &Letter, longest: usize) -> Value {
    let shown = |bytes: &Bytes| in_json(Some(&bytes[..text_end(bytes, longest)]));
    let header = |(name, value): &(Bytes, Option<Bytes>)| json!({ "name": in_json(Some(name)), "value": value.as_ref().map(shown) });
    let mut whole = list::summary(letter);
    whole["headers"] = letter.record.headers.iter().map(header).collect();
    whole["value"] = letter.record.value.as_ref().map_or(Value::Null, shown);
    whole["value_is_cut"] = json!(letter.record.value.as_ref().is_some_and(|value| value.len() > longest));
    whole
}

/// Where to cut, so that text stays text.
fn text_end(bytes: &[u8], longest: usize) -> usize {
    match str::from_utf8(bytes) {
        Ok(text) => text.floor_char_boundary(longest),
        Err(_) => bytes.len().min(longest),
    }
}

#[cfg(test)]
mod tests {
    use super::super::letter::tests::letter;
    use super::*;

    #[test]
    fn a_long_value_is_cut_and_says_so() {
        assert_eq!(value(Some(&"abcdef".into()), 4), "abcd … 2 of 6 bytes more (--bytes)");
        assert_eq!(value(Some(&"abcd".into()), 4), "abcd");
        assert_eq!(value(None, 4), "(null)");
    }

    #[test]
    fn json_has_headers_in_their_order_and_text_that_is_cut_between_characters() {
        let shown = whole(&letter("ééé", &[("b", Some("1")), ("a", None)]), 3);
        assert_eq!(shown["headers"], json!([{ "name": "b", "value": "1" }, { "name": "a", "value": null }]));
        assert_eq!((&shown["value"], &shown["value_is_cut"]), (&json!("é"), &json!(true)));
        assert_eq!(shown["value_bytes"], 6);
    }
}
