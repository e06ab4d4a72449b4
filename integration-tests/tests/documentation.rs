//! What the documents say of settings is what the programs read, and of rights what is granted.

use std::collections::BTreeSet;

use integration_tests::secure::{GATEWAY, On, WORKER, least};
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

#[test]
fn the_readme_lists_the_least_rights_that_are_granted() {
    let table = README.split("| | Topic or group | Gateway | Worker |\n").nth(1).expect("the table is there");
    let rows = table.lines().skip(1).take_while(|line| line.starts_with('|'));
    let mut listed = BTreeSet::new();
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let &[kind, name, gateway, worker] = cells.as_slice() else { panic!("not four cells: {row}") };
        for (user, right) in [(GATEWAY, gateway), (WORKER, worker)] {
            if right != "–" {
                listed.insert(format!("{user} {right} {kind} {}", name.trim_matches('`')));
            }
        }
    }
    let granted = least().into_iter().map(|rule| {
        let (kind, name) = match rule.on {
            On::Topic(name) => ("Topic", name),
            On::Group(name) => ("Group", name),
        };
        format!("{} {:?} {kind} {name}", rule.user, rule.action)
    });
    assert_eq!(listed, granted.collect());
}
