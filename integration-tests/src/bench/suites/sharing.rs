//! Suite `sharing`: more gateways than response partitions, so that each reads replies that belong to others.

use anyhow::Result;

use crate::bench::findings::Sharing;
use crate::bench::options::CPU_IN_FLIGHT;
use crate::bench::rounds::{Contender, compare};
use crate::bench::session::Session;

const GATEWAYS: usize = 6;

/// Replies of others that a gateway read, and those of them whose value it had to parse to know.
pub const FOREIGN: &str = "gateway_foreign_replies_total";
/// See [`FOREIGN`].
pub const FOREIGN_PARSED: &str = "gateway_foreign_replies_parsed_total";

/// What is asked of the gateways at the end.
const COUNTERS: [&str; 5] = [
    FOREIGN,
    FOREIGN_PARSED,
    "gateway_late_replies_total",
    "gateway_duplicate_replies_total",
    "gateway_unknown_replies_total",
];

/// Measures one gateway beside several, each with a worker and topics of its own.
///
/// # Errors
/// They do not start, or do not show their metrics.
pub async fn measure(session: &Session<'_>) -> Result<Sharing> {
    let one = session.start_stack("one-gateway", 1, 1, session.programs()).await?;
    let several = session.start_stack("several-gateways", GATEWAYS, 1, session.programs()).await?;
    let targets = [one.target("1 gateway"), several.target(&format!("{GATEWAYS} gateways"))];
    let contenders: Vec<_> = targets.iter().map(Contender::Http).collect();
    let load = session.load(CPU_IN_FLIGHT, session.options.payload);
    let comparison = compare("shared response topic", &contenders, &load, session.options.rounds).await;
    let mut counts = Vec::new();
    for counter in COUNTERS {
        counts.push((counter, several.gateways_count(counter).await?));
    }
    Ok(Sharing { comparison, counts })
}
