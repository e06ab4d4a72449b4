//! Everything that settings are read from, as plain values, so that nothing depends on process-wide state.

use std::ffi::OsString;
use std::path::PathBuf;

/// Where settings come from.
#[derive(Clone, Debug)]
pub struct Inputs {
    /// The command line, the program's own name first.
    pub arguments: Vec<OsString>,
    /// The environment.
    pub environment: Vec<(OsString, OsString)>,
    /// The directory that may hold `.env`, and from which a relative path to a settings file is read.
    pub directory: PathBuf,
}

impl Inputs {
    /// Those of this process.
    pub fn of_process() -> Self {
        Self {
            arguments: std::env::args_os().collect(),
            environment: std::env::vars_os().collect(),
            directory: PathBuf::from("."),
        }
    }
}
