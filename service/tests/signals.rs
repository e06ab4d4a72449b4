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

/// Whether whoever runs the tests made them ignore SIGHUP, as `nohup` does: then it is none.
fn ignores_hang_up() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let bits = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap_or("0");
    u64::from_str_radix(bits.trim(), 16).expect("a set of bits") & 1 == 1
}

#[tokio::test]
async fn a_signal_requests_and_a_second_one_hurries() {
    let shutdown = Shutdown::on_signals().unwrap();
    assert!(!shutdown.is_requested());

    send(if ignores_hang_up() { "-TERM" } else { "-HUP" });
    timeout(LONG, shutdown.requested()).await.expect("the first signal requests the shutdown");
    assert!(!shutdown.is_hurried());

    send("-INT");
    timeout(LONG, shutdown.hurried()).await.expect("a second signal hurries");
}
