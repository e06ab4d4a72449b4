//! What a gateway looks after beside its requests never ends by itself. Where it dies all the same the gateway says so and
//! stops in order, so that whoever runs it starts a new one: keys that are fetched or read no more count for ever.

mod support;

use std::fmt::Debug;
use std::path::Path;
use std::sync::Once;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use api_gateway::Gateway;
use service::Shutdown;
use service::settings::{CallerSettings, GatewaySettings, JwtSettings};
use support::{Trap, settings, silent_broker};
use tracing::field::{Field, Visit};

/// Nothing from outside ends what is looked after, and no code of ours offers to. But it says what is new: this panics where
/// one of these is said.
const FATAL: [&str; 2] =
    ["the keys of tokens cannot be fetched, trying again", "the API keys have changed and were read again"];

/// Far more than it takes.
const LIMIT: Duration = Duration::from_secs(30);

struct Fatal;

impl Visit for Fatal {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let is_fatal = field.name() == "message" && FATAL.contains(&format!("{value:?}").as_str());
        assert!(!is_fatal, "on purpose");
    }
}

/// Why a gateway for such callers ends once it was `provoked`. Nobody tells it to.
fn end_of_gateway(callers: CallerSettings, provoke: impl FnOnce() -> Result<()>) -> Result<String> {
    static SET: Once = Once::new();
    let trap = Trap { on_event: |event| event.record(&mut Fatal), on_enter: || {} };
    SET.call_once(|| tracing::subscriber::set_global_default(trap).expect("there is no other"));
    let (_silent, broker) = silent_broker()?;
    let settings = GatewaySettings { callers, ..settings(broker) };
    let (gateway, shutdown) = (Gateway::bind(settings)?, Shutdown::manual());
    let asked = shutdown.clone();
    let running = std::thread::spawn(move || gateway.run(&asked));
    provoke()?;
    let began = Instant::now();
    while !running.is_finished() && began.elapsed() < LIMIT {
        std::thread::sleep(Duration::from_millis(20));
    }
    let ended_by_itself = running.is_finished();
    shutdown.hurry();
    let ended = running.join().expect("the gateway itself does not panic");
    ensure!(ended_by_itself, "it goes on as if nothing had happened");
    Ok(ended.err().context("it stops without an error")?.to_string())
}

#[test]
fn keys_that_nobody_fetches_any_more_end_the_gateway() -> Result<()> {
    let jwt = JwtSettings {
        issuer: "issuer".into(),
        audience: "audience".into(),
        algorithms: vec!["ES256".into()],
        // Refused at once.
        keys: "http://127.0.0.1:1/keys".into(),
        keys_authorities: None,
        leeway: Duration::ZERO,
    };
    let callers = CallerSettings { jwt: Some(jwt), ..CallerSettings::default() };
    let reason = end_of_gateway(callers, || Ok(()))?;
    ensure!(reason == "task \"fetching the keys of tokens\" panicked", "{reason}");
    Ok(())
}

#[test]
fn files_that_nobody_reads_again_end_the_gateway() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("keys");
    write_key(&file, 'a')?;
    let callers = CallerSettings { api_keys_file: Some(file.clone()), ..CallerSettings::default() };
    let reason = end_of_gateway(callers, || write_key(&file, 'b'))?;
    ensure!(reason == "task \"reading the API keys again\" panicked", "{reason}");
    Ok(())
}

/// Replaces the file as a whole: half a line would be no key.
fn write_key(file: &Path, digit: char) -> Result<()> {
    let (new, hash) = (file.with_extension("new"), String::from(digit).repeat(64));
    std::fs::write(&new, format!("alice {hash} hash\n"))?;
    Ok(std::fs::rename(&new, file)?)
}
