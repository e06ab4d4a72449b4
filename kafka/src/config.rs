//! Where the cluster is, and how long one call to it may take.

use std::time::Duration;

use crate::secure::Security;

/// How to reach a cluster.
#[derive(Clone, Debug)]
pub struct Config {
    /// Bootstrap addresses, `host:port` each. Never empty.
    pub brokers: Vec<String>,
    /// Sent with every request; brokers name it in their logs, quotas and group descriptions.
    pub client_id: String,
    /// Bound of each single network call, connecting included.
    pub timeout: Duration,
    /// What each connection is secured with; nothing by default.
    pub security: Security,
}
