//! The command line, built from the catalogue: one flag for each setting of the program, and `--config`. They may
//! stand before or behind a command; a command's own help lists only those that matter to it.

use clap::builder::Styles;
use clap::error::ErrorKind;
use clap::{Arg, Command};

use crate::command::{Chosen, Outline};
use crate::settings::catalogue::{Setting, flag_of};
use crate::settings::error::SettingsError;
use crate::settings::inputs::Inputs;
use crate::{COMMIT, Program};

/// Name of the variable that, like `--config`, names a settings file.
pub(super) const CONFIG_FILE: &str = "CONFIG_FILE";
/// Id of `--config` on the command line.
const CONFIG: &str = "config";

/// Heading of the settings in the help of a command, whose own options come first.
const SETTINGS: &str = "Settings";

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
    /// The command asked for; none if the service is to run.
    pub(super) chosen: Option<Chosen>,
}

/// Reads the command line; also the way in which `--help` and `--version` end a load.
pub(super) fn parse(
    catalogue: &'static [Setting],
    program: &Program,
    commands: Vec<Outline>,
    inputs: &Inputs,
) -> Result<Flags, SettingsError> {
    let used = || catalogue.iter().filter(|setting| setting.used_by.includes(program.service));
    let arguments: Vec<Arg> = arguments(used());
    let mut command = command(program, &arguments);
    for outline in commands {
        command = command.subcommand(subcommand(outline, &arguments));
    }
    let matches = command.try_get_matches_from(&inputs.arguments).map_err(|error| match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => SettingsError::Asked(error.to_string()),
        _ => SettingsError::CommandLine(error.to_string()),
    })?;
    let config = matches.get_one::<String>(CONFIG).cloned();
    let mut values = Vec::new();
    for setting in used() {
        for name in [Some(setting.key), setting.alias].into_iter().flatten() {
            if let Ok(Some(value)) = matches.try_get_one::<String>(name) {
                values.push((setting, name.to_owned(), value.clone()));
            }
        }
    }
    Ok(Flags { config, values, chosen: Chosen::of(matches) })
}

fn command(program: &Program, arguments: &[Arg]) -> Command {
    Command::new(program.service.program_name())
        .version(program.version_and(COMMIT))
        .about(program.about)
        .after_help(SOURCES)
        .styles(Styles::plain())
        .next_line_help(true)
        .args(arguments)
}

/// A command that takes every setting. Were the flags left to be passed down from the program's, all would be listed.
fn subcommand(outline: Outline, arguments: &[Arg]) -> Command {
    let Outline { shape, settings, commands } = outline;
    let is_group = !commands.is_empty();
    let is_listed = |id: &str| id == CONFIG && !is_group || settings.contains(&id);
    let listed_or_hidden = arguments.iter().cloned().map(|argument| {
        let is_listed = is_listed(argument.get_id().as_str());
        argument.hide(!is_listed).help_heading(SETTINGS)
    });
    let shape = shape.args(listed_or_hidden);
    commands.into_iter().fold(shape, |shape, inner| shape.subcommand(subcommand(inner, arguments)))
}

/// One argument for each way to give a setting.
fn arguments(settings: impl Iterator<Item = &'static Setting>) -> Vec<Arg> {
    let config = Arg::new(CONFIG)
        .long("config")
        .visible_alias("config-file")
        .value_name("file")
        .help("TOML file with settings [default: none] [env: CONFIG_FILE]");
    let mut arguments = vec![config];
    for setting in settings {
        let Some(flag) = setting.flag() else { continue };
        let help = format!("{} [default: {}]", setting.help, setting.default.in_words().replace('`', ""));
        arguments.push(argument(setting.key, &flag, setting).help(help));
        if let Some(alias) = setting.alias {
            let help = format!("The same as --{flag}");
            arguments.push(argument(alias, &flag_of(alias), setting).help(help));
        }
    }
    arguments.into_iter().map(|argument| argument.global(true)).collect()
}

fn argument(id: &'static str, flag: &str, setting: &Setting) -> Arg {
    // A negative number is a bad value of this flag, not a flag of its own.
    Arg::new(id).long(flag.to_owned()).value_name(setting.kind.unit()).allow_negative_numbers(true)
}
