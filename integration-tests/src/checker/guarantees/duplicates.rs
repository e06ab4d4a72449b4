//! G6: all replies to one id agree, and gateways count those beyond the first.
//!
//! Two replies agree if they carry the same hash, or an error of the same code. How the surplus is counted, and what of it
//! can be known, is told in [`surplus`](super::surplus).

use crate::checker::findings::Findings;
use crate::checker::history::{Content, Life, ReplyCounters, Span, Topic};
use crate::checker::index::{Index, Trace};
use crate::checker::verdict::{Guarantee, Violation};

use super::surplus::{Bounds, Surplus};

/// Guarantee G6.
pub(in crate::checker) fn check(index: &Index<'_>, findings: &mut Findings) {
    for trace in index.traces() {
        disagreement(&trace, findings);
    }
    let surplus = Surplus::of(index);
    findings.figures.surplus = surplus.in_all();
    for gateway in &index.history.gateways {
        counted(index, gateway, surplus.bounds(gateway.instance), findings);
    }
}

fn disagreement(trace: &Trace<'_, '_>, findings: &mut Findings) {
    let Some(first) = trace.replies().next() else { return };
    if let Some(other) = trace.replies().find(|reply| reply.content != first.content) {
        let sentence = format!(
            "the replies to one request differ: {}, then {}",
            say(&first.content),
            say(&other.content)
        );
        let violation = Violation::new(Guarantee::G6HarmlessDuplicates, other.seen, sentence).id(trace.id);
        findings.add(violation.records([first.at, other.at]));
    }
}

fn say(content: &Content) -> String {
    match content {
        Content::Hash(hash) => format!("hash {hash}"),
        Content::Error(code) => format!("error {code}"),
        Content::Request { .. } | Content::DeadLetter { .. } | Content::Unfit(_) => {
            "what cannot be read".into()
        }
    }
}

fn counted(index: &Index<'_>, gateway: &Life<ReplyCounters>, mut bounds: Bounds, findings: &mut Findings) {
    let lived = Span { from: gateway.started, to: gateway.death.map_or(index.end, |death| death.ended) };
    let figures = &mut findings.figures;
    let Some((asked, counters)) = gateway.counters.filter(|_| !index.may_have_lost(Topic::Responses, lived))
    else {
        figures.uncounted += 1;
        return;
    };
    if gateway.death.is_some() {
        bounds.least = 0; // What it read after it was asked it did not tell any more.
    }
    if bounds.least == bounds.most {
        figures.counted_exactly += 1;
    } else {
        figures.counted_within += 1;
    }
    let ReplyCounters { late, duplicate, unknown } = counters;
    let counted = late + duplicate + unknown;
    if (bounds.least..=bounds.most).contains(&counted) {
        return;
    }
    let in_topic = if bounds.least == bounds.most {
        bounds.most.to_string()
    } else {
        format!("{} to {}", bounds.least, bounds.most)
    };
    let sentence = format!(
        "{late} late, {duplicate} duplicate and {unknown} unknown replies were counted, where the topic has {in_topic}"
    );
    let violation =
        Violation::new(Guarantee::G6HarmlessDuplicates, asked, sentence).instance(gateway.instance);
    findings.add(bounds.examples.iter().copied().fold(violation, Violation::id));
}
