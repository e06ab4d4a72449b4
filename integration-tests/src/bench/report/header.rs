//! What the figures belong to, and how they were taken.

use crate::bench::machine::{Machine, is_debug_build};
use crate::bench::options::Options;

/// A list in Markdown.
pub(super) fn text(options: &Options, machine: &Machine) -> String {
    let mut text = format!(
        "## Bench of {build}\n\n\
         - {hardware}; load average before the run {load}; {began}\n\
         - Broker: {broker}\n\
         - {rounds} interleaved rounds of {seconds} s after {warm_up} s of warm-up, `data` of {bytes} bytes; \
         each figure is the median of the rounds (minimum–maximum), every answer's hash verified\n",
        build = machine.build,
        hardware = machine.hardware,
        load = machine.load_average,
        began = machine.began,
        broker = machine.broker,
        rounds = options.rounds,
        seconds = options.seconds.as_secs_f64(),
        warm_up = options.warm_up().as_secs_f64(),
        bytes = options.payload,
    );
    let pairs = |settings: &[(String, String)]| {
        settings.iter().map(|(key, value)| format!("`{key}={value}`")).collect::<Vec<_>>().join(", ")
    };
    if let Some(folder) = &options.programs {
        text.push_str(&format!("- Programs: {}\n", folder.display()));
    }
    if !options.set.is_empty() {
        text.push_str(&format!("- Settings: {}\n", pairs(&options.set)));
    }
    for stack in &options.stack {
        let folder = stack.folder.as_ref().map_or("this build".to_owned(), |it| it.display().to_string());
        let settings = pairs(&stack.settings);
        text.push_str(format!("- {}: {folder} {settings}", stack.name).trim_end());
        text.push('\n');
    }
    for gateway in &options.gateway {
        text.push_str(&format!("- {}: `http://{}{}`\n", gateway.name, gateway.address, gateway.path));
    }
    if is_debug_build() {
        text.push_str("- **A debug build: these figures say nothing. Build with `--release`.**\n");
    }
    text
}
