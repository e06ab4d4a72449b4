//! One table for each kind of comparison, with a row for each series.

use super::markdown::Table;
use crate::bench::child::Role;
use crate::bench::comparison::{Comparison, FLOOR, OURS, PLAIN, Round, Series};
use crate::bench::findings::{Findings, Idle};
use crate::bench::spread::Spread;
use crate::bench::suites::payloads::AROUND_DATA;

/// Title and table of everything that was measured.
pub(super) fn all(findings: &Findings) -> Vec<(&'static str, Table)> {
    let mut tables = Vec::new();
    let in_flight = |comparison: &Comparison| comparison.in_flight.to_string();
    if !findings.loads.is_empty() {
        tables.push(("Under load", compared("In flight", &findings.loads, in_flight)));
    }
    if let Some(sums) = sums(findings) {
        tables.push(("Where the time of one request goes (p50, 1 in flight)", sums));
    }
    if let Some(idle) = &findings.idle {
        tables.push(("Idle", resting(idle)));
    }
    if !findings.bodies.is_empty() {
        let kib = |comparison: &Comparison| format!("{} KiB", (comparison.data_bytes + AROUND_DATA) / 1024);
        tables.push(("Bodies, 1 in flight", compared("Body", &findings.bodies, kib)));
    }
    if let Some(sharing) = &findings.sharing {
        let comparison = std::slice::from_ref(&sharing.comparison);
        tables.push((
            "Gateways on one response topic of 3 partitions",
            compared("In flight", comparison, in_flight),
        ));
        let mut counts = Table::new(["Counted by the gateways", "Sum"]);
        for (name, count) in &sharing.counts {
            counts
                .row([format!("`{name}`"), count.map_or("no such metric".to_owned(), |n| format!("{n:.0}"))]);
        }
        tables.push(("What they counted", counts));
    }
    if let Some(workers) = &findings.workers {
        let comparison = std::slice::from_ref(workers);
        tables.push(("Workers with a handler of 5 ms", compared("In flight", comparison, in_flight)));
    }
    if let Some(fairness) = &findings.fairness {
        let comparison = std::slice::from_ref(&fairness.comparison);
        tables.push(("A caller that keeps to its share", compared("Connections", comparison, in_flight)));
    }
    if let Some(secured) = &findings.secured {
        tables.push(("What TLS and logins add, 1 in flight", added(secured)));
    }
    tables
}

fn compared(first: &str, comparisons: &[Comparison], label: impl Fn(&Comparison) -> String) -> Table {
    let titles = [
        first,
        "Series",
        "requests/s",
        "p50, ms",
        "p99, ms",
        "p50 to broker alone",
        "requests/s to HTTP alone",
        "CPU s per 10,000",
        "Resident, MiB",
    ];
    let mut table = Table::new(titles);
    for comparison in comparisons {
        for series in &comparison.series {
            table.row(row(comparison, series, label(comparison)));
        }
    }
    table.without_empty_columns()
}

fn row(comparison: &Comparison, series: &Series, label: String) -> [String; 9] {
    let name = series.name.as_str();
    let text = |spread: Option<Spread>, decimals, unit: &str| {
        spread.map_or("–".to_owned(), |spread| format!("{}{unit}", spread.text(decimals)))
    };
    let to_floor = (name != FLOOR && name != PLAIN).then(|| {
        comparison.spread([name, FLOOR], |[it, floor]| Some(it.sample.millis(0.5) / floor.sample.millis(0.5)))
    });
    let to_plain = (name != FLOOR && name != PLAIN).then(|| {
        comparison.spread([name, PLAIN], |[it, plain]| Some(it.sample.rate() / plain.sample.rate()))
    });
    let known =
        |figure: fn(&Round) -> Option<f64>| Spread::of(series.rounds.iter().flatten().filter_map(figure));
    [
        label,
        series.name.clone(),
        text(series.spread(|round| round.sample.rate()), 0, ""),
        text(series.spread(|round| round.sample.millis(0.5)), 2, ""),
        text(series.spread(|round| round.sample.millis(0.99)), 2, ""),
        text(to_floor.flatten(), 2, " ×"),
        text(to_plain.flatten(), 2, " ×"),
        text(known(Round::cpu_per_10_000), 3, ""),
        text(known(Round::resident_mib), 1, ""),
    ]
}

/// Latency beside that of the first series.
fn added(comparison: &Comparison) -> Table {
    let mut table = Table::new(["Series", "p50, ms", "p99, ms", "p50 to the first", "p99 to the first"]);
    for series in &comparison.series {
        let name = series.name.as_str();
        let millis = |quantile| series.spread(|round| round.sample.millis(quantile));
        let to_first = |quantile| {
            let first = comparison.series.first().filter(|first| first.name != name)?;
            comparison.spread([name, first.name.as_str()], |[it, first]| {
                Some(it.sample.millis(quantile) / first.sample.millis(quantile))
            })
        };
        let text = |spread: Option<Spread>, unit: &str| {
            spread.map_or("–".to_owned(), |spread| format!("{}{unit}", spread.text(2)))
        };
        table.row([
            series.name.clone(),
            text(millis(0.5), ""),
            text(millis(0.99), ""),
            text(to_first(0.5), " ×"),
            text(to_first(0.99), " ×"),
        ]);
    }
    table
}

/// Broker alone + HTTP alone + so many microseconds.
fn sums(findings: &Findings) -> Option<Table> {
    let load = findings.load(1)?;
    let micros = |spread: Spread| format!("{} µs", spread.text(0));
    let p50 = |name: &str| Some(micros(load.series(name)?.spread(|round| round.sample.millis(0.5) * 1e3)?));
    let mut table = Table::new(["Series", "p50", "= broker alone", "+ HTTP alone", "+ what it adds"]);
    load.series(OURS)?.all()?;
    for series in load.series.iter().filter(|series| series.name != FLOOR && series.name != PLAIN) {
        let added = load.spread([&series.name, FLOOR, PLAIN], |[it, floor, plain]| {
            Some((it.sample.millis(0.5) - floor.sample.millis(0.5) - plain.sample.millis(0.5)) * 1e3)
        });
        let Some(added) = added else { continue };
        table.row([series.name.clone(), p50(&series.name)?, p50(FLOOR)?, p50(PLAIN)?, micros(added)]);
    }
    Some(table)
}

fn resting(idle: &Idle) -> Table {
    let mut table = Table::new(["Service", "CPU, % of a core", "Resident, MiB"]);
    for (name, role) in [("gateway", Role::Gateway), ("worker", Role::Processor)] {
        let cell = |spread: Option<Spread>| spread.map_or("–".to_owned(), |spread| spread.text(1));
        table.row([name.to_owned(), cell(idle.cpu_percent(role)), cell(idle.resident_mib(role))]);
    }
    table
}
