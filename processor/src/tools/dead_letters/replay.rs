//! `dead-letters replay`: write dead letters back to the topic that they came from.
//!
//! One after the other, each acknowledged before the next, so that the lines say what was done. It ends where the topic
//! ended when it began: what comes back meanwhile is not replayed again. See [`renew`](super::renew) for what is written.

use std::process::ExitCode;

use anyhow::{Result, ensure};
use chrono::Utc;
use kafka::batch::RawAppender;
use kafka::topics;
use service::settings::ProcessorSettings;

use super::letter::Letter;
use super::renew::{Origin, Renewed};
use super::scan::Scan;
use super::selection::Selection;
use crate::Operations;
use crate::tools::escape::printable;
use crate::tools::session::{self, Session};

pub(super) const DETAILS: &str = "\
Without --yes it says what it would do and writes nothing. What is written back keeps key, value and
correlation id; deadline and reply address of the first attempt are dropped, so the reply goes to the response
topic, where whoever asked first does not wait for it any more. A letter stays in the dead-letter topic, so
replaying it twice executes it twice; the worker may have executed it before.

Exit status: 0 if all that was meant was replayed (or would be), 1 if anything was refused or failed.

Examples:
  hash-processor dead-letters replay 0/41
  hash-processor dead-letters replay --reason failed --since 2h
  hash-processor dead-letters replay --reason failed --since 2h --yes";

/// What `replay` takes beside the selection.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    selection: Selection,

    /// Every letter that there is, where no place, reason, id or time says which
    #[arg(long)]
    all: bool,

    /// Do it
    #[arg(long)]
    yes: bool,

    /// Also what would come straight back for the same reason
    #[arg(long)]
    force: bool,

    /// End after so many [default: none]
    #[arg(long, value_name = "letters", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
}

/// What became of the letters.
#[derive(Debug, Default)]
struct Tally {
    replayed: u64,
    refused: u64,
}

pub(super) fn run(settings: ProcessorSettings, arguments: Arguments) -> Result<ExitCode> {
    let everything = arguments.selection.is_everything();
    ensure!(
        arguments.all || !everything,
        "say which: a place, --reason, --id, --since, --until, or --all for every letter"
    );
    ensure!(!arguments.all || everything, "--all does not go with a place, a reason, an id or a time");
    let (topic, request_topic) = (settings.kafka.dead_letter_topic(), &settings.kafka.request_topic);
    session::run(&settings.kafka, async |session| {
        let operations = Operations::shipped();
        let partitions = topics::partition_count(&session.kafka, request_topic).await?;
        let origin = Origin { request_topic, partitions, dead_letter_topic: &topic, operations: &operations };
        let mut scan = Scan::open(session, &topic, &arguments.selection).await?;
        let mut appender = RawAppender::new(&session.kafka, request_topic);
        let mut tally = Tally::default();
        while arguments.limit.is_none_or(|limit| tally.replayed < limit) {
            let Some(letter) = scan.next().await? else { break };
            replay(session, &arguments, &origin, &letter, &mut appender, &mut tally).await?;
        }
        session.line(summary(&arguments, &tally))?;
        Ok(if tally.refused == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    })
}

async fn replay(
    session: &Session<'_>,
    arguments: &Arguments,
    origin: &Origin<'_>,
    letter: &Letter,
    appender: &mut RawAppender,
    tally: &mut Tally,
) -> Result<()> {
    let what = in_words(letter);
    let renewed = match origin.renew(letter, Utc::now().timestamp_millis()) {
        Ok(renewed) => renewed,
        Err(refusal) => {
            tally.refused += 1;
            return session
                .line(format_args!("refused {what}: {}", printable(refusal.to_string().as_bytes())));
        }
    };
    if let Some(why) = renewed.comes_back.as_ref().filter(|_| !arguments.force) {
        tally.refused += 1;
        let why = printable(why.as_bytes());
        return session.line(format_args!("refused {what}: it would come straight back: {why}"));
    }
    let Renewed { record, partition, left_out, .. } = renewed;
    let without = match left_out.as_slice() {
        [] => String::new(),
        names => format!(" without unreadable headers {}", names.join(", ")),
    };
    let to = format!("{}/{partition}", origin.request_topic);
    if !arguments.yes {
        tally.replayed += 1;
        return session.line(format_args!("would replay {what} to {to}{without}"));
    }
    match appender.append(partition, &record).await {
        Ok(offset) => {
            tally.replayed += 1;
            session.line(format_args!("replayed {what} to {to} at {offset}{without}"))
        }
        Err(error) => {
            let became =
                if error.may_be_there { "may or may not have been replayed" } else { "was not replayed" };
            let so_far = format!("{what} {became}; {} before it were, none behind it", tally.replayed);
            Err(anyhow::Error::new(error.source).context(so_far))
        }
    }
}

fn in_words(letter: &Letter) -> String {
    let text = |text: Option<&String>| text.map_or("unknown".to_owned(), |text| printable(text.as_bytes()));
    format!("{} ({}, id {})", letter.place, text(letter.reason.as_ref()), text(letter.id.as_ref()))
}

fn summary(arguments: &Arguments, tally: &Tally) -> String {
    let Tally { replayed, refused } = tally;
    let hint = if *refused > 0 && !arguments.force { " (--force replays what would come back)" } else { "" };
    if arguments.yes {
        format!("{replayed} replayed, {refused} refused{hint}")
    } else {
        format!("{replayed} would be replayed, {refused} refused{hint}; nothing was written: --yes does it")
    }
}
