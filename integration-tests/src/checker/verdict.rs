//! What the checker found.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::figures::Figures;
use super::history::{Call, Coordinates, Id, Instance};

/// Violations that are printed.
const PRINTED: usize = 10;

/// What a run has to keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Guarantee {
    /// Not the stack but the history is at fault: from one with holes nothing can be concluded.
    Evidence,
    /// Every call gets exactly one response in time.
    G1Totality,
    /// Every answer is the right one, under an id of its own.
    G2NoWrongAnswer,
    /// Every answer has its request and its reply in the topics.
    G3NoPhantom,
    /// Every request in the topic comes to an end.
    G4NoLoss,
    /// What an error says of the request is true.
    G5HonestErrors,
    /// All replies to one request agree, and the surplus is counted.
    G6HarmlessDuplicates,
    /// After each fault all is as before, within its bound.
    G7Recovery,
}

impl fmt::Display for Guarantee {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Evidence => "evidence",
            Self::G1Totality => "G1 totality",
            Self::G2NoWrongAnswer => "G2 no wrong answer",
            Self::G3NoPhantom => "G3 no phantom",
            Self::G4NoLoss => "G4 no loss",
            Self::G5HonestErrors => "G5 honest errors",
            Self::G6HarmlessDuplicates => "G6 harmless duplicates",
            Self::G7Recovery => "G7 recovery",
        })
    }
}

/// One breach of a guarantee, with what to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Of which guarantee.
    pub guarantee: Guarantee,
    /// When it could be seen first, since the run began.
    pub at: Duration,
    /// What is wrong, in one sentence.
    pub sentence: String,
    /// The numbers of the calls concerned.
    pub calls: Vec<u64>,
    /// The correlation ids concerned.
    pub ids: Vec<Id>,
    /// The records concerned.
    pub records: Vec<Coordinates>,
    /// The processes concerned.
    pub instances: Vec<Instance>,
}

impl Violation {
    /// A breach seen at `at`, concerning nothing yet.
    pub(super) fn new(guarantee: Guarantee, at: Duration, sentence: impl Into<String>) -> Self {
        let sentence = sentence.into();
        Self { guarantee, at, sentence, calls: vec![], ids: vec![], records: vec![], instances: vec![] }
    }

    /// Names a call, with its gateway and its id.
    #[must_use]
    pub(super) fn call(mut self, call: &Call) -> Self {
        self.calls.push(call.number);
        self.instances.push(call.gateway);
        match call.id() {
            Some(id) => self.id(id),
            None => self,
        }
    }

    /// Names a correlation id.
    #[must_use]
    pub(super) fn id(mut self, id: &Id) -> Self {
        if !self.ids.contains(id) {
            self.ids.push(id.clone());
        }
        self
    }

    /// Names records.
    #[must_use]
    pub(super) fn records(mut self, records: impl IntoIterator<Item = Coordinates>) -> Self {
        self.records.extend(records);
        self
    }

    /// Names a process.
    #[must_use]
    pub(super) fn instance(mut self, instance: Instance) -> Self {
        self.instances.push(instance);
        self
    }

    /// By time; what makes the evidence doubtful before everything else.
    pub(super) fn order(&self, other: &Self) -> Ordering {
        let key = |v: &Self| (v.guarantee != Guarantee::Evidence, v.at, v.guarantee);
        key(self).cmp(&key(other)).then_with(|| self.calls.cmp(&other.calls))
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} at {:.3} s: {}", self.guarantee, self.at.as_secs_f64(), self.sentence)?;
        let mut things: Vec<String> = Vec::new();
        things.extend(self.calls.iter().map(|number| format!("call {number}")));
        things.extend(self.ids.iter().map(|id| format!("id {id}")));
        things.extend(self.records.iter().map(ToString::to_string));
        things.extend(self.instances.iter().map(ToString::to_string));
        if things.is_empty() { Ok(()) } else { write!(formatter, " [{}]", things.join(", ")) }
    }
}

/// The judgement on a history.
#[derive(Debug, Clone, Default)]
pub struct Verdict {
    violations: Vec<Violation>,
    counts: BTreeMap<Guarantee, u64>,
    /// What was judged and what was excused.
    pub figures: Figures,
}

impl Verdict {
    /// Of these violations, the first one first, out of so many.
    pub(super) fn new(
        violations: Vec<Violation>,
        counts: BTreeMap<Guarantee, u64>,
        figures: Figures,
    ) -> Self {
        Self { violations, counts, figures }
    }

    /// Whether everything holds.
    pub fn holds(&self) -> bool {
        self.counts.is_empty()
    }

    /// The violations, the first one first; at most the first few of each guarantee.
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// How often this guarantee was violated in all.
    pub fn count(&self, guarantee: Guarantee) -> u64 {
        self.counts.get(&guarantee).copied().unwrap_or(0)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.holds() {
            return write!(formatter, "G1 to G7 hold.\n{}", self.figures);
        }
        for (guarantee, count) in &self.counts {
            writeln!(formatter, "{guarantee}: violated {count} times")?;
        }
        for (place, violation) in self.violations.iter().take(PRINTED).enumerate() {
            writeln!(formatter, "{}. {violation}", place + 1)?;
        }
        let rest = self.counts.values().sum::<u64>() - self.violations.len().min(PRINTED) as u64;
        if rest > 0 {
            writeln!(formatter, "… and {rest} more")?;
        }
        self.figures.fmt(formatter)
    }
}
