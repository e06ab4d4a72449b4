//! Whether the history can be judged at all: it contradicts nothing and leaves nothing out.
//!
//! - Every call has a number and data of its own, a gateway, and ends after it began.
//! - Every offset between the two ends of each log was seen, once: a record that the tail overlooked could make a loss of
//!   an answer, and an answer of a loss.
//! - Every process that runs at the end was measured last, at rest; every gateway among them told its counters.
//! - Somebody was answered: a run without answers keeps most guarantees and shows nothing.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::checker::findings::Findings;
use crate::checker::history::{Coordinates, Instance, Life, Log, Outcome, Sample, Topic};
use crate::checker::index::Index;
use crate::checker::verdict::{Guarantee, Violation};

/// The history itself.
pub(in crate::checker) fn check(index: &Index<'_>, findings: &mut Findings) {
    calls(index, findings);
    records(index, findings);
    let last = index.history.samples.iter().map(|sample| (sample.instance, sample)).collect();
    for gateway in &index.history.gateways {
        at_the_end(index, gateway, &last, true, findings);
    }
    for worker in &index.history.workers {
        at_the_end(index, worker, &last, false, findings);
    }
}

fn calls(index: &Index<'_>, findings: &mut Findings) {
    let mut numbers = FxHashSet::default();
    let figures = &mut findings.figures;
    for call in &index.history.calls {
        figures.calls += 1;
        match &call.outcome {
            Outcome::Answered { .. } => figures.answered += 1,
            Outcome::Refused { code, .. } if call.provokes != Some(code) => figures.refused += 1,
            _ => {}
        }
    }
    if figures.answered == 0 {
        let sentence = "no call was answered, so nothing was shown";
        findings.add(Violation::new(Guarantee::Evidence, index.end, sentence));
    }
    for call in &index.history.calls {
        let mut flaw =
            |what: &str| findings.add(Violation::new(Guarantee::Evidence, call.sent, what).call(call));
        if !numbers.insert(call.number) {
            flaw("two calls have this number");
        }
        if index.call(&call.data).is_some_and(|other| !std::ptr::eq(other, call)) {
            flaw("another call has the same data, so their records cannot be told apart");
        }
        if index.gateway(call.gateway).is_none() {
            flaw("the call was sent to a gateway that the history does not know");
        }
        if call.ended < call.sent {
            flaw("the call ended before it was sent");
        }
    }
}

fn records(index: &Index<'_>, findings: &mut Findings) {
    let mut places: Vec<Coordinates> = Vec::with_capacity(index.history.records.len());
    for record in &index.history.records {
        places.push(record.at);
        let figures = &mut findings.figures;
        match record.at.topic {
            Topic::Requests => figures.requests += 1,
            Topic::Responses => figures.replies += 1,
            Topic::DeadLetters => figures.dead_letters += 1,
        }
    }
    places.sort_unstable();
    let log = |place: &Coordinates| (place.topic, place.incarnation, place.partition);
    let seen: FxHashMap<_, &[Coordinates]> = places
        .chunk_by(|one, other| log(one) == log(other))
        .filter_map(|chunk| Some((log(chunk.first()?), chunk)))
        .collect();
    let mut logs = FxHashSet::default();
    for log in &index.history.logs {
        let key = (log.topic, log.incarnation, log.partition);
        let seen = seen.get(&key).copied().unwrap_or_default();
        logs.insert(key);
        if let Some(violation) = hole(index, log, seen) {
            findings.add(violation);
        }
    }
    for (_, places) in seen.iter().filter(|(key, _)| !logs.contains(*key)) {
        let sentence = "records were seen in a partition that the history does not say was tailed";
        let violation = Violation::new(Guarantee::Evidence, index.end, sentence);
        findings.add(violation.records(places.first().copied()));
    }
}

/// The first offset of the log that was not seen exactly once.
fn hole(index: &Index<'_>, log: &Log, seen: &[Coordinates]) -> Option<Violation> {
    let flaw = |sentence: String, place: Coordinates| {
        Some(Violation::new(Guarantee::Evidence, index.end, sentence).records([place]))
    };
    let mut expected = log.begin;
    for place in seen {
        if place.offset < expected {
            return flaw("a record was seen twice, or from before its tail began".into(), *place);
        }
        if place.offset > expected {
            let missing = place.offset - expected;
            return flaw(format!("the {missing} records before this one were not seen"), *place);
        }
        expected += 1;
    }
    let end = Coordinates {
        topic: log.topic,
        incarnation: log.incarnation,
        partition: log.partition,
        offset: log.end,
    };
    match log.end - expected {
        0 => None,
        missing if missing > 0 => {
            flaw(format!("the last {missing} records before the log's end were not seen"), end)
        }
        _ => flaw("records were seen beyond the end of the log: was it cut?".into(), end),
    }
}

fn at_the_end<C>(
    index: &Index<'_>,
    life: &Life<C>,
    last: &FxHashMap<Instance, &Sample>,
    has_counters: bool,
    findings: &mut Findings,
) {
    if life.death.is_some() {
        return;
    }
    let mut flaw = |what: &str| {
        findings.add(Violation::new(Guarantee::Evidence, index.end, what).instance(life.instance));
    };
    if last.get(&life.instance).is_none_or(|sample| !sample.is_quiet) {
        flaw("the process runs at the end and was not measured at rest");
    }
    if has_counters && life.counters.is_none() {
        flaw("the gateway runs at the end and was not asked for its counters");
    }
}
