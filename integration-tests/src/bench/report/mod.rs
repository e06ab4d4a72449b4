//! What a run ends with: Markdown that reads well as plain text, and JSON.

mod header;
mod markdown;
mod tables;

use std::fmt::Write as _;

use serde::Serialize;

use super::findings::Findings;
use super::goals::{Goal, Verdict};
use super::machine::Machine;
use super::options::Options;
use markdown::Table;

/// Raised whenever a reader of the JSON would have to know.
const FORMAT: u32 = 1;

/// Everything a report is made from.
#[derive(Debug, Clone, Copy)]
pub struct Report<'a> {
    /// What was asked for.
    pub options: &'a Options,
    /// Where.
    pub machine: &'a Machine,
    /// What was found.
    pub findings: &'a Findings,
    /// What is to be thought of it.
    pub goals: &'a [Goal],
}

impl Report<'_> {
    /// For people: tables in Markdown, padded.
    pub fn markdown(&self) -> String {
        let mut text = header::text(self.options, self.machine);
        for (title, table) in tables::all(self.findings) {
            let _ = write!(text, "\n### {title}\n\n{}", table.text());
        }
        if !self.goals.is_empty() {
            let _ = write!(text, "\n### Goals\n\n{}", goals(self.goals).text());
        }
        for (series, why) in self.findings.failures() {
            let _ = write!(text, "\n**{series} failed:** {}\n", why.replace('\n', " "));
        }
        text
    }

    /// For programs: every round of everything.
    ///
    /// # Errors
    /// Never, in practice.
    pub fn json(&self) -> serde_json::Result<String> {
        #[derive(Serialize)]
        struct Document<'a> {
            format: u32,
            machine: &'a Machine,
            command_line: Vec<String>,
            seconds: f64,
            warm_up_seconds: f64,
            rounds: u32,
            findings: &'a Findings,
            goals: Vec<Judged<'a>>,
        }
        #[derive(Serialize)]
        struct Judged<'a> {
            #[serde(flatten)]
            goal: &'a Goal,
            verdict: Verdict,
        }
        serde_json::to_string_pretty(&Document {
            format: FORMAT,
            machine: self.machine,
            command_line: std::env::args().collect(),
            seconds: self.options.seconds.as_secs_f64(),
            warm_up_seconds: self.options.warm_up().as_secs_f64(),
            rounds: self.options.rounds,
            findings: self.findings,
            goals: self.goals.iter().map(|goal| Judged { goal, verdict: goal.verdict() }).collect(),
        })
    }
}

fn goals(goals: &[Goal]) -> Table {
    let mut table = Table::new(["Work", "Goal", "Measured", "Result"]);
    for goal in goals {
        let decimals = match goal.unit {
            "×" => 2,
            "" | "µs" => 0,
            _ => 1,
        };
        let figure =
            goal.figure.map(|spread| format!("{} {}", spread.text(decimals), goal.unit).trim().to_owned());
        let told: Vec<String> = figure.into_iter().chain(goal.remark.clone()).collect();
        let measured = if told.is_empty() { "–".to_owned() } else { told.join(", ") };
        let verdict = match goal.verdict() {
            Verdict::Met => "met",
            Verdict::Missed => "**missed**",
            Verdict::NotMeasured => "not measured",
        };
        table.row([goal.work.clone(), goal.goal.clone(), measured, verdict.to_owned()]);
    }
    table
}

#[cfg(test)]
mod tests;
