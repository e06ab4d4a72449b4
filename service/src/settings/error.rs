//! Why a start stops: every bad setting at once, each with its key, its source and what was expected.

use std::fmt;

/// Loading ended without settings.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// `--help` or `--version` was asked for; this is the text to show on stdout, with exit status 0.
    #[error("{0}")]
    Asked(String),
    /// The command line has a flag nobody knows, or one without its value.
    #[error("{0}")]
    CommandLine(String),
    /// At least one setting is wrong, or a source cannot be read. Never empty.
    #[error("{}", Lines(.0))]
    Bad(Vec<Problem>),
}

/// One thing that is wrong with the settings. Its text never shows the value of a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// A value is not what its setting takes.
    #[error("bad setting {key} (from {source_name}): found {found}, expected {expected}{hint}")]
    Value {
        /// The setting, as an environment variable.
        key: String,
        /// Where the value was found.
        source_name: String,
        /// What was found, to stand behind "found": `"abc"`, `a table or an array`.
        found: String,
        /// What the setting takes.
        expected: String,
        /// A likely cause, after a semicolon; else empty.
        hint: String,
    },
    /// A file holds a key that no setting of the stack has.
    #[error("unknown setting {key} (from {source_name}); {advice}")]
    UnknownKey {
        /// The key as it is written there.
        key: String,
        /// The file.
        source_name: String,
        /// The nearest name, or where to find all.
        advice: String,
    },
    /// A file cannot be read or is not in its format.
    #[error("cannot read settings from {source_name}: {reason}")]
    Unreadable {
        /// The file.
        source_name: String,
        /// What is wrong with it, without its content.
        reason: String,
    },
    /// Two settings contradict each other.
    #[error("bad settings {keys}: {reason}")]
    Conflict {
        /// The settings, as environment variables.
        keys: String,
        /// What is wrong with the pair.
        reason: String,
    },
}

struct Lines<'a>(&'a [Problem]);

impl fmt::Display for Lines<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                formatter.write_str("\n")?;
            }
            write!(formatter, "{problem}")?;
        }
        Ok(())
    }
}
