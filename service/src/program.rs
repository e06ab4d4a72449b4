//! What both `main` functions do: settings, logs, signals, the service or a command, the exit status.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Context;
use tracing::{error, info, warn};

use crate::command::Chosen;
use crate::settings::catalogue::Service;
use crate::settings::{self, Inputs, Loaded, Settings, SettingsError};
use crate::{Command, Shutdown, telemetry};

const CLEAN_STOP: ExitCode = ExitCode::SUCCESS;
const OTHER_TROUBLE: u8 = 1;
const BAD_SETTING: u8 = 2;

/// The commit that this was built from; none if the build was not told. It is told by the variable `SOURCE_COMMIT`, as
/// images are built, and asks no git itself: every commit would compile everything anew.
pub const COMMIT: Option<&str> = match option_env!("SOURCE_COMMIT") {
    Some(commit) if !commit.is_empty() => Some(commit),
    _ => None,
};

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

    /// What `--version` shows behind the name: `1.2.3 (8c5f…)`.
    pub(crate) fn version_and(&self, commit: Option<&str>) -> String {
        let commit = commit.map_or_else(String::new, |commit| format!(" ({commit})"));
        format!("{}{commit}", self.version)
    }
}

/// Runs a service, or one of `commands` if the command line names it, from start to exit status.
///
/// `run` gets the settings and the shutdown that SIGTERM, SIGINT and SIGHUP request. It blocks until the service has
/// stopped, on a runtime of its own making. What it returns as an error ends up in the log with all its causes, so
/// it should say what to do. Status: 0 after a clean stop (and after `--help`), 2 for a bad setting, 1 for the rest;
/// after a command, what the command says.
pub fn main<T, F>(program: &Program, commands: &[Command<T>], run: F) -> ExitCode
where
    T: Settings,
    F: FnOnce(T, Shutdown) -> anyhow::Result<()>,
{
    telemetry::log_panics();
    status(program, commands, &Inputs::of_process(), &mut std::io::stdout(), &mut std::io::stderr(), run)
}

/// The exit status. Until logs are set up it speaks to the person who started the program, on `out` and `err`.
fn status<T, F>(
    program: &Program,
    commands: &[Command<T>],
    inputs: &Inputs,
    out: &mut dyn Write,
    err: &mut dyn Write,
    run: F,
) -> ExitCode
where
    T: Settings,
    F: FnOnce(T, Shutdown) -> anyhow::Result<()>,
{
    let (Loaded { settings, notices }, chosen) = match settings::load_with(program, commands, inputs) {
        Ok(loaded) => loaded,
        // If nobody listens there is nobody to tell.
        Err(SettingsError::Asked(text)) => {
            let _ = write!(out, "{text}");
            return CLEAN_STOP;
        }
        Err(wrong) => {
            let _ = writeln!(err, "{}", wrong.to_string().trim_end());
            return ExitCode::from(BAD_SETTING);
        }
    };
    telemetry::init(settings.log());
    for notice in notices {
        warn!("{notice}");
    }
    match chosen {
        None => serve(program, settings, run),
        Some(chosen) => command(program, &chosen, commands, settings, err),
    }
}

fn serve<T>(program: &Program, settings: T, run: impl FnOnce(T, Shutdown) -> anyhow::Result<()>) -> ExitCode {
    info!(version = program.version, commit = COMMIT, "{} starts", program.name());
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
            ExitCode::from(OTHER_TROUBLE)
        }
    }
}

