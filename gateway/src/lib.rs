//! HTTP in front of workers behind Kafka: every accepted request ends in one right answer or one honest error by its
//! deadline.
//!
//! ```text
//!  client ─▶ http/routes ─▶ http/body ─▶ operations ─▶ requester ═▶ Kafka
//!  client ◀─ http/routes ◀─ http/answer ◀──────────── requester ◀═ Kafka
//! ```
//!
//! [`requester`] is request/reply over Kafka for any program, without HTTP. [`Gateway`] is the process around it.

// Layouts of futures inside futures, down to the sockets.
#![recursion_limit = "256"]

mod admission;
mod app;
mod auth;
mod background;
mod check;
mod http;
mod https;
mod metrics;
pub mod operations;
mod problem;
mod reload;
pub mod requester;
mod shard;
mod shares;

use std::process::ExitCode;

use service::settings::GatewaySettings;
use service::settings::catalogue::Service;
use service::{Command, Program};

pub use app::Gateway;
pub use http::body::MAX_BODY_BYTES;
pub use problem::Code;

/// What this program is.
pub(crate) const PROGRAM: Program = Program {
    service: Service::Gateway,
    version: env!("CARGO_PKG_VERSION"),
    about: env!("CARGO_PKG_DESCRIPTION"),
};

/// What it can do beside serving.
fn commands() -> Vec<Command<GatewaySettings>> {
    let healthcheck = service::healthcheck::command(|settings: &GatewaySettings| {
        (&settings.host, settings.management_port)
    });
    vec![healthcheck, check::command(), auth::new_key_command()]
}

/// The whole program: settings, logs, signals, the gateway, the exit status.
pub fn main() -> ExitCode {
    service::main(&PROGRAM, &commands(), |settings: GatewaySettings, shutdown| {
        Gateway::bind(settings)?.run(&shutdown)
    })
}
