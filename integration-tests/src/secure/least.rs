//! The least that gateway and worker may do where topics exist: what the Compose profile `secure` grants, the tests grant,
//! and the README lists. It is told once, in the files of `deploy/secure/setup/rights`.

use anyhow::{Context as _, Result};

use super::{Action, On, Rule};

/// The gateway's user, there and in the tests.
pub const GATEWAY: &str = "gateway";
/// The worker's.
pub const WORKER: &str = "worker";

const FILES: [(&str, &str); 2] = [
    (GATEWAY, include_str!("../../../deploy/secure/setup/rights/gateway")),
    (WORKER, include_str!("../../../deploy/secure/setup/rights/worker")),
];

/// All rules, under the names that topics and groups have by default.
///
/// # Panics
/// A line of a file is not understood.
pub fn least() -> Vec<Rule<'static>> {
    FILES.iter().flat_map(|(user, text)| rules(user, text)).collect()
}

/// The same under other names: `names` has what each topic and group is called by default, and what here.
///
/// # Errors
/// A name is missing.
pub fn least_named<'a>(names: &'a [(&str, String)]) -> Result<Vec<Rule<'a>>> {
    let here = |name: &str| {
        let found = names.iter().find(|(default, _)| *default == name);
        found.map(|(_, here)| here.as_str()).with_context(|| format!("nothing is called {name}"))
    };
    let renamed = |rule: Rule<'static>| {
        let on = match rule.on {
            On::Topic(name) => On::Topic(here(name)?),
            On::Group(name) => On::Group(here(name)?),
        };
        Ok(Rule { on, ..rule })
    };
    least().into_iter().map(renamed).collect()
}

fn rules<'a>(user: &'a str, text: &'a str) -> Vec<Rule<'a>> {
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default());
    lines.filter(|line| !line.trim().is_empty()).map(|line| rule(user, line)).collect()
}

fn rule<'a>(user: &'a str, line: &'a str) -> Rule<'a> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let &[operation, resource, name] = words.as_slice() else { panic!("not three words: {line}") };
    let action = match operation {
        "Read" => Action::Read,
        "Write" => Action::Write,
        "Describe" => Action::Describe,
        _ => panic!("an unknown operation: {line}"),
    };
    let on = match resource {
        "topic" => On::Topic(name),
        "group" => On::Group(name),
        _ => panic!("an unknown resource: {line}"),
    };
    Rule { user, action, on }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_empty_lines_grant_nothing() {
        let rules = rules("u", "# Write topic no\n\nRead  group g # Read group h\n");
        assert_eq!(rules, [Rule { user: "u", action: Action::Read, on: On::Group("g") }]);
    }

    #[test]
    fn each_has_rights_and_none_twice() {
        let rules = least();
        for user in [GATEWAY, WORKER] {
            assert!(rules.iter().any(|rule| rule.user == user), "{user} has no rights");
        }
        for (index, rule) in rules.iter().enumerate() {
            assert!(!rules[..index].contains(rule), "{rule:?} stands twice");
        }
    }
}
