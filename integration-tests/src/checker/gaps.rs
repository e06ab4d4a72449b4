//! Whether answers went on flowing on each partition, through a rebalance for example.

use std::collections::BTreeMap;
use std::time::Duration;

use super::history::Span;
use super::index::Index;

/// By request partition, the longest time within `during` in which no request of it was replied to. From the beginning of
/// `during` to the first reply and from the last one to its end count as well; a partition that ever had a request and
/// had no reply in all that time is silent for all of it.
pub(super) fn longest(index: &Index<'_>, during: Span) -> BTreeMap<i32, Span> {
    let mut replied: BTreeMap<i32, Vec<Duration>> = BTreeMap::new();
    for trace in index.traces() {
        for request in trace.requests() {
            let times = replied.entry(request.at.partition).or_default();
            times.extend(trace.replies().map(|reply| reply.seen).filter(|seen| during.contains(*seen)));
        }
    }
    replied.into_iter().map(|(partition, times)| (partition, longest_of(during, times))).collect()
}

fn longest_of(during: Span, mut times: Vec<Duration>) -> Span {
    times.sort_unstable();
    let ends = times.iter().copied().chain([during.to]);
    let gaps = [during.from].into_iter().chain(times.iter().copied()).zip(ends);
    let gaps = gaps.map(|(from, to)| Span { from, to });
    gaps.max_by_key(Span::length).unwrap_or(during)
}
