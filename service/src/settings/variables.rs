//! The two layers of variables: `.env` in the working directory, and the environment.
//!
//! An empty variable counts as not set, as in `KAFKA_BROKERS=` or a Compose file's `${KAFKA_BROKERS:-}`, so that
//! the layers below speak; but not one that protects something, which would be left open then. Variables nobody knows are none of our business, but a near miss is worth a notice.

use std::ffi::OsString;
use std::path::Path;

use crate::settings::catalogue::{Service, Setting};
use crate::settings::command_line::CONFIG_FILE;
use crate::settings::error::Problem;
use crate::settings::{layers, nearest};

/// Prefixes of names that look like ours.
const PREFIXES: [&str; 3] = ["KAFKA_", "SERVICE_1_", "SERVICE_2_"];

/// The variables of the `.env` file at `path`; none if there is no such file.
pub(super) fn from_dot_env(
    catalogue: &'static [Setting],
    path: &Path,
    problems: &mut Vec<Problem>,
) -> Vec<(String, String)> {
    let mut unreadable = |reason: String| {
        problems.push(Problem::Unreadable { source_name: "`.env`".to_owned(), reason });
    };
    let lines = match dotenvy::from_path_iter(path) {
        Ok(lines) => lines,
        Err(error) if error.not_found() => return Vec::new(),
        Err(error) => {
            unreadable(error.to_string());
            return Vec::new();
        }
    };
    let mut variables: Vec<(String, String)> = Vec::new();
    for line in lines {
        match line {
            // The line itself is not quoted: it may hold a secret.
            Err(dotenvy::Error::LineParse(..)) => {
                let place = match variables.last() {
                    Some((name, _)) => format!("a line after {name}"),
                    None => "its first entry".to_owned(),
                };
                unreadable(format!("{place} is not KEY=value (quote values that hold blanks)"));
            }
            Err(error) => {
                unreadable(error.to_string());
                break;
            }
            Ok(variable) => variables.push(variable),
        }
    }
    variables.retain(|(name, value)| !value.is_empty() || protects(catalogue, name));
    variables
}

fn protects(catalogue: &'static [Setting], name: &str) -> bool {
    layers::find(catalogue, name).is_some_and(Setting::protects)
}

/// The variables of the environment that are text.
pub(super) fn from_environment(
    catalogue: &'static [Setting],
    service: Service,
    environment: &[(OsString, OsString)],
    problems: &mut Vec<Problem>,
) -> Vec<(String, String)> {
    let mut variables = Vec::new();
    for (name, value) in environment {
        let Some(name) = name.to_str() else { continue };
        if value.is_empty() && !protects(catalogue, name) {
            continue;
        }
        let setting = layers::find(catalogue, name).filter(|setting| setting.used_by.includes(service));
        match (value.to_str(), setting) {
            (Some(value), _) => variables.push((name.to_owned(), value.to_owned())),
            (None, Some(setting)) => problems.push(Problem::Value {
                key: name.to_owned(),
                source_name: "the environment".to_owned(),
                found: "bytes that are not UTF-8".to_owned(),
                expected: setting.kind.expected(),
                hint: String::new(),
            }),
            (None, None) => {}
        }
    }
    variables
}

/// A notice for each variable whose name is almost that of a setting.
pub(super) fn near_misses(
    catalogue: &'static [Setting],
    source: &str,
    variables: &[(String, String)],
) -> Vec<String> {
    let ours = |name: &str| PREFIXES.iter().any(|prefix| name.starts_with(prefix));
    let names = variables.iter().map(|(name, _)| name.as_str());
    names
        .filter(|name| ours(name) && *name != CONFIG_FILE && layers::find(catalogue, name).is_none())
        .filter_map(|name| {
            let near = nearest::name(catalogue, name)?;
            Some(format!("{name} (from {source}) is no setting and is ignored; did you mean {near}?"))
        })
        .collect()
}
