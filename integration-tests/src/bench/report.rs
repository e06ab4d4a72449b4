//! The table that a run ends with.

use std::fmt::Write as _;
use std::time::Duration;

use super::sample::Sample;

/// What was measured at one number of requests in flight.
#[derive(Debug)]
pub struct Row {
    /// Requests in flight.
    pub in_flight: usize,
    /// The broker alone; measured with one in flight only.
    pub floor: Option<Sample>,
    /// HTTP alone.
    pub plain: Sample,
    /// The whole stack.
    pub stack: Sample,
}

/// Of several rounds, the one in the middle by rate.
///
/// # Panics
/// If there was no round.
pub fn median(mut rounds: Vec<Sample>) -> Sample {
    rounds.sort_by(|a, b| a.rate().total_cmp(&b.rate()));
    rounds.swap_remove(rounds.len() / 2)
}

/// The rows as Markdown.
pub fn table(rows: &[Row]) -> String {
    let mut text = String::from(
        "| In flight | Broker alone, p50 / p99 | HTTP alone | Gateway and worker | p50 to broker alone | requests/s to HTTP alone |\n\
         |---|---|---|---|---|---|\n",
    );
    for row in rows {
        let floor = row.floor.as_ref().map_or("–".into(), latencies);
        let to_floor = row.floor.as_ref().map_or("–".into(), |floor| {
            format!("{:.2} ×", millis(row.stack.quantile(0.5)) / millis(floor.quantile(0.5)))
        });
        let to_plain = row.stack.rate() / row.plain.rate();
        let _ = writeln!(
            text,
            "| {} | {floor} | {} | {} | {to_floor} | {to_plain:.2} × |",
            row.in_flight,
            rate_and_latencies(&row.plain),
            rate_and_latencies(&row.stack),
        );
    }
    text
}

/// The machine that the figures belong to.
pub fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpuinfo = read("/proc/cpuinfo");
    let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = read("/proc/sys/kernel/osrelease");
    format!("{} × {}, Linux {}", cores, model.unwrap_or("unknown processor"), kernel.trim())
}

fn rate_and_latencies(sample: &Sample) -> String {
    format!("{:.0}/s, {}", sample.rate(), latencies(sample))
}

fn latencies(sample: &Sample) -> String {
    format!("{:.2} / {:.2} ms", millis(sample.quantile(0.5)), millis(sample.quantile(0.99)))
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
