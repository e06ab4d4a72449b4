//! What the metrics pages show is what docs/observability.md says, in both directions.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, ensure};
use integration_tests::client::Client;
use integration_tests::topics::{self, record};
use integration_tests::wait;
use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::{Context, test};

const DOCUMENT: &str = include_str!("../../../docs/observability.md");

pub(crate) fn tests(context: &Context) -> Vec<Trial> {
    vec![
        test("the_metrics_are_the_documented_ones", context, documented),
        test("the_management_port_tells_what_runs_and_how_it_is", context, told),
    ]
}

async fn told(context: Context) -> Result<()> {
    let stack = context.stack().await?;
    let (gateway, processor) = stack.start_pair().await?;
    for (name, running) in [("api-gateway", &gateway), ("hash-processor", &processor)] {
        // A gateway may answer a moment before it calls itself ready.
        running.ready().await?;
        let management = Client::new(running.management_port)?;
        let info: Value = serde_json::from_str(&management.get("/info").await?.1)?;
        ensure!(info["name"] == name && info["version"] == env!("CARGO_PKG_VERSION"), "{info}");
        ensure!(info["envelope_versions"] == json!([1]) && info.get("commit").is_some(), "{info}");
        let (status, report) = management.get("/health/ready").await?;
        let report: Value = serde_json::from_str(&report)?;
        ensure!(status == 200 && report["ready"] == true && report["waiting_for"] == json!([]), "{report}");
        ensure!(report["kafka"]["reachable"] == true, "{report}");
        ensure!(running.metric("service_ready").await? == 1.0);
        ensure!(running.metric("kafka_reachable").await? == 1.0);
    }
    let is_seen = async || gateway.metric("gateway_workers").await.is_ok_and(|workers| workers == 1.0);
    wait::until("the worker to be seen", is_seen).await
}

/// A metric's type and the names of its labels.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Shape {
    kind: String,
    labels: BTreeSet<String>,
}

/// A row of the table.
#[derive(Debug)]
struct Row {
    shape: Shape,
    /// Whether it is shown whatever the settings.
    is_always: bool,
}

type Shapes = BTreeMap<String, Shape>;

async fn documented(context: Context) -> Result<()> {
    let stack = context.stack().await?;
    let (gateway, processor) = stack.start_pair().await?;
    gateway.client()?.hash("hello world").await?;
    ensure!(gateway.client()?.get("/nothing").await?.0 == 404);
    // One dead letter, so that all families have a series.
    topics::write(&stack.broker.kafka(), &stack.requests(), 0, vec![record(None, Some(b"no request"), &[])])
        .await?;
    wait::until_ok("the dead letter to be counted", async || {
        processor.metric(r#"processor_dead_letters_total{reason="malformed"}"#).await
    })
    .await?;
    // Offsets are committed at intervals.
    for (service, running) in [("gateway", &gateway), ("processor", &processor)] {
        wait::until_ok("the page to be as documented", async || {
            compare(&table(service)?, &page(&running.metrics().await?)?)
        })
        .await?;
    }
    Ok(())
}

fn compare(documented: &BTreeMap<String, Row>, shown: &Shapes) -> Result<()> {
    for (name, shape) in shown {
        let expected =
            documented.get(name).with_context(|| format!("{name} is not documented: {shape:?}"))?;
        ensure!(expected.shape == *shape, "{name} is documented as {expected:?} and shown as {shape:?}");
    }
    let required = documented.iter().filter(|(_, row)| row.is_always).map(|(name, _)| name);
    let missing: Vec<_> = required.filter(|name| !shown.contains_key(*name)).collect();
    ensure!(missing.is_empty(), "documented and not shown: {missing:?}");
    Ok(())
}

/// The rows of the table that are said to come from `service`.
fn table(service: &str) -> Result<BTreeMap<String, Row>> {
    let between =
        DOCUMENT.split("<!-- metrics -->").nth(1).and_then(|rest| rest.split("<!-- /metrics -->").next());
    let rows = between.context("the markers are there")?.trim().lines().skip(2);
    let mut rows_of_service = BTreeMap::new();
    for row in rows {
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        let [_, name, kind, labels, from, ..] = cells[..] else { anyhow::bail!("no row: {row}") };
        let (whose, is_always) = from.split_once(", ").map_or((from, true), |(whose, _)| (whose, false));
        if whose == service || whose == "both" {
            let labels = labels.split('`').skip(1).step_by(2).map(str::to_owned).collect();
            let shape = Shape { kind: kind.to_owned(), labels };
            rows_of_service.insert(name.trim_matches('`').to_owned(), Row { shape, is_always });
        }
    }
    ensure!(rows_of_service.len() > 10, "the table of {service} is too short: {rows_of_service:?}");
    Ok(rows_of_service)
}

/// What a page shows, by the names that its TYPE lines give.
fn page(text: &str) -> Result<Shapes> {
    let mut shapes = Shapes::new();
    let mut family = None;
    for line in text.lines() {
        if let Some(declared) = line.strip_prefix("# TYPE ") {
            let (name, kind) = declared.split_once(' ').context("a name and a type")?;
            shapes.insert(name.to_owned(), Shape { kind: kind.to_owned(), ..Shape::default() });
            family = Some(name.to_owned());
        } else if !line.starts_with('#') {
            let family = family.as_ref().with_context(|| format!("a series of no family: {line}"))?;
            ensure!(line.starts_with(family.as_str()), "{line} stands under {family}");
            let shape = shapes.get_mut(family).context("it was declared")?;
            shape.labels.extend(labels(line));
        }
    }
    Ok(shapes)
}

/// The names of a series' labels, but for the bounds of a histogram. No value holds a quote.
fn labels(series: &str) -> impl Iterator<Item = String> {
    let labels =
        series.split_once('{').and_then(|(_, rest)| rest.rsplit_once('}')).map_or("", |(all, _)| all);
    let names =
        labels.split('"').step_by(2).filter_map(|name| name.trim_start_matches(',').strip_suffix('='));
    names.filter(|name| *name != "le").map(str::to_owned).collect::<Vec<_>>().into_iter()
}
