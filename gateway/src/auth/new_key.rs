//! `api-gateway new-key NAME`: a fresh API key, shown once, and the line that makes it known.

use std::process::ExitCode;

use anyhow::{Context as _, Result, ensure};
use service::settings::GatewaySettings;
use service::{Command, terminal};

use super::digest::Digest;
use super::ring::{WORD, is_word};
use super::scopes;

/// What keys begin with, so that scanners for leaked secrets can know them.
const PREFIX: &str = "agw_";

/// Chance in a key, in bytes.
const KEY_BYTES: usize = 32;

const DETAILS: &str = "\
Prints two lines: the key, for its owner, and the line to add to the file that SERVICE_1_API_KEYS_FILE names,
which holds the key's hash alone. The key is kept nowhere. Running gateways read the file again by themselves.";

#[derive(clap::Args)]
struct Arguments {
    /// Name of the caller, as it will stand in logs and travel to workers
    name: String,
    /// Operations that the caller may use [default: all there are now]
    scopes: Vec<String>,
}

/// The command.
pub(crate) fn command() -> Command<GatewaySettings> {
    Command::new("new-key", "Make an API key", run).uses(&["SERVICE_1_API_KEYS_FILE"]).details(DETAILS)
}

fn run(_: GatewaySettings, Arguments { name, scopes }: Arguments) -> Result<ExitCode> {
    let unknown = scopes::unknown(&scopes).join(", ");
    let (key, line) = make(&name, scopes)?;
    terminal::run(async |terminal: &terminal::Terminal| {
        if !unknown.is_empty() {
            terminal.note(format!(
                "nothing here goes by the scope {unknown}; there is: {}",
                scopes::all().join(", ")
            ));
        }
        terminal.note("the key, which is shown this once, and the line for the file of API keys:");
        terminal.line(&key)?;
        terminal.line(&line)?;
        Ok(ExitCode::SUCCESS)
    })
}

fn make(name: &str, scopes: Vec<String>) -> Result<(String, String)> {
    ensure!(is_word(name), "{name:?} is no name for a caller, which is {WORD}");
    let scopes =
        if scopes.is_empty() { scopes::all().into_iter().map(str::to_owned).collect() } else { scopes };
    for scope in &scopes {
        ensure!(is_word(scope), "{scope:?} is no scope, which is {WORD}");
    }
    let mut bytes = [0; KEY_BYTES];
    getrandom::fill(&mut bytes).context("the system gives no randomness")?;
    let key = format!("{PREFIX}{}", hex::encode(bytes));
    let line = format!("{name} {} {}", Digest::of(&key).hexadecimal(), scopes.join(" "));
    Ok((key, line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_key_is_known_by_its_line() {
        let (key, line) = make("alice", Vec::new()).unwrap();
        let words: Vec<&str> = line.split(' ').collect();
        assert_eq!(words, ["alice", &*Digest::of(&key).hexadecimal(), "hash"]);
        assert!(key.starts_with(PREFIX) && key.len() == PREFIX.len() + 2 * KEY_BYTES);
        assert!(!line.contains(&key));
        assert_ne!(make("alice", Vec::new()).unwrap().0, key);
    }

    #[test]
    fn scopes_may_be_named() {
        let (_, line) = make("bob", vec!["a".into(), "b".into()]).unwrap();
        assert!(line.ends_with(" a b"));
        assert!(make("b b", Vec::new()).is_err() && make("bob", vec!["a b".into()]).is_err());
    }
}
