//! The smallest service as a process of its own: start, answers, logs, signals, exit status.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, Sender};
use std::time::Duration;

use serde_json::Value;

/// Longest life of a process: one that hangs is killed, which ends its log and fails the test.
const LIFE: Duration = Duration::from_secs(30);

/// A running service, killed if the test ends before it does.
struct Process {
    child: Child,
    log: BufReader<ChildStderr>,
    _watched: Sender<()>,
}

impl Process {
    fn start(variables: &[(&str, &str)]) -> Self {
        Self::start_by(&mut Command::new(program()), variables)
    }

    /// One that ignores SIGHUP from its start.
    fn start_without_terminal(variables: &[(&str, &str)]) -> Self {
        Self::start_by(
            Command::new("/bin/sh").args(["-c", "trap '' HUP; exec \"$0\""]).arg(program()),
            variables,
        )
    }

    fn start_by(command: &mut Command, variables: &[(&str, &str)]) -> Self {
        let mut child = command
            .env_clear()
            .envs(variables.iter().copied())
            .current_dir(env!("CARGO_TARGET_TMPDIR"))
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("`cargo test -p service` builds the example");
        let log = BufReader::new(child.stderr.take().expect("it is piped"));
        let (watched, ended) = std::sync::mpsc::channel();
        let id = child.id();
        std::thread::spawn(move || {
            if ended.recv_timeout(LIFE) == Err(RecvTimeoutError::Timeout) {
                signal(id, "-KILL");
            }
        });
        Self { child, log, _watched: watched }
    }

    /// The next line of the log that holds `text`.
    fn line_with(&mut self, text: &str) -> String {
        let mut line = String::new();
        while !line.contains(text) {
            line.clear();
            assert_ne!(
                self.log.read_line(&mut line).expect("the log is text"),
                0,
                "the log ended before {text:?}"
            );
        }
        line
    }

    fn management_port(&mut self) -> u16 {
        let line = self.line_with("management on http://127.0.0.1:");
        let (_, rest) = line.split_once("127.0.0.1:").expect("the line has it");
        rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse().expect("a port")
    }

    /// Exit status and the rest of the log. It ends when the process does, which closes the pipe.
    fn ended(mut self) -> (Option<i32>, String) {
        let mut rest = String::new();
        self.log.read_to_string(&mut rest).expect("the log is text");
        (self.child.wait().expect("it is our child").code(), rest)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already, which is all that is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn signal(process: u32, signal: &str) {
    let status = Command::new("kill").args([signal, &process.to_string()]).status();
    assert!(status.expect("kill is on the path").success());
}

/// Test binaries lie in `deps`, examples beside it.
fn program() -> PathBuf {
    let tests = std::env::current_exe().expect("it runs");
    tests.parent().and_then(|deps| deps.parent()).expect("it lies in deps").join("examples/smallest")
}

const ANY_PORT: (&str, &str) = ("SERVICE_2_MANAGEMENT_PORT", "0");

async fn get(port: u16, path: &str) -> reqwest::Response {
    let client = reqwest::Client::builder().timeout(Duration::from_secs(10)).build().expect("a plain client");
    client.get(format!("http://127.0.0.1:{port}{path}")).send().await.expect("it answers")
}

#[test]
fn one_that_was_started_to_outlive_its_terminal_does() {
    let mut process = Process::start_without_terminal(&[ANY_PORT]);
    process.line_with("ready");
    signal(process.child.id(), "-HUP");
    signal(process.child.id(), "-TERM");
    let (status, log) = process.ended();
    assert_eq!(status, Some(0), "{log}");
    assert!(log.contains("SIGTERM") && !log.contains("SIGHUP"), "{log}");
}

#[tokio::test]
async fn it_serves_until_sigterm_and_ends_with_status_0() {
    let mut process = Process::start(&[ANY_PORT]);
    let port = process.management_port();
    process.line_with("ready");
    assert_eq!(get(port, "/health/ready").await.status(), 200);
    let metrics = get(port, "/metrics").await.text().await.unwrap();
    assert!(metrics.contains("\nticks_total "), "{metrics}");
    signal(process.child.id(), "-TERM");
    let (status, log) = process.ended();
    assert_eq!(status, Some(0), "{log}");
    for line in ["shutting down", "shutdown stage done", "hash-processor has stopped"] {
        assert!(log.contains(line), "{line} in\n{log}");
    }
}

#[test]
fn it_ends_on_ctrl_c_too() {
    let mut process = Process::start(&[ANY_PORT]);
    process.line_with("ready");
    signal(process.child.id(), "-INT");
    assert_eq!(process.ended().0, Some(0));
}

#[test]
fn each_line_of_a_json_log_is_an_object() {
    let mut process = Process::start(&[ANY_PORT, ("LOG_FORMAT", "json"), ("SERVICE_2_MAX_AG", "1")]);
    let warning: Value = serde_json::from_str(&process.line_with("SERVICE_2_MAX_AG")).unwrap();
    let expected = "SERVICE_2_MAX_AG (from the environment) is no setting and is ignored; \
                    did you mean SERVICE_2_MAX_AGE?";
    assert_eq!((&warning["level"], &warning["message"]), (&Value::from("WARN"), &Value::from(expected)));
    process.line_with("\"ready\"");
    signal(process.child.id(), "-TERM");
    let (status, log) = process.ended();
    assert_eq!(status, Some(0));
    for line in log.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        assert!(line["timestamp"].is_string() && line["target"].is_string(), "{line}");
    }
}

#[test]
fn rust_log_says_what_is_logged() {
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let (status, log) =
        Process::start(&[("RUST_LOG", "error"), ("SERVICE_2_MANAGEMENT_PORT", &port)]).ended();
    assert_eq!((status, log.lines().count()), (Some(1), 1), "{log}");
}

#[test]
fn a_set_port_that_is_taken_is_status_1_with_a_message_that_says_what_to_do() {
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let (status, log) = Process::start(&[("SERVICE_2_MANAGEMENT_PORT", &port)]).ended();
    assert_eq!(status, Some(1));
    let message = format!(
        "hash-processor stops: the management port 127.0.0.1:{port} cannot be bound; \
         free it or set another one: Address already in use"
    );
    assert!(log.contains(&message), "{log}");
}

#[test]
fn a_bad_setting_is_status_2_and_the_only_thing_said() {
    let (status, log) = Process::start(&[("SERVICE_2_MAX_AGE", "old")]).ended();
    let expected = "bad setting SERVICE_2_MAX_AGE (from the environment): found \"old\", \
                    expected a number of seconds, 1 to 31536000, fractions allowed, no unit\n";
    assert_eq!((status, log.as_str()), (Some(2), expected));
}
