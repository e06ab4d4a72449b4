//! How many replies each gateway has to have counted as late, duplicate or unknown.
//!
//! ```text
//!   a gateway's replies in the topic = those that woke a request + late + duplicate + unknown + those it never read
//! ```
//! Whose a reply is says its correlation id: by the call whose request has it, else by its first four bytes, which all ids
//! of one gateway (or of one of its shards) share. One of an id's replies woke the request if the client got what only a
//! worker can say; none, if it got another error; if the client got nothing, that is not known.
//!
//! A gateway reads a response partition while its requests name it, in the order of offsets. Once its group has moved it
//! elsewhere and no pending request names the old partition any more, it stops reading there: what still comes is lost on
//! it, harmlessly and uncounted. So a reply was read for certain only if a later one in the same partition woke a request,
//! and the gateway named no other partition between the two requests. The count has to be at least the replies read for
//! certain, and at most all; for a gateway that did not move, and whose last call was answered after everything else had
//! come to rest, the two are the same.

use std::collections::BTreeMap;
use std::time::Duration;

use protocol::Tag;
use rustc_hash::FxHashMap;

use crate::checker::history::{Call, Content, Id, Instance, Seen};
use crate::checker::index::{Index, Trace};

use super::{call_of, was_woken};

/// Ids given as examples of a gateway's surplus.
const EXAMPLES: usize = 10;

/// Between which numbers a gateway's count has to lie.
#[derive(Debug, Clone, Default)]
pub(super) struct Bounds<'h> {
    pub(super) least: u64,
    pub(super) most: u64,
    /// Some ids that have a surplus.
    pub(super) examples: Vec<&'h Id>,
}

/// The surplus of all gateways.
pub(super) struct Surplus<'h> {
    gateways: FxHashMap<Instance, Bounds<'h>>,
    in_all: u64,
}

/// A request, by what it tells of its gateway's reading.
struct Asked {
    sent: Duration,
    names: Option<i32>,
    /// The reply that woke it.
    woken_by: Option<(i32, i64)>,
}

/// A shard's requests in a row that name the same reply partition.
struct Stretch {
    from: Duration,
    names: Option<i32>,
    /// By partition, the last offset that was read for certain.
    read: BTreeMap<i32, i64>,
}

impl<'h> Surplus<'h> {
    pub(super) fn of(index: &Index<'h>) -> Self {
        let stretches = stretches(index);
        let tags = tags(index);
        let mut surplus = Self { gateways: FxHashMap::default(), in_all: 0 };
        for trace in index.traces() {
            let call = call_of(index, &trace);
            let gateway = call.map(|call| call.gateway).or_else(|| tags.get(&tag(trace.id)?).copied());
            let replies = trace.replies().count() as u64;
            let woken = call.and_then(was_woken);
            let most = replies.saturating_sub(u64::from(woken == Some(true)));
            surplus.in_all += most;
            let Some(bounds) = gateway.map(|gateway| surplus.gateways.entry(gateway).or_default()) else {
                continue;
            };
            let stretches = tag(trace.id).and_then(|tag| stretches.get(&tag));
            let read =
                call.zip(stretches).map_or(0, |(call, stretches)| read_for_certain(&trace, call, stretches));
            bounds.least += read.saturating_sub(u64::from(woken != Some(false)));
            bounds.most += most;
            if most > 0 && bounds.examples.len() < EXAMPLES {
                bounds.examples.push(trace.id);
            }
        }
        surplus
    }

    pub(super) fn bounds(&self, gateway: Instance) -> Bounds<'h> {
        self.gateways.get(&gateway).cloned().unwrap_or_default()
    }

    pub(super) fn in_all(&self) -> u64 {
        self.in_all
    }
}

fn tags(index: &Index<'_>) -> FxHashMap<Tag, Instance> {
    let owner = |trace: Trace<'_, '_>| Some((tag(trace.id)?, call_of(index, &trace)?.gateway));
    index.traces().filter_map(owner).collect()
}

fn tag(id: &Id) -> Option<Tag> {
    match id {
        Id::Ours(id) => Some(id.tag()),
        Id::Other(_) => None,
    }
}

/// By tag: each shard of a gateway has readers and a name of its own.
fn stretches(index: &Index<'_>) -> FxHashMap<Tag, Vec<Stretch>> {
    let mut asked: FxHashMap<Tag, Vec<Asked>> = FxHashMap::default();
    for trace in index.traces() {
        let Some((tag, request)) = tag(trace.id).zip(trace.requests().next()) else { continue };
        let Content::Request { data, reply_partition: names } = request.content else { continue };
        let Some(call) = index.call(&data) else { continue };
        // In one partition the first reply is read first. In several it is not known which came first.
        let mut replies = trace.replies().map(|reply| (reply.at.partition, reply.at.offset));
        let first = replies.clone().min();
        let is_one = first.is_some_and(|(partition, _)| replies.all(|(other, _)| other == partition));
        let woken_by = first.filter(|_| is_one && was_woken(call) == Some(true));
        asked.entry(tag).or_default().push(Asked { sent: call.sent, names, woken_by });
    }
    asked.into_iter().map(|(tag, asked)| (tag, in_a_row(asked))).collect()
}

fn in_a_row(mut asked: Vec<Asked>) -> Vec<Stretch> {
    asked.sort_unstable_by_key(|asked| (asked.sent, asked.names));
    let stretch = |chunk: &[Asked]| {
        let first = chunk.first()?;
        let mut read = BTreeMap::new();
        for (partition, offset) in chunk.iter().filter_map(|asked| asked.woken_by) {
            let last = read.entry(partition).or_insert(offset);
            *last = offset.max(*last);
        }
        Some(Stretch { from: first.sent, names: first.names, read })
    };
    asked.chunk_by(|one, other| one.names == other.names).filter_map(stretch).collect()
}

/// How many replies of the call its gateway has read for certain.
fn read_for_certain(trace: &Trace<'_, '_>, call: &Call, stretches: &[Stretch]) -> u64 {
    let Some(Content::Request { reply_partition: names, .. }) = trace.requests().next().map(|r| &r.content)
    else {
        return 0;
    };
    let place = stretches.partition_point(|stretch| stretch.from <= call.sent);
    let Some(own) = stretches.iter().take(place).rfind(|stretch| stretch.names == *names) else { return 0 };
    let is_read = |reply: &Seen| {
        own.read.get(&reply.at.partition).is_some_and(|last| reply.at.offset <= *last)
            && names.is_none_or(|partition| partition == reply.at.partition)
    };
    trace.replies().filter(|reply| is_read(reply)).count() as u64
}
