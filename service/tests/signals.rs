//! Real signals. A test binary of its own, because signals reach a whole process.

use std::time::Duration;

use service::Shutdown;
use tokio::time::timeout;

const LONG: Duration = Duration::from_secs(10);

fn send(signal: &str) {
    let status = std::process::Command::new("kill")
        .args([signal, &std::process::id().to_string()])
        .status()
        .expect("kill is on the path");
    assert!(status.success());
}

#[tokio::test]
async fn a_signal_requests_and_a_second_one_hurries() {
    let shutdown = Shutdown::on_signals().unwrap();
    assert!(!shutdown.is_requested());

    send("-HUP");
    timeout(LONG, shutdown.requested()).await.expect("SIGHUP requests the shutdown");
    assert!(!shutdown.is_hurried());

    send("-INT");
    timeout(LONG, shutdown.hurried()).await.expect("a second signal hurries");
}
