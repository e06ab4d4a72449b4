//! The worker behind Kafka: takes requests from one topic, runs a handler that knows no Kafka, writes replies to
//! another.
//!
//! **At least once: a handler may run twice for one request.** An offset is committed after its reply is written,
//! so a worker that dies in between leaves the request to the next one, which does it again. See [`handler`].
//!
//! ```text
//!  Kafka ═▶ worker/partition ─▶ worker/judge ─▶ handler ─▶ replies ═▶ Kafka
//!   ▲             ▲                 │ no request, or failed for good        │ acknowledged
//!   │             │                 └─▶ dead_letters ═▶ Kafka               ▼
//!   └── commit ◀──┴──────────────── ledger: the finished prefix ◀───────────┘
//! ```
//!
//! One thread fetches, handles and appends; what one fetch brought becomes one batch for each reply partition.
//! [`Processor`] is the process around it; [`operations`] is what it can do.

// Layouts of futures inside futures, down to the sockets.
#![recursion_limit = "256"]

mod dead_letters;
pub mod handler;
mod ledger;
mod metrics;
mod names;
pub mod operations;
mod processor;
mod replies;
mod tools;
mod worker;

use std::process::ExitCode;

use service::settings::ProcessorSettings;
use service::settings::catalogue::Service;
use service::{Command, Program};

pub use handler::{Cost, HandlerError, Operation, Operations};
pub use processor::Processor;

use processor::MANAGEMENT_HOST;

/// What this program is.
const PROGRAM: Program = Program {
    service: Service::Processor,
    version: env!("CARGO_PKG_VERSION"),
    about: env!("CARGO_PKG_DESCRIPTION"),
};

/// What it can do beside working.
fn commands() -> Vec<Command<ProcessorSettings>> {
    let healthcheck = service::healthcheck::command(|settings: &ProcessorSettings| {
        (MANAGEMENT_HOST, settings.management_port)
    });
    std::iter::once(healthcheck).chain(tools::commands()).collect()
}

/// The whole program: settings, logs, signals, the processor, the exit status.
pub fn main() -> ExitCode {
    service::main(&PROGRAM, &commands(), |settings: ProcessorSettings, shutdown| {
        Processor::bind(settings)?.run(&shutdown)
    })
}
