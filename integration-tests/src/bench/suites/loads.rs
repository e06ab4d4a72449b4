//! Suites `latency`, `throughput`, `cpu` and `memory`: one comparison for each number of requests in flight.

use crate::bench::comparison::Comparison;
use crate::bench::rounds::{Contender, compare};
use crate::bench::session::{Scene, Session};

/// Measures what the suites that were asked for need.
pub async fn measure(session: &Session<'_>, scene: &Scene) -> Vec<Comparison> {
    let options = session.options;
    let mut comparisons = Vec::new();
    for in_flight in options.loads() {
        let mut contenders: Vec<Contender<'_>> = scene.servers().map(Contender::Http).collect();
        if in_flight == 1 {
            contenders.insert(0, Contender::Floor(&scene.floor));
        }
        let load = session.load(in_flight, options.payload);
        comparisons
            .push(compare(&format!("{in_flight} in flight"), &contenders, &load, options.rounds).await);
    }
    comparisons
}
