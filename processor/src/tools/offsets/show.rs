//! `offsets show`: one line a partition.

use std::process::ExitCode;

use anyhow::Result;
use serde_json::json;
use service::settings::ProcessorSettings;

use super::view::View;
use crate::tools::counted;
use crate::tools::escape::printable;
use crate::tools::session;

pub(super) const DETAILS: &str = "\
COMMITTED is where the group goes on, - if it never committed anything; START and END are those of the
partition; LAG is how many records are not finished; MEMBER is the client id, host and member id of whoever
reads it.";

/// What `show` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

pub(super) fn run(settings: ProcessorSettings, arguments: Arguments) -> Result<ExitCode> {
    let (group_id, topic) = (&settings.group_id, &settings.kafka.request_topic);
    session::run(&settings.kafka, async |session| {
        let View { group, standings } = View::of(&session.kafka, group_id, topic).await?;
        if !arguments.json {
            let state = &group.state;
            let members = counted(group.members.len(), "member");
            session.line(format_args!("group {group_id} on {topic}: {state}, {members}"))?;
            session.line(row(["PARTITION", "COMMITTED", "START", "END", "LAG", "MEMBER"]))?;
        }
        for standing in &standings {
            let owner = group.owner(standing.partition);
            let member =
                owner.map(|member| format!("{} {} {}", member.client_id, member.host, member.member_id));
            if arguments.json {
                session.line(json!({
                    "group": group_id,
                    "topic": topic,
                    "partition": standing.partition,
                    "committed": standing.committed,
                    "start": standing.start,
                    "end": standing.end,
                    "lag": standing.lag(),
                    "member": owner.map(|member| json!({
                        "client_id": member.client_id,
                        "host": member.host,
                        "member_id": member.member_id,
                    })),
                }))?;
                continue;
            }
            session.line(row([
                &standing.partition.to_string(),
                &standing.committed.map_or("-".to_owned(), |offset| offset.to_string()),
                &standing.start.to_string(),
                &standing.end.to_string(),
                &standing.lag().to_string(),
                &member.map_or("-".to_owned(), |member| printable(member.as_bytes())),
            ]))?;
        }
        Ok(ExitCode::SUCCESS)
    })
}

fn row([partition, committed, start, end, lag, member]: [&str; 6]) -> String {
    format!("{partition:>9}  {committed:>12}  {start:>12}  {end:>12}  {lag:>10}  {member}")
}
