//! `hash-processor dead-letters`: look at the records that were given up, and hand them in again.
//!
//! ```text
//!   Selection ─▶ Scan: the dead-letter topic up to its end as of now, by time ─▶ Letter ─┬▶ list
//!                                                                                        ├▶ show
//!                                                        request topic ◀═ renew: fresh ◀─┴▶ replay
//! ```

mod letter;
mod list;
mod place;
mod renew;
mod replay;
mod scan;
mod selection;
mod show;

use service::Command;
use service::settings::ProcessorSettings;

use super::OF_DEAD_LETTERS;

/// The group of commands.
pub(super) fn commands() -> Command<ProcessorSettings> {
    let list = Command::new("list", "List dead letters, oldest first", list::run).details(list::DETAILS);
    let show =
        Command::new("show", "Show dead letters whole: headers and value", show::run).details(show::DETAILS);
    let replay = Command::new("replay", "Write dead letters back to the request topic", replay::run)
        .details(replay::DETAILS);
    Command::group(
        "dead-letters",
        "Look at the records that were given up, and hand them in again",
        vec![list.uses(OF_DEAD_LETTERS), show.uses(OF_DEAD_LETTERS), replay.uses(OF_DEAD_LETTERS)],
    )
}
