//! `offsets reset`: the group goes on elsewhere. Only for a group without members: those own their offsets, and would
//! write over what is set here.

use std::collections::BTreeMap;
use std::process::ExitCode;

use anyhow::{Error, Result, bail, ensure};
use kafka::group::{GroupDescription, set_offsets};
use kafka::wire::{ResponseError, WireError};
use service::settings::ProcessorSettings;

use super::target::Target;
use super::view::{Standing, View};
use crate::tools::counted;
use crate::tools::escape::printable;
use crate::tools::session;

pub(super) const DETAILS: &str = "\
Stop all workers first: it refuses while the group has members. Without --yes it says what it would do and
changes nothing. What lies behind the new offset is read again, and executed again unless its deadline is
past; what lies before it is never executed. With a time the group goes on at the first record of that time
or later.

Examples:
  hash-processor offsets reset latest                   skip everything that waits
  hash-processor offsets reset 30m --yes                read again what came in the last half hour
  hash-processor offsets reset 42 --partition 1 --yes   skip 1/41";

/// What `reset` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Where to go on: earliest, latest, an offset, a time such as 2026-11-25T04:30:00Z, or how long ago (2h)
    #[arg(value_name = "to")]
    target: Target,

    /// Only in this partition; may be given several times
    #[arg(long = "partition", value_name = "partition")]
    partitions: Vec<i32>,

    /// Do it
    #[arg(long)]
    yes: bool,
}

pub(super) fn run(settings: ProcessorSettings, arguments: Arguments) -> Result<ExitCode> {
    let (group_id, topic) = (&settings.group_id, &settings.kafka.request_topic);
    session::run(&settings.kafka, async |session| {
        let Arguments { target, partitions, yes } = &arguments;
        let View { group, standings } = View::of(&session.kafka, group_id, topic).await?;
        refuse_members(group_id, &group)?;
        let standings = chosen(standings, partitions, topic)?;
        let offsets = target.resolve(&session.kafka, topic, &standings).await?;
        let changed: BTreeMap<i32, i64> = standings
            .iter()
            .filter_map(|standing| offsets.get_key_value(&standing.partition).map(|set| (standing, set)))
            .filter(|(standing, (_, offset))| standing.committed != Some(**offset))
            .map(|(_, (partition, offset))| (*partition, *offset))
            .collect();
        if *yes && !changed.is_empty() {
            let set = set_offsets(&session.kafka, group_id, topic, &changed).await;
            set.map_err(|error| not_set(group_id, error))?;
        }
        for standing in &standings {
            session.line(line(topic, standing, changed.get(&standing.partition).copied(), *yes))?;
        }
        let count = counted(changed.len(), "partition");
        session.line(match yes {
            true => format!("{count} of group {group_id} set"),
            false => format!("{count} of group {group_id} would be set; nothing was changed: --yes does it"),
        })?;
        Ok(ExitCode::SUCCESS)
    })
}

fn refuse_members(group_id: &str, group: &GroupDescription) -> Result<()> {
    if group.members.is_empty() {
        return Ok(());
    }
    let member = |member: &kafka::group::MemberDescription| {
        let words = format!("{} at {} ({})", member.client_id, member.host, member.member_id);
        format!("\n  {}", printable(words.as_bytes()))
    };
    let members: String = group.members.iter().map(member).collect();
    bail!("group {group_id} has {}; stop them first:{members}", counted(group.members.len(), "member"));
}

/// What an error means for the offsets.
fn not_set(group_id: &str, error: WireError) -> Error {
    let has_members = [ResponseError::UnknownMemberId, ResponseError::RebalanceInProgress];
    let meaning = if error.kafka().is_some_and(|code| has_members.contains(&code)) {
        format!("group {group_id} has members by now, and nothing was changed; stop them first")
    } else {
        "some partitions may be set, and some not; `offsets show` tells which".to_owned()
    };
    Error::new(error).context(meaning)
}

fn chosen(standings: Vec<Standing>, partitions: &[i32], topic: &str) -> Result<Vec<Standing>> {
    let count = standings.len();
    for partition in partitions {
        let is_there = standings.iter().any(|standing| standing.partition == *partition);
        ensure!(is_there, "{topic} has no partition {partition}, only {count} from 0 on");
    }
    let is_chosen = |standing: &Standing| partitions.is_empty() || partitions.contains(&standing.partition);
    Ok(standings.into_iter().filter(is_chosen).collect())
}

fn line(topic: &str, standing: &Standing, to: Option<i64>, done: bool) -> String {
    let place = format!("{topic}/{}", standing.partition);
    let from = standing.committed.map_or("nothing".to_owned(), |offset| offset.to_string());
    let Some(to) = to else { return format!("{place}: stays at {from}") };
    let moves = if done { "set" } else { "would be set" };
    let records = to - standing.goes_on_at();
    let meaning = match records {
        0 => "no record skipped or read again".to_owned(),
        1.. => format!("{} skipped", counted(records, "record")),
        _ => format!("{} read again", counted(-records, "record")),
    };
    format!("{place}: {moves} from {from} to {to}: {meaning}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_it_means_for_the_records() {
        let standing = |committed| Standing { partition: 1, committed, start: 10, end: 30 };
        for (committed, to, said) in [
            (Some(20), Some(30), "requests/1: would be set from 20 to 30: 10 records skipped"),
            (Some(20), Some(10), "requests/1: would be set from 20 to 10: 10 records read again"),
            (None, Some(10), "requests/1: would be set from nothing to 10: no record skipped or read again"),
            (Some(20), None, "requests/1: stays at 20"),
        ] {
            assert_eq!(line("requests", &standing(committed), to, false), said);
        }
    }

    #[test]
    fn partitions_that_are_not_there_are_refused() {
        let standings = vec![Standing { partition: 0, committed: None, start: 0, end: 0 }];
        assert!(chosen(standings.clone(), &[0, 1], "requests").is_err());
        assert_eq!(chosen(standings.clone(), &[], "requests").unwrap(), standings);
    }
}
