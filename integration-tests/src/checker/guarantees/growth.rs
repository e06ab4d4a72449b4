//! Part of G7: what the processes that run at the end hold, against their own first quiet sample.

use std::fmt::Display;

use rustc_hash::FxHashMap;

use crate::checker::findings::Findings;
use crate::checker::history::{Instance, Sample};
use crate::checker::index::Index;
use crate::checker::verdict::{Guarantee, Violation};

/// Nothing is pending, no sockets and no memory have stayed behind.
pub(super) fn check(index: &Index<'_>, findings: &mut Findings) {
    let history = index.history;
    let mut first: FxHashMap<Instance, &Sample> = FxHashMap::default();
    for sample in history.samples.iter().filter(|sample| sample.is_quiet) {
        first.entry(sample.instance).or_insert(sample);
    }
    let last: FxHashMap<Instance, &Sample> =
        history.samples.iter().map(|sample| (sample.instance, sample)).collect();
    let gateways = history.gateways.iter().map(|life| (life.instance, life.death));
    let workers = history.workers.iter().map(|life| (life.instance, life.death));
    for (instance, _) in gateways.chain(workers).filter(|(_, death)| death.is_none()) {
        if let (Some(first), Some(last)) = (first.get(&instance), last.get(&instance)) {
            compare(index, first, last, findings);
        }
    }
}

fn compare(index: &Index<'_>, first: &Sample, last: &Sample, findings: &mut Findings) {
    let terms = &index.history.terms;
    let mut add = |sentence: String| {
        findings.add(Violation::new(Guarantee::G7Recovery, last.at, sentence).instance(last.instance));
    };
    if last.pending > 0 {
        add(format!("{} requests are pending although everything is at rest", last.pending));
    }
    if last.sockets > first.sockets + terms.more_sockets {
        add(grown("sockets", first.sockets, last.sockets, terms.more_sockets));
    }
    if last.rss_bytes > first.rss_bytes + terms.more_rss_bytes {
        add(grown("bytes of resident memory", first.rss_bytes, last.rss_bytes, terms.more_rss_bytes));
    }
}

fn grown(what: &str, before: impl Display, now: impl Display, allowed: impl Display) -> String {
    format!("{before} {what} at its first rest have become {now}, where {allowed} more are allowed")
}
