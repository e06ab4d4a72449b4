//! The layers, lowest first, and who wins:
//!
//! ```text
//!  defaults < TOML file < .env < environment < command line
//! ```
//!
//! figment merges them and remembers which layer each value came from; a message can so name the source. Within
//! one layer a setting's own name and its alias may not contradict each other. Keys are the environment names, in upper case.

use std::path::Path;

use figment::value::{Dict, Map, Value};
use figment::{Error, Figment, Metadata, Profile, Provider};

use crate::Program;
use crate::settings::catalogue::{Service, Setting};
use crate::settings::command_line::{CONFIG_FILE, Flags};
use crate::settings::error::Problem;
use crate::settings::inputs::Inputs;
use crate::settings::{file, variables};

/// Name of the lowest layer, which tells a setting that somebody gave from one that nobody did.
pub(super) const DEFAULTS: &str = "the defaults";

/// All layers merged.
#[derive(Debug, Default)]
pub(super) struct Layers {
    figment: Figment,
    /// What is wrong with the sources themselves.
    pub(super) problems: Vec<Problem>,
    /// What is likely wrong, but does not stop a start.
    pub(super) notices: Vec<String>,
}

impl Layers {
    /// The defaults alone.
    pub(super) fn defaults(catalogue: &'static [Setting], service: Service) -> Self {
        let mut layers = Self::default();
        let defaults = catalogue
            .iter()
            .map(|setting| (setting, setting.key.to_owned(), Value::from(setting.default.text(service))));
        layers.put(DEFAULTS, defaults);
        layers
    }

    /// Every layer. What cannot be read is noted in `problems` and left out.
    pub(super) fn gather(
        catalogue: &'static [Setting],
        program: &Program,
        inputs: &Inputs,
        flags: &Flags,
    ) -> Self {
        let mut layers = Self::defaults(catalogue, program.service);
        let dot_env =
            variables::from_dot_env(catalogue, &inputs.directory.join(".env"), &mut layers.problems);
        let environment = variables::from_environment(
            catalogue,
            program.service,
            &inputs.environment,
            &mut layers.problems,
        );

        let variable = |variables: &[(String, String)]| {
            variables.iter().find(|(name, _)| name == CONFIG_FILE).map(|(_, path)| path.clone())
        };
        let config = flags.config.clone().or_else(|| variable(&environment)).or_else(|| variable(&dot_env));
        if let Some(config) = config {
            layers.put_file(catalogue, &inputs.directory, &config);
        }
        for (source, variables) in [("`.env`", dot_env), ("the environment", environment)] {
            layers.notices.extend(variables::near_misses(catalogue, source, &variables));
            let values = variables.into_iter().filter_map(|(name, text)| {
                let setting = find(catalogue, &name)?;
                Some((setting, name, Value::from(text)))
            });
            layers.put(source, values);
        }
        let flags = flags.values.iter();
        layers.put(
            "the command line",
            flags.map(|(setting, name, text)| (*setting, name.clone(), Value::from(text.as_str()))),
        );
        layers
    }

    /// The value of the setting `key` from the highest layer that has one, and that layer's name.
    pub(super) fn find(&self, key: &str) -> Option<(Value, String)> {
        let value = self.figment.find_value(key).ok()?;
        let source = self.figment.get_metadata(value.tag())?.name.to_string();
        Some((value, source))
    }

    fn put_file(&mut self, catalogue: &'static [Setting], directory: &Path, config: &str) {
        let source = format!("file {config}");
        match file::read(catalogue, &directory.join(config), &source, &mut self.problems) {
            Ok(values) => self.put(&source, values.into_iter()),
            Err(reason) => self.problems.push(Problem::Unreadable { source_name: source, reason }),
        }
    }

    /// Adds one layer on top: first what is given under an alias, then what is given under its own name.
    fn put(&mut self, source: &str, values: impl Iterator<Item = (&'static Setting, String, Value)>) {
        let (mut named, mut aliased) = (Dict::new(), Vec::new());
        for (setting, name, value) in values {
            if name == setting.key {
                named.insert(setting.key.to_owned(), value);
            } else {
                aliased.push((setting.key.to_owned(), name, value));
            }
        }
        for (key, alias, value) in &aliased {
            if named.get(key).is_some_and(|under_its_name| under_its_name != value) {
                let keys = format!("{key} and {alias}");
                let reason =
                    format!("they are two names of one setting, and {source} gives them different values");
                self.problems.push(Problem::Conflict { keys, reason });
            }
        }
        let mut figment = std::mem::take(&mut self.figment);
        for (key, alias, value) in aliased {
            let layer = Layer { source: format!("{source}, as {alias}"), values: Dict::from([(key, value)]) };
            figment = figment.merge(layer);
        }
        self.figment = figment.merge(Layer { source: source.to_owned(), values: named });
    }
}

/// The setting that goes by `name`, spelled as an environment variable.
pub(super) fn find(catalogue: &'static [Setting], name: &str) -> Option<&'static Setting> {
    catalogue.iter().find(|setting| setting.key == name || setting.alias == Some(name))
}

struct Layer {
    source: String,
    values: Dict,
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.source.clone())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        Ok(Profile::Default.collect(self.values.clone()))
    }
}
