//! What a run ends with.

use std::fmt;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::checker::{History, Instance, Verdict, judge};

/// The judgement on a run.
pub struct Report {
    /// What happened.
    pub history: History,
    /// What the checker makes of it.
    pub verdict: Verdict,
    /// What the tool itself found wrong: faults that could not be made, a tail that missed something.
    pub complaints: Vec<String>,
    /// Calls that were due when there was no gateway.
    pub unplaced: u64,
}

impl Report {
    pub(super) fn of(history: History, complaints: Vec<String>, unplaced: u64) -> Self {
        let verdict = judge(&history);
        Self { history, verdict, complaints, unplaced }
    }

    /// Whether every guarantee holds, and the tool did what it was to do.
    pub fn is_good(&self) -> bool {
        self.verdict.holds() && self.complaints.is_empty()
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
        writeln!(formatter, "\n{}", self.verdict)
    }
}
