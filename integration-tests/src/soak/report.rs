//! What a run ends with.

use std::fmt;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use serde_json::{Value, json};

use crate::checker::table::Cost;
use crate::checker::{History, Incident, Instance, Table, Verdict, Violation, judge, tabulate};

/// The judgement on a run.
pub struct Report {
    /// What happened.
    pub history: History,
    /// What the checker makes of it.
    pub verdict: Verdict,
    /// What each fault cost, and how long its recovery took.
    pub table: Table,
    /// What the tool itself found wrong: faults that could not be made, a tail that missed something.
    pub complaints: Vec<String>,
    /// Calls that were due when there was no gateway.
    pub unplaced: u64,
}

impl Report {
    pub(super) fn of(history: History, complaints: Vec<String>, unplaced: u64) -> Self {
        let (verdict, table) = (judge(&history), tabulate(&history));
        Self { history, verdict, table, complaints, unplaced }
    }

    /// Whether every guarantee holds, and the tool did what it was to do.
    pub fn is_good(&self) -> bool {
        self.verdict.holds() && self.complaints.is_empty()
    }

    /// All of it for a program.
    pub fn json(&self, seed: u64) -> Value {
        json!({
            "seed": seed,
            "good": self.is_good(),
            "calls": self.history.calls.len(),
            "records": self.history.records.len(),
            "complaints": self.complaints,
            "violations": self.verdict.violations().iter().map(violation).collect::<Vec<_>>(),
            "incidents": self.table.incidents.iter().map(incident).collect::<Vec<_>>(),
            "undisturbed": cost(&self.table.undisturbed),
        })
    }

    /// Puts what the processes logged last, and this report, into `folder`.
    pub(super) fn write_logs(&self, folder: &Path, logs: &[(Instance, String)]) -> Result<()> {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        for (instance, log) in logs {
            let name = format!("{instance}.log").replace(' ', "-");
            fs::write(folder.join(name), log)?;
        }
        fs::write(folder.join("report.txt"), self.to_string())?;
        Ok(())
    }
}

fn violation(violation: &Violation) -> Value {
    json!({
        "guarantee": violation.guarantee.to_string(),
        "at_seconds": violation.at.as_secs_f64(),
        "sentence": violation.sentence,
        "calls": violation.calls,
        "ids": texts(&violation.ids),
        "records": texts(&violation.records),
        "instances": texts(&violation.instances),
    })
}

fn incident(incident: &Incident) -> Value {
    json!({
        "fault": incident.name,
        "target": incident.target,
        "from_seconds": incident.during.from.as_secs_f64(),
        "to_seconds": incident.during.to.as_secs_f64(),
        "recovery_seconds": incident.recovery.map(|recovery| recovery.as_secs_f64()),
        "bound_seconds": incident.bound.map(|bound| bound.as_secs_f64()),
        "within": incident.is_within_bound,
        "cost": cost(&incident.cost),
    })
}

fn cost(cost: &Cost) -> Value {
    json!({
        "calls": cost.calls,
        "lost": cost.lost,
        "severed": cost.severed,
        "wrong": cost.wrong,
        "unknown": cost.unknown,
        "late_replies": cost.late_replies,
        "refused": cost.refused,
        "slowest_answer_seconds": cost.slowest_answer.as_secs_f64(),
    })
}

fn texts(things: &[impl fmt::Display]) -> Vec<String> {
    things.iter().map(ToString::to_string).collect()
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for fault in &self.history.faults {
            let (from, to) = (fault.began.as_secs_f64(), fault.ended.as_secs_f64());
            writeln!(formatter, "{from:7.1} s to {to:7.1} s  {:<30} {}", fault.name, fault.target)?;
        }
        if self.unplaced > 0 {
            writeln!(formatter, "{} calls were due when there was no gateway", self.unplaced)?;
        }
        for complaint in &self.complaints {
            writeln!(formatter, "not as planned: {complaint}")?;
        }
        writeln!(formatter, "\n{}\n\n{}", self.table, self.verdict)
    }
}
