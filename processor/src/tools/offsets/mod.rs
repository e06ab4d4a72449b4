//! `hash-processor offsets`: where the worker group goes on, and how to set that.

mod reset;
mod show;
mod target;
mod view;

use service::Command;
use service::settings::ProcessorSettings;

use super::OF_OFFSETS;

/// The group of commands.
pub(super) fn commands() -> Command<ProcessorSettings> {
    let show = Command::new("show", "Show where the worker group stands in each partition", show::run)
        .details(show::DETAILS);
    let reset =
        Command::new("reset", "Set where the worker group goes on", reset::run).details(reset::DETAILS);
    Command::group(
        "offsets",
        "See and set where the worker group goes on",
        vec![show.uses(OF_OFFSETS), reset.uses(OF_OFFSETS)],
    )
}
