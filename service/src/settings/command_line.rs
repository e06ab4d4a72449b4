//! The command line, built from the catalogue: one flag for each setting of the program, and `--config`.

use clap::builder::Styles;
use clap::error::ErrorKind;
use clap::{Arg, Command};

use crate::Program;
use crate::settings::catalogue::{Setting, flag_of};
use crate::settings::error::SettingsError;
use crate::settings::inputs::Inputs;

/// Name of the variable that, like `--config`, names a settings file.
pub(super) const CONFIG_FILE: &str = "CONFIG_FILE";

const SOURCES: &str = "\
Each setting is also an environment variable and a line in `.env` in the working directory (in upper case
with underscores), and a key in the TOML file (in lower case with underscores). The command line wins over
the environment, that over `.env`, that over the file, that over the defaults. An empty variable counts as
not set.";

/// What the command line gave.
#[derive(Debug, Default)]
pub(super) struct Flags {
    /// The settings file.
    pub(super) config: Option<String>,
    /// Key of each setting given, its spelling there, its value.
    pub(super) values: Vec<(&'static Setting, String, String)>,
}

/// Reads the command line; also the way in which `--help` and `--version` end a load.
pub(super) fn parse(
    catalogue: &'static [Setting],
    program: &Program,
    inputs: &Inputs,
) -> Result<Flags, SettingsError> {
    let used = || catalogue.iter().filter(|setting| setting.used_by.includes(program.service));
    let command = command(used(), program);
    let matches = command.try_get_matches_from(&inputs.arguments).map_err(|error| match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => SettingsError::Asked(error.to_string()),
        _ => SettingsError::CommandLine(error.to_string()),
    })?;
    let mut flags = Flags { config: matches.get_one::<String>("config").cloned(), values: Vec::new() };
    for setting in used() {
        for name in [Some(setting.key), setting.alias].into_iter().flatten() {
            if let Ok(Some(value)) = matches.try_get_one::<String>(name) {
                flags.values.push((setting, name.to_owned(), value.clone()));
            }
        }
    }
    Ok(flags)
}

fn command(settings: impl Iterator<Item = &'static Setting>, program: &Program) -> Command {
    let config = Arg::new("config")
        .long("config")
        .visible_alias("config-file")
        .value_name("file")
        .help("TOML file with settings [default: none] [env: CONFIG_FILE]");
    let mut command = Command::new(program.service.program_name())
        .version(program.version)
        .about(program.about)
        .after_help(SOURCES)
        .styles(Styles::plain())
        .next_line_help(true)
        .arg(config);
    for setting in settings {
        let Some(flag) = setting.flag() else { continue };
        let help = format!("{} [default: {}]", setting.help, setting.default.in_words().replace('`', ""));
        command = command.arg(argument(setting.key, &flag, setting).help(help));
        if let Some(alias) = setting.alias {
            let help = format!("The same as --{flag}");
            command = command.arg(argument(alias, &flag_of(alias), setting).help(help));
        }
    }
    command
}

fn argument(id: &'static str, flag: &str, setting: &Setting) -> Arg {
    // A negative number is a bad value of this flag, not a flag of its own.
    Arg::new(id).long(flag.to_owned()).value_name(setting.kind.unit()).allow_negative_numbers(true)
}
