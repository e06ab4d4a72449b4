//! The TOML layer. A file may hold the settings of both services; a key that neither knows is a problem.

use std::path::Path;

use figment::providers::{Format, Toml};
use figment::value::{Dict, Value};

use crate::settings::catalogue::Setting;
use crate::settings::error::Problem;
use crate::settings::layers;
use crate::settings::nearest;

/// The settings in the file at `path`, each with the name it goes by there, in upper case.
///
/// # Errors
/// Says why the file cannot be read at all; unknown keys go to `problems`.
pub(super) fn read(
    catalogue: &'static [Setting],
    path: &Path,
    source: &str,
    problems: &mut Vec<Problem>,
) -> Result<Vec<(&'static Setting, String, Value)>, String> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    let entries: Dict = Toml::from_str(&text).map_err(|error| without_content(&error.to_string()))?;
    let mut values = Vec::new();
    for (key, value) in entries {
        let name = key.to_ascii_uppercase();
        let is_lower_case = key == key.to_ascii_lowercase();
        match layers::find(catalogue, &name) {
            Some(setting) if is_lower_case => values.push((setting, name, value)),
            _ => problems.push(Problem::UnknownKey {
                advice: nearest::advice(catalogue, &key),
                key,
                source_name: source.to_owned(),
            }),
        }
    }
    Ok(values)
}

/// The parser's words without the lines it quotes, which may hold a secret.
fn without_content(message: &str) -> String {
    let mut lines = message.lines().filter(|line| !line.trim_start().starts_with('|') && !quotes(line));
    let first = lines.next().unwrap_or("not TOML").to_owned();
    match lines.next() {
        Some(reason) => format!("{first}: {reason}"),
        None => first,
    }
}

/// Whether a line of the message is one of the file's own: `3 | key = "…`.
fn quotes(line: &str) -> bool {
    line.split_once('|').is_some_and(|(number, _)| number.trim().parse::<u32>().is_ok())
}
