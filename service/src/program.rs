//! What both `main` functions do: settings, logs, signals, the service, the exit status.

use std::io::Write;
use std::process::ExitCode;

use tracing::{error, info, warn};

use crate::settings::catalogue::Service;
use crate::settings::{Inputs, Loaded, Settings, SettingsError};
use crate::{Shutdown, telemetry};

/// Exit status for a bad setting; a clean stop is 0, all other trouble 1.
const BAD_SETTING: u8 = 2;

/// A program of the stack.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    /// Which service it is; that also names it.
    pub service: Service,
    /// Its version, as in `env!("CARGO_PKG_VERSION")`.
    pub version: &'static str,
    /// What it is, in one line.
    pub about: &'static str,
}

impl Program {
    /// The name it is started by.
    pub fn name(&self) -> &'static str {
        self.service.program_name()
    }
}

/// Runs a service from start to exit status.
///
/// `run` gets the settings and the shutdown that SIGTERM and SIGINT request. It blocks until the service has
/// stopped, on a runtime of its own making. What it returns as an error ends up in the log with all its causes, so
/// it should say what to do. Status: 0 after a clean stop (and after `--help`), 2 for a bad setting, 1 for the rest.
pub fn main<T, F>(program: &Program, run: F) -> ExitCode
where
    T: Settings,
    F: FnOnce(T, Shutdown) -> anyhow::Result<()>,
{
    let Loaded { settings, notices } = match T::load(program, &Inputs::of_process()) {
        Ok(loaded) => loaded,
        Err(ended) => return without_settings(&ended),
    };
    telemetry::init(settings.log());
    telemetry::log_panics();
    info!(version = program.version, "{} starts", program.name());
    for notice in notices {
        warn!("{notice}");
    }
    let ended = Shutdown::on_signals().map_err(Into::into).and_then(|shutdown| run(settings, shutdown));
    match ended {
        Ok(()) => {
            info!("{} has stopped", program.name());
            ExitCode::SUCCESS
        }
        Err(error) => {
            error!("{} stops: {error:#}", program.name());
            ExitCode::FAILURE
        }
    }
}

/// Logs are not set up yet: these go straight to the person who started the program.
fn without_settings(ended: &SettingsError) -> ExitCode {
    // Nobody is left to tell if stdout or stderr is closed.
    match ended {
        SettingsError::Asked(text) => {
            let _ = write!(std::io::stdout(), "{text}");
            ExitCode::SUCCESS
        }
        SettingsError::CommandLine(_) | SettingsError::Bad(_) => {
            let _ = writeln!(std::io::stderr(), "{}", ended.to_string().trim_end());
            ExitCode::from(BAD_SETTING)
        }
    }
}
