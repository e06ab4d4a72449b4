//! What every service process shares: settings, telemetry, management endpoints, supervision, shutdown.
//!
//! ```text
//!  main ──▶ settings::load        one catalogue; defaults < file < .env < environment < flags; exit 2 if wrong
//!       ──▶ telemetry::init       logs on stderr, text or JSON
//!       ──▶ Shutdown::on_signals  SIGTERM, SIGINT, SIGHUP; a second one hurries
//!       ──▶ Command                if the command line names one, that and no service
//!       ──▶ run(settings, shutdown)            the service itself
//!             ├─ Readiness        steps latch; falls at shutdown or with a dead task
//!             ├─ Tasks            every task has a name and an owner; a dead one is reported
//!             ├─ Traces           spans by OTLP over HTTP, where an endpoint is set
//!             ├─ Metrics          one registry for each service instance, labels bounded
//!             └─ Management       /health/live, /health/ready, /metrics, /info; stopped last
//!       ──▶ exit status           0 clean stop, 2 bad setting, 1 the rest
//! ```
//!
//! Nothing here is global but the logs: several services live side by side in one process, each with its own
//! registry, readiness and shutdown.

pub mod clock;
mod command;
pub mod healthcheck;
pub mod management;
pub mod metrics;
pub mod readiness;
pub mod settings;
pub mod shutdown;
pub mod supervise;
pub mod telemetry;
pub mod terminal;
pub mod traces;

mod program;

pub use crate::clock::WallClock;
pub use crate::command::Command;
pub use crate::program::{COMMIT, Program, main};
pub use crate::readiness::Readiness;
pub use crate::shutdown::Shutdown;
pub use crate::supervise::Tasks;
