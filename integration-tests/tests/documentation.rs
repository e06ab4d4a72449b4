//! What the documents say of the settings is what the programs read.

use service::settings::catalogue::CATALOGUE;
use service::settings::markdown_table;

const README: &str = include_str!("../../README.md");
const EXAMPLE: &str = include_str!("../../.env.example");

#[test]
fn the_readme_has_the_table_of_settings() {
    let between =
        README.split("<!-- settings -->").nth(1).and_then(|rest| rest.split("<!-- /settings -->").next());
    let written = between.expect("the markers are there").trim();
    assert_eq!(written, markdown_table().trim(), "replace what stands between the markers in README.md");
}

#[test]
fn the_example_of_an_environment_names_every_setting() {
    for setting in CATALOGUE {
        assert!(EXAMPLE.contains(&format!("{}=", setting.key)), ".env.example lacks {}", setting.key);
    }
}
