//! Whether the cluster answers, as seen by those who talk to it.

/// A view of the cluster for readiness, metrics and honest refusals.
#[derive(Debug, Default)]
pub struct Health {}
