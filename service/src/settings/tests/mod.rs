//! Tests of the settings: every layer, every kind of value, every message.

mod callers;
mod command_line;
mod errors;
mod fuzz;
mod layers;
mod security;
mod traces;
mod values;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::Program;
use crate::settings::catalogue::Service;
use crate::settings::{GatewaySettings, Inputs, Loaded, ProcessorSettings, Settings, SettingsError};

const GATEWAY: Program = Program { service: Service::Gateway, version: "1.2.3", about: "A gateway." };
const PROCESSOR: Program = Program { service: Service::Processor, version: "1.2.3", about: "A processor." };

/// A start to try: a directory of its own with the files written so far, an environment, a command line.
struct Start {
    directory: PathBuf,
    environment: Vec<(OsString, OsString)>,
    arguments: Vec<OsString>,
}

impl Start {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let directory = std::env::temp_dir().join(format!("settings-{}-{count}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        Self { directory, environment: Vec::new(), arguments: vec!["program".into()] }
    }

    fn file(self, name: &str, text: &str) -> Self {
        std::fs::write(self.directory.join(name), text).unwrap();
        self
    }

    /// A settings file, named on the command line.
    fn toml(self, text: &str) -> Self {
        self.file("settings.toml", text).flags(&["--config", "settings.toml"])
    }

    fn dot_env(self, text: &str) -> Self {
        self.file(".env", text)
    }

    fn variable(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    fn flags(mut self, arguments: &[&str]) -> Self {
        self.arguments.extend(arguments.iter().map(OsString::from));
        self
    }

    fn inputs(&self) -> Inputs {
        Inputs {
            arguments: self.arguments.clone(),
            environment: self.environment.clone(),
            directory: self.directory.clone(),
        }
    }

    fn path(&self) -> &Path {
        &self.directory
    }

    fn load(&self) -> Result<Loaded<GatewaySettings>, SettingsError> {
        GatewaySettings::load(&GATEWAY, &self.inputs())
    }

    fn gateway(&self) -> GatewaySettings {
        self.load().unwrap().settings
    }

    fn processor(&self) -> ProcessorSettings {
        ProcessorSettings::load(&PROCESSOR, &self.inputs()).unwrap().settings
    }

    /// What the start of a gateway complains of.
    fn complaint(&self) -> String {
        self.load().unwrap_err().to_string()
    }
}

impl Drop for Start {
    fn drop(&mut self) {
        // What is left in the directory for temporary files harms nobody.
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}
