//! "Did you mean": the setting whose name is nearest to one that nobody knows.

use crate::settings::catalogue::Setting;

/// Most letters to add, drop or change for a name to count as a slip of another.
const MOST_EDITS: usize = 3;

/// The name nearest to `unknown`, if it is near at all. Both are in upper case.
pub(super) fn name(catalogue: &'static [Setting], unknown: &str) -> Option<&'static str> {
    let names = catalogue.iter().flat_map(|setting| [Some(setting.key), setting.alias]).flatten();
    names
        .map(|name| (strsim::damerau_levenshtein(unknown, name), name))
        .min_by_key(|(edits, _)| *edits)
        .filter(|(edits, _)| *edits <= MOST_EDITS)
        .map(|(_, name)| name)
}

/// What to do about a key nobody knows, in the words that end a message. File keys are in lower case.
pub(super) fn advice(catalogue: &'static [Setting], unknown: &str) -> String {
    match name(catalogue, &unknown.to_ascii_uppercase()) {
        Some(name) => format!("did you mean {}?", name.to_ascii_lowercase()),
        None => "`--help` lists all settings".to_owned(),
    }
}
