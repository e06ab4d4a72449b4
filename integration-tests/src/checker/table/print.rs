//! The table for people: aligned text, or Markdown.

use std::fmt;
use std::time::Duration;

use super::{Cost, Row, Table};

const HEADS: [&str; 14] = [
    "Fault",
    "times",
    "calls",
    "lost",
    "severed",
    "wrong",
    "unknown (504)",
    "late replies",
    "refused",
    "slowest answer",
    "recovery: median",
    "longest",
    "bound",
    "within",
];

type Cells = [String; HEADS.len()];

/// A table that prints as Markdown.
#[derive(Debug, Clone, Copy)]
pub struct Markdown<'t>(pub(super) &'t Table);

impl fmt::Display for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = lines(self);
        let mut widths = [0; HEADS.len()];
        for cells in &lines {
            for (width, cell) in widths.iter_mut().zip(cells) {
                *width = cell.chars().count().max(*width);
            }
        }
        for cells in &lines {
            let mut line = String::new();
            for (place, (cell, width)) in cells.iter().zip(widths).enumerate() {
                // Names to the left, numbers to the right.
                if place == 0 {
                    line = format!("{cell:width$}");
                } else {
                    line = format!("{line}  {cell:>width$}");
                }
            }
            writeln!(formatter, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

impl fmt::Display for Markdown<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, cells) in lines(self.0).iter().enumerate() {
            writeln!(formatter, "| {} |", cells.join(" | "))?;
            if place == 0 {
                writeln!(formatter, "|---|{}", "---:|".repeat(HEADS.len() - 1))?;
            }
        }
        Ok(())
    }
}

fn lines(table: &Table) -> Vec<Cells> {
    let heads = HEADS.map(str::to_owned);
    let rows = table.rows();
    let undisturbed = cells("(none)", String::new(), &table.undisturbed, Default::default());
    [heads].into_iter().chain(rows.iter().map(line)).chain([undisturbed]).collect()
}

fn line(row: &Row) -> Cells {
    let within =
        if row.within == row.times { "yes".to_owned() } else { format!("{} of {}", row.within, row.times) };
    let never = |time: Option<Duration>| time.map_or("never".to_owned(), seconds);
    let bound = row.bound.map_or("no error".to_owned(), seconds);
    cells(row.name, row.times.to_string(), &row.cost, [never(row.median), never(row.longest), bound, within])
}

fn cells(name: &str, times: String, cost: &Cost, recovery: [String; 4]) -> Cells {
    let refused: Vec<_> = cost.refused.iter().map(|(code, count)| format!("{count} {code}")).collect();
    let refused = if refused.is_empty() { "0".to_owned() } else { refused.join(", ") };
    let [median, longest, bound, within] = recovery;
    [
        name.to_owned(),
        times,
        cost.calls.to_string(),
        cost.lost.to_string(),
        cost.severed.to_string(),
        cost.wrong.to_string(),
        cost.unknown.to_string(),
        cost.late_replies.to_string(),
        refused,
        seconds(cost.slowest_answer),
        median,
        longest,
        bound,
        within,
    ]
}

fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}
