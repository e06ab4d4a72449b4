//! What both `main` functions do: settings, logs, signals, the service, the exit status.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Context;
use tracing::{error, info, warn};

use crate::settings::catalogue::Service;
use crate::settings::{Inputs, Loaded, Settings, SettingsError};
use crate::{Shutdown, telemetry};

const CLEAN_STOP: u8 = 0;
const OTHER_TROUBLE: u8 = 1;
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
    telemetry::log_panics();
    ExitCode::from(status(
        program,
        &Inputs::of_process(),
        &mut std::io::stdout(),
        &mut std::io::stderr(),
        run,
    ))
}

/// The exit status. Until logs are set up it speaks to the person who started the program, on `out` and `err`.
fn status<T, F>(program: &Program, inputs: &Inputs, out: &mut dyn Write, err: &mut dyn Write, run: F) -> u8
where
    T: Settings,
    F: FnOnce(T, Shutdown) -> anyhow::Result<()>,
{
    let Loaded { settings, notices } = match T::load(program, inputs) {
        Ok(loaded) => loaded,
        // If nobody listens there is nobody to tell.
        Err(SettingsError::Asked(text)) => {
            let _ = write!(out, "{text}");
            return CLEAN_STOP;
        }
        Err(wrong) => {
            let _ = writeln!(err, "{}", wrong.to_string().trim_end());
            return BAD_SETTING;
        }
    };
    telemetry::init(settings.log());
    info!(version = program.version, "{} starts", program.name());
    for notice in notices {
        warn!("{notice}");
    }
    let ended = Shutdown::on_signals()
        .context("cannot listen for signals")
        .and_then(|shutdown| run(settings, shutdown));
    match ended {
        Ok(()) => {
            info!("{} has stopped", program.name());
            CLEAN_STOP
        }
        Err(error) => {
            error!("{} stops: {error:#}", program.name());
            OTHER_TROUBLE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::GatewaySettings;

    const PROGRAM: Program = Program { service: Service::Gateway, version: "1.2.3", about: "A gateway." };

    /// Status, stdout and stderr of a start with these arguments.
    fn start(
        arguments: &[&str],
        run: impl FnOnce(GatewaySettings) -> anyhow::Result<()>,
    ) -> (u8, String, String) {
        let arguments = std::iter::once("program").chain(arguments.iter().copied()).map(Into::into).collect();
        let directory = "/nowhere/at/all".into();
        let inputs = Inputs { arguments, environment: Vec::new(), directory };
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let status = status(&PROGRAM, &inputs, &mut out, &mut err, |settings, _| run(settings));
        (status, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
    }

    #[test]
    fn a_clean_stop_is_0_and_the_service_gets_its_settings() {
        let (status, out, err) = start(&["--service-1-port", "4000", "--rust-log", "off"], |settings| {
            anyhow::ensure!(settings.port == 4000, "port is {}", settings.port);
            Ok(())
        });
        assert_eq!((status, out.as_str(), err.as_str()), (0, "", ""));
    }

    #[test]
    fn trouble_is_1() {
        let (status, out, err) = start(&["--rust-log", "off"], |_| anyhow::bail!("the port is taken"));
        assert_eq!((status, out.as_str(), err.as_str()), (1, "", ""));
    }

    #[test]
    fn a_bad_setting_is_2_and_is_said_on_stderr() {
        let (status, out, err) = start(&["--service-1-port", "x"], |_| unreachable!("does not run"));
        let said = "bad setting SERVICE_1_PORT (from the command line): found \"x\", \
                    expected a port, 0 to 65535 (0 means any free one)\n";
        assert_eq!((status, out.as_str(), err.as_str()), (2, "", said));
    }

    #[test]
    fn an_unknown_flag_is_2_and_is_said_on_stderr() {
        let (status, out, err) = start(&["--service-1-prot", "1"], |_| unreachable!("does not run"));
        assert_eq!((status, out.as_str()), (2, ""));
        assert!(err.contains("unexpected argument '--service-1-prot'"), "{err}");
    }

    #[test]
    fn help_and_version_are_0_and_are_said_on_stdout() {
        let (status, out, err) = start(&["--version"], |_| unreachable!("does not run"));
        assert_eq!((status, out.as_str(), err.as_str()), (0, "api-gateway 1.2.3\n", ""));
        let (status, out, err) = start(&["--help"], |_| unreachable!("does not run"));
        assert_eq!((status, err.as_str()), (0, ""));
        assert!(out.starts_with("A gateway.\n"), "{out}");
    }
}
