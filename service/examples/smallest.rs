//! The smallest service: it counts ticks, can be asked how it is, and stops in order.
//!
//! `cargo run -p service --example smallest -- --service-2-management-port 0`, then Ctrl-C.

use std::process::ExitCode;
use std::time::Duration;

use service::management::{Management, Pages};
use service::metrics::{Counter, Metrics};
use service::settings::ProcessorSettings;
use service::settings::catalogue::Service;
use service::{Program, Readiness, Shutdown, Tasks};

const PROGRAM: Program = Program {
    service: Service::Processor,
    version: env!("CARGO_PKG_VERSION"),
    about: "The smallest service: it counts ticks.",
};

fn main() -> ExitCode {
    service::main(&PROGRAM, &[], run)
}

fn run(settings: ProcessorSettings, shutdown: Shutdown) -> anyhow::Result<()> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(serve(settings, shutdown))
}

async fn serve(settings: ProcessorSettings, shutdown: Shutdown) -> anyhow::Result<()> {
    let (readiness, metrics) = (Readiness::new(), Metrics::new());
    let ticking = readiness.step("ticker");
    let pages = Pages::new(&PROGRAM, &readiness, &metrics).info("tick_ms", 10);
    let management = Management::bind("127.0.0.1", settings.management_port)?.serve(pages)?;

    let tasks = Tasks::new(readiness.clone(), shutdown.clone());
    let ticks = metrics.counter("ticks", "Ticks since the start");
    tasks.spawn("ticker", tick(ticks, shutdown.clone()));
    ticking.done();

    let ended = tokio::select! {
        () = shutdown.requested() => Ok(()),
        failure = tasks.failed() => Err(failure.into()),
    };
    readiness.fall("shutting down");
    shutdown.stage("tasks", Duration::from_secs(5), tasks.stop(Duration::from_secs(2))).await;
    management.stop().await;
    ended
}

async fn tick(ticks: Counter, shutdown: Shutdown) {
    let mut interval = tokio::time::interval(Duration::from_millis(10));
    let mut requested = std::pin::pin!(shutdown.requested());
    loop {
        tokio::select! {
            _ = interval.tick() => ticks.inc(),
            () = &mut requested => return,
        };
    }
}