fn command<T>(
    program: &Program,
    chosen: &Chosen,
    commands: &[Command<T>],
    settings: T,
    err: &mut dyn Write,
) -> ExitCode {
    chosen.run(commands, settings).unwrap_or_else(|error| {
        let _ = writeln!(err, "{} {}: {error:#}", program.name(), chosen.words.join(" "));
        ExitCode::from(OTHER_TROUBLE)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::GatewaySettings;

    const PROGRAM: Program = Program { service: Service::Gateway, version: "1.2.3", about: "A gateway." };

    /// A command's own arguments.
    #[derive(clap::Args)]
    struct Sum {
        /// The first number
        a: u8,
        /// The second number
        #[arg(long, default_value_t = 1)]
        plus: u8,
    }

    /// Commands that show what they got as an exit status or as an error.
    fn commands() -> Vec<Command<GatewaySettings>> {
        let port = |settings: GatewaySettings, ()| Ok(ExitCode::from(u8::try_from(settings.port)?));
        let sum = |_, Sum { a, plus }| Ok(ExitCode::from(a + plus));
        let fail = |_, ()| Err(anyhow::anyhow!("no route").context("cannot ask the broker"));
        vec![
            Command::new("port", "Show the port", port).uses(&["SERVICE_1_PORT"]).details("That is all."),
            Command::group(
                "do",
                "Things to do",
                vec![Command::new("sum", "Add", sum), Command::new("fail", "Fail", fail)],
            ),
        ]
    }

    /// Status, stdout and stderr of a start with these arguments.
    fn start(
        arguments: &[&str],
        run: impl FnOnce(GatewaySettings) -> anyhow::Result<()>,
    ) -> (ExitCode, String, String) {
        let arguments = std::iter::once("program").chain(arguments.iter().copied()).map(Into::into).collect();
        let directory = "/nowhere/at/all".into();
        let inputs = Inputs { arguments, environment: Vec::new(), directory };
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let status = status(&PROGRAM, &commands(), &inputs, &mut out, &mut err, |settings, _| run(settings));
        (status, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
    }

    /// The same of a start that is not to run the service.
    fn ask(arguments: &[&str]) -> (ExitCode, String, String) {
        start(arguments, |_| unreachable!("does not run"))
    }

    fn is(status: u8, out: &str, err: &str) -> (ExitCode, String, String) {
        (ExitCode::from(status), out.to_owned(), err.to_owned())
    }

    #[test]
    fn a_clean_stop_is_0_and_the_service_gets_its_settings() {
        let ended = start(&["--service-1-port", "4000", "--rust-log", "off"], |settings| {
            anyhow::ensure!(settings.port == 4000, "port is {}", settings.port);
            Ok(())
        });
        assert_eq!(ended, is(0, "", ""));
    }

    #[test]
    fn trouble_is_1() {
        let ended = start(&["--rust-log", "off"], |_| anyhow::bail!("the port is taken"));
        assert_eq!(ended, is(1, "", ""));
    }

    #[test]
    fn a_bad_setting_is_2_and_is_said_on_stderr() {
        let said = "bad setting SERVICE_1_PORT (from the command line): found \"x\", \
                    expected a port, 0 to 65535 (0 means any free one)\n";
        assert_eq!(ask(&["--service-1-port", "x"]), is(2, "", said));
        assert_eq!(ask(&["port", "--service-1-port", "x"]), is(2, "", said));
    }

    #[test]
    fn an_unknown_flag_is_2_and_is_said_on_stderr() {
        let (status, out, err) = ask(&["--service-1-prot", "1"]);
        assert_eq!((status, out.as_str()), (ExitCode::from(2), ""));
        assert!(err.contains("unexpected argument '--service-1-prot'"), "{err}");
    }

    #[test]
    fn help_and_version_are_0_and_are_said_on_stdout() {
        assert_eq!(ask(&["--version"]), is(0, "api-gateway 1.2.3\n", ""));
        let (status, out, err) = ask(&["--help"]);
        assert_eq!((status, err.as_str()), (ExitCode::SUCCESS, ""));
        assert!(out.starts_with("A gateway.\n"), "{out}");
        for command in ["port", "Show the port", "do", "Things to do"] {
            assert!(out.contains(command), "{command} in\n{out}");
        }
    }

    #[test]
    fn the_version_names_the_commit_where_the_build_was_told() {
        assert_eq!(PROGRAM.version_and(None), "1.2.3");
        assert_eq!(PROGRAM.version_and(Some("8c5f")), "1.2.3 (8c5f)");
    }

    #[test]
    fn a_command_takes_settings_before_and_behind_its_name() {
        assert_eq!(ask(&["port", "--service-1-port", "41"]), is(41, "", ""));
        assert_eq!(ask(&["--service-1-port", "42", "port"]), is(42, "", ""));
        assert_eq!(ask(&["do", "--service-1-port", "43", "sum", "7"]), is(8, "", ""));
    }

    #[test]
    fn a_command_takes_arguments_of_its_own() {
        assert_eq!(ask(&["do", "sum", "7"]), is(8, "", ""));
        assert_eq!(ask(&["do", "sum", "7", "--plus", "3"]), is(10, "", ""));
        let (status, _, err) = ask(&["do", "sum", "seven"]);
        assert_eq!(status, ExitCode::from(2));
        assert!(err.contains("invalid value 'seven'"), "{err}");
    }

    #[test]
    fn a_command_that_fails_is_1_and_says_its_causes() {
        let said = "api-gateway do fail: cannot ask the broker: no route\n";
        assert_eq!(ask(&["do", "fail"]), is(1, "", said));
    }

    #[test]
    fn an_unknown_command_and_a_group_alone_are_2() {
        for (arguments, part) in [
            (["prt"].as_slice(), "unrecognized subcommand 'prt'"),
            (&["do"], "Usage: program do <COMMAND>"),
            (&["do", "nothing"], "unrecognized subcommand 'nothing'"),
        ] {
            let (status, out, err) = ask(arguments);
            assert_eq!((status, out.as_str()), (ExitCode::from(2), ""));
            assert!(err.contains(part), "{part} in\n{err}");
        }
    }

    #[test]
    fn the_help_of_a_command_lists_its_own_options_and_the_settings_it_uses() {
        let (_, out, _) = ask(&["port", "--help"]);
        for part in
            ["Show the port\n", "Settings:", "--service-1-port <port>", "--config <file>", "That is all."]
        {
            assert!(out.contains(part), "{part} in\n{out}");
        }
        assert!(!out.contains("--kafka-brokers"), "{out}");
        let (_, out, _) = ask(&["do", "--help"]);
        assert!(out.contains("sum") && !out.contains("Settings:"), "{out}");
    }
}
