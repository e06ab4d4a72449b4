//! The README's configuration table, from the catalogue.

use crate::settings::catalogue::{CATALOGUE, UsedBy};

/// The configuration table in Markdown, one line for each setting, ending in a line break.
pub fn markdown_table() -> String {
    let mut table =
        String::from("| Variable | Default | Value | Used by | Meaning |\n|---|---|---|---|---|\n");
    table.push_str("| `CONFIG_FILE` | none | path | both | TOML file with settings (flag: `--config`) |\n");
    for setting in CATALOGUE {
        let names = match setting.alias {
            Some(alias) => format!("`{}`, alias `{alias}`", setting.key),
            None => format!("`{}`", setting.key),
        };
        let used_by = match setting.used_by {
            UsedBy::Both => "both",
            UsedBy::Gateway => "gateway",
            UsedBy::Processor => "processor",
        };
        let (default, unit) = (setting.default.in_words(), setting.kind.unit().replace('|', " or "));
        table.push_str(&format!("| {names} | {default} | {unit} | {used_by} | {} |\n", setting.help));
    }
    table
}
