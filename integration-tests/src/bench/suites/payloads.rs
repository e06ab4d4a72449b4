//! Suite `payloads`: bodies of several sizes with one in flight, beside the broker alone with the same bytes.
//!
//! Between 8 and 64 KiB lies what a socket without NODELAY holds back for a delayed acknowledgement: 40 ms.

use crate::bench::comparison::Comparison;
use crate::bench::rounds::{Contender, compare};
use crate::bench::session::{Scene, Session};

/// Sizes of the bodies in KiB.
pub const BODIES_KIB: [usize; 7] = [1, 9, 20, 60, 64, 200, 512];

/// What a body has besides `data`: `{"data":""}`.
pub const AROUND_DATA: usize = 11;

/// Measures every size.
pub async fn measure(session: &Session<'_>, scene: &Scene) -> Vec<Comparison> {
    let mut comparisons = Vec::new();
    for kib in BODIES_KIB {
        let servers = scene.servers().map(Contender::Http);
        let contenders: Vec<_> = std::iter::once(Contender::Floor(&scene.floor)).chain(servers).collect();
        let load = session.load(1, kib * 1024 - AROUND_DATA);
        let title = format!("bodies of {kib} KiB");
        comparisons.push(compare(&title, &contenders, &load, session.options.rounds).await);
    }
    comparisons
}
