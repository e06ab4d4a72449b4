//! G6: all replies to one id agree, and gateways count those beyond the first.
//!
//! Two replies agree if they carry the same hash, or an error of the same code. One difference is honest: a request names
//! its reply partition, and where the response topic was deleted and made anew with fewer partitions, a worker that executes
//! the request once more finds no such partition and says `bad_reply_header`.
//!
//! How the surplus is counted, and what of it can be known, is told in [`surplus`](super::surplus).

use crate::checker::findings::Findings;
use crate::checker::history::{Content, Life, ReplyCounters, Seen, Span, Topic};
use crate::checker::index::{Index, Trace};
use crate::checker::verdict::{Guarantee, Violation};

use super::surplus::{Bounds, Surplus};

/// The code of the error that a worker answers where there is no such reply partition.
const MISSING_PARTITION: &str = "bad_reply_header";

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
    let differs = |reply: &&Seen| reply.content != first.content && !has_lost_its_partition(reply, trace);
    if let Some(other) = trace.replies().find(differs) {
        let sentence = format!(
            "the replies to one request differ: {}, then {}",
            say(&first.content),
            say(&other.content)
        );
        let violation = Violation::new(Guarantee::G6HarmlessDuplicates, other.seen, sentence).id(trace.id);
        findings.add(violation.records([first.at, other.at]));
    }
}

/// Whether a reply says that the partition which its request names is not there, and can be right: the topic was made anew
/// since every other reply that came before. Within one life of a topic partitions only become more.
fn has_lost_its_partition(reply: &Seen, trace: &Trace<'_, '_>) -> bool {
    let other_than = |earlier: &&Seen| earlier.content != reply.content;
    let mut earlier = trace.replies().take_while(|earlier| earlier.at != reply.at).filter(other_than);
    matches!(&reply.content, Content::Error(code) if &**code == MISSING_PARTITION)
        && earlier.all(|earlier| earlier.at.incarnation < reply.at.incarnation)
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
