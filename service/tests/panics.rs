//! Panics in the log. A test binary of its own, because the panic hook belongs to a whole process.

use std::io::Write;
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::Value;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_panic_is_one_log_line_like_all_others() {
    let log = Log::default();
    let writer = log.clone();
    let lines =
        tracing_subscriber::fmt().json().flatten_event(true).with_writer(move || writer.clone()).finish();
    service::telemetry::log_panics();
    let panicked = tracing::subscriber::with_default(lines, || {
        std::panic::catch_unwind(|| assert!(std::env::args().count() == 0, "on\npurpose"))
    });
    // Back to the usual hook, or a failure below would be silent.
    drop(std::panic::take_hook());

    assert!(panicked.is_err());
    let log = log.0.lock().clone();
    let line: Value = serde_json::from_slice(&log).expect("one line, one object");
    assert_eq!(
        (&line["level"], &line["message"]),
        (&Value::from("ERROR"), &Value::from("panicked: on\npurpose"))
    );
    let place = line["place"].as_str().unwrap();
    assert!(
        place.starts_with("service/tests/panics.rs:") || place.starts_with("tests/panics.rs:"),
        "{place}"
    );
}
