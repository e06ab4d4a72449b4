//! Settings in layers: defaults < TOML file < `.env` < environment < command line.
//!
//! ```text
//!  catalogue ──▶ command_line ─┐
//!                file          ├─▶ layers (figment) ──▶ reader ──▶ GatewaySettings, ProcessorSettings
//!                variables ────┘                          └─▶ every Problem at once
//!            └─▶ table (README)
//! ```
//!
//! A value that is not what its setting takes, and a key in the file that nobody knows, stop the start; the
//! message names the key, the source and what was expected. Programs and tests that run services inside one
//! process build the same structs in code, from [`Default`], and touch no source at all.

pub mod catalogue;
pub mod kind;

mod callers;
mod command_line;
mod error;
mod file;
mod gateway;
mod https;
mod inputs;
mod kafka;
mod layers;
mod log;
mod nearest;
mod pairs;
mod port;
mod processor;
mod reader;
mod secret;
mod security;
mod shares;
mod table;
mod traces;
mod variables;

#[cfg(test)]
mod tests;

pub use crate::settings::callers::{CallerSettings, JwtSettings};
pub use crate::settings::error::{Problem, SettingsError};
pub use crate::settings::gateway::{GatewaySettings, NoWorker, ReplyRouting};
pub use crate::settings::https::HttpsSettings;
pub use crate::settings::inputs::Inputs;
pub use crate::settings::kafka::KafkaSettings;
pub use crate::settings::log::{LogFormat, LogSettings};
pub use crate::settings::port::Port;
pub use crate::settings::processor::ProcessorSettings;
pub use crate::settings::reader::Reader;
pub use crate::settings::secret::Secret;
pub use crate::settings::security::{KafkaLogin, KafkaSecurity, KafkaTls, PasswordMechanism, SecretSource};
pub use crate::settings::shares::ShareSettings;
pub use crate::settings::table::markdown_table;
pub use crate::settings::traces::{Sampled, Sampling, Share, TraceSettings};

use crate::Program;
use crate::command::{Chosen, Command, Outline};
use crate::settings::catalogue::{CATALOGUE, Service, Setting};
use crate::settings::layers::Layers;

/// The settings of one service.
pub trait Settings: Sized {
    /// Whose settings these are.
    const SERVICE: Service;

    /// Takes every field from `reader`, which answers with a default where a value is bad.
    fn read(reader: &mut Reader) -> Self;

    /// How the service logs.
    fn log(&self) -> &LogSettings;

    /// Reads the settings of `program` from `inputs`.
    ///
    /// # Errors
    /// Everything that is wrong at once, or the text of `--help` or `--version`.
    fn load(program: &Program, inputs: &Inputs) -> Result<Loaded<Self>, SettingsError> {
        Ok(load_from(CATALOGUE, program, Vec::new(), inputs)?.0)
    }
}

/// Settings, and what is worth a warning once logs are set up.
#[derive(Clone, Debug)]
pub struct Loaded<T> {
    /// The settings.
    pub settings: T,
    /// Variables that look like a setting and are none.
    pub notices: Vec<String>,
}

/// [`Settings::load`] where the command line may name one of `commands`; that one, if it is not the service that is
/// to have the settings.
pub(crate) fn load_with<T: Settings>(
    program: &Program,
    commands: &[Command<T>],
    inputs: &Inputs,
) -> Result<(Loaded<T>, Option<Chosen>), SettingsError> {
    load_from(CATALOGUE, program, commands.iter().map(Command::outline).collect(), inputs)
}

fn load_from<T: Settings>(
    catalogue: &'static [Setting],
    program: &Program,
    commands: Vec<Outline>,
    inputs: &Inputs,
) -> Result<(Loaded<T>, Option<Chosen>), SettingsError> {
    let mut flags = command_line::parse(catalogue, program, commands, inputs)?;
    let chosen = flags.chosen.take();
    let layers = Layers::gather(catalogue, program, inputs, &flags);
    let mut reader = Reader::new(catalogue, program.service, layers);
    let settings = T::read(&mut reader);
    let (problems, notices) = reader.finish();
    if !problems.is_empty() {
        return Err(SettingsError::Bad(problems));
    }
    Ok((Loaded { settings, notices }, chosen))
}

/// The settings nobody changed.
fn defaults<T: Settings>() -> T {
    T::read(&mut Reader::of_defaults(T::SERVICE))
}
