//! A gateway whose group thread dies says so and stops in order, so that whoever runs it starts a new one.

mod support;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use api_gateway::Gateway;
use embedded_broker::{Broker, Config};
use service::Shutdown;
use service::settings::GatewaySettings;
use support::{Trap, settings};

static SPRUNG: AtomicBool = AtomicBool::new(false);

/// Nothing that Kafka does ends the thread, and no code of ours offers to. But it works within a span: once sprung,
/// this panics where the thread enters that.
fn on_enter() {
    let is_group_thread = std::thread::current().name() == Some("group");
    // Once only: a panic while the first unwinds would end the process.
    assert!(!is_group_thread || !SPRUNG.swap(false, Ordering::SeqCst), "on purpose");
}

/// What the management port answers.
fn readiness(port: u16) -> Result<String> {
    let mut connection = TcpStream::connect(("127.0.0.1", port))?;
    connection.set_read_timeout(Some(Duration::from_secs(5)))?;
    connection.write_all(b"GET /health/ready HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    Ok(answer)
}

fn until_readiness(port: u16, part: &str) -> Result<()> {
    let began = Instant::now();
    loop {
        let answer = readiness(port)?;
        if answer.contains(part) {
            return Ok(());
        }
        ensure!(began.elapsed() < Duration::from_secs(20), "waited in vain for {part:?}; it is {answer}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_dead_group_thread_is_shown_and_ends_the_gateway_in_order() -> Result<()> {
    tracing::subscriber::set_global_default(Trap { on_event: |_| {}, on_enter })?;
    let broker = Broker::start(Config::default()).await?;
    // Time to be seen while it stops.
    let shutdown_delay = Duration::from_secs(2);
    let settings = GatewaySettings { shutdown_delay, ..settings(broker.bootstrap()) };
    let gateway = Gateway::bind(settings)?;
    let management = gateway.management_port();
    let running = std::thread::spawn(move || gateway.run(&Shutdown::manual()));
    let watched = tokio::task::spawn_blocking(move || {
        until_readiness(management, "HTTP/1.1 200")?;
        SPRUNG.store(true, Ordering::SeqCst);
        until_readiness(management, "the member of the consumer group has died")
    });
    watched.await??;
    let ended = running.join().expect("the gateway itself does not panic");
    let reason = ended.expect_err("it stops with an error").to_string();
    ensure!(reason == "the member of the consumer group has died", "{reason}");
    Ok(())
}
