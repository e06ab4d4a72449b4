//! A worker whose handler waits before it hashes, as one does that asks a database: to see what more workers are worth.

use std::process::ExitCode;
use std::time::Duration;

use hash_processor::operations::HashOutput;
use hash_processor::{HandlerError, Operation as _, Operations, Processor, operations};
use serde::Deserialize;
use service::settings::ProcessorSettings;
use service::settings::catalogue::Service;
use service::{Program, WallClock};

/// What the handler waits.
pub const HANDLER_TAKES: Duration = Duration::from_millis(5);

/// Handlers that run at once in one such worker: so few that one core bears three workers.
pub const HANDLERS_AT_ONCE: usize = 4;

const PROGRAM: Program =
    Program { service: Service::Processor, version: env!("CARGO_PKG_VERSION"), about: "A slow worker." };

#[derive(Deserialize)]
struct Input {
    data: String,
}

/// The whole program, as the worker's own `main` but for the handler.
pub fn main() -> ExitCode {
    service::main(&PROGRAM, &[], |settings: ProcessorSettings, shutdown| {
        let operations = Operations::heavy_fn("hash", hash);
        Processor::bind_with(settings, operations, WallClock::default())?.run(&shutdown)
    })
}

fn hash(input: Input) -> Result<HashOutput, HandlerError> {
    std::thread::sleep(HANDLER_TAKES);
    operations::Hash.handle(operations::HashInput { data: input.data.into() })
}
