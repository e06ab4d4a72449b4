//! kcat, that is librdkafka. Skipped, with a word, where it is not installed.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use embedded_broker::{Broker, Config};

use crate::support::{PATIENCE, until};

/// kcat against `broker`, or `None` where there is none.
fn kcat(broker: &Broker, arguments: &[&str]) -> Option<Command> {
    let installed =
        Command::new("kcat").arg("-V").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if !installed {
        println!("skipped: kcat is not installed");
        return None;
    }
    let mut command = Command::new("kcat");
    command.arg("-b").arg(broker.bootstrap()).args(["-m", "20", "-q"]).args(arguments);
    Some(command)
}

/// A running kcat whose lines come as they are printed; killed when dropped.
struct Running {
    child: Child,
    lines: mpsc::Receiver<String>,
}

impl Running {
    fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stdin(Stdio::null()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        // Ends with the child's output.
        thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Self { child, lines }
    }

    fn line(&self) -> String {
        self.lines.recv_timeout(PATIENCE).expect("a line from kcat")
    }

    fn lines(&self, count: usize) -> Vec<String> {
        let mut lines: Vec<_> = (0..count).map(|_| self.line()).collect();
        lines.sort();
        lines
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn produce(mut command: Command, input: &str) {
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
}

async fn start() -> Broker {
    let config = Config { min_session_timeout: Duration::from_millis(500), ..Config::default() };
    let broker = Broker::start(config).await.unwrap();
    broker.create_topic("t", 4).unwrap();
    broker
}

#[tokio::test]
async fn produces_and_consumes_in_every_codec() {
    let broker = start().await;
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
        let Some(command) = kcat(&broker, &["-P", "-t", "t", "-p", "1", "-z", codec, "-K:"]) else { return };
        // Long enough for the codec to be worth its while, or it is sent as it is.
        produce(command, &format!("{codec}:{}\n", "x".repeat(2_000)));
    }
    let command = kcat(&broker, &["-C", "-t", "t", "-p", "1", "-e", "-f", "%k %S %o\n"]).unwrap();
    let consumer = Running::start(command);
    let lines: Vec<_> = (0..5).map(|_| consumer.line()).collect();
    assert_eq!(lines, ["none 2000 0", "gzip 2000 1", "snappy 2000 2", "lz4 2000 3", "zstd 2000 4"]);
    broker.stop().await;
}

#[tokio::test]
async fn an_idempotent_producer_and_large_batches() {
    let broker = start().await;
    let arguments = ["-P", "-t", "t", "-p", "0", "-X", "enable.idempotence=true"];
    let Some(command) = kcat(&broker, &arguments) else { return };
    let lines: String = (0..20_000).map(|number| format!("{number}\n")).collect();
    produce(command, &lines);
    assert_eq!(broker.log_end("t", 0), Some(20_000));
    broker.stop().await;
}

#[tokio::test]
async fn a_waiting_consumer_gets_what_comes_and_a_time_is_found() {
    let broker = start().await;
    let Some(command) = kcat(&broker, &["-C", "-t", "t", "-p", "0", "-u", "-o", "beginning"]) else { return };
    let waiting = Running::start(command);
    produce(kcat(&broker, &["-P", "-t", "t", "-p", "0"]).unwrap(), "one\ntwo\n");
    assert_eq!([waiting.line(), waiting.line()], ["one", "two"]);
    let command =
        kcat(&broker, &["-C", "-t", "t", "-p", "0", "-o", "s@1000", "-c", "1", "-f", "%o\n"]).unwrap();
    assert_eq!(Running::start(command).line(), "0");
    broker.stop().await;
}

#[tokio::test]
async fn a_group_shares_takes_over_and_resumes() {
    let broker = start().await;
    for assignor in ["range", "cooperative-sticky"] {
        let strategy = format!("partition.assignment.strategy={assignor}");
        let session = ["-X", "session.timeout.ms=2000", "-X", "heartbeat.interval.ms=100"];
        let options = ["-u", "-f", "%s\n", "-X", "auto.offset.reset=earliest", "-X", &strategy];
        let member = |group: &str| {
            let command = kcat(&broker, &[&session[..], &options[..], &["-G", group, "t"]].concat());
            command.map(Running::start)
        };
        let produce_to_all = |value: &str| {
            for partition in ["0", "1", "2", "3"] {
                let command = kcat(&broker, &["-P", "-t", "t", "-p", partition]).unwrap();
                produce(command, &format!("{assignor}-{value}-{partition}\n"));
            }
        };
        let expected = |value: &str| -> Vec<_> {
            (0..4).map(|partition| format!("{assignor}-{value}-{partition}")).collect()
        };

        broker.faults().delete_topic("t");
        broker.create_topic("t", 4).unwrap();
        let Some(first) = member(assignor) else { return };
        until("one member", || broker.member_count(assignor) == 1).await;
        produce_to_all("alone");
        assert_eq!(first.lines(4), expected("alone"));

        let second = member(assignor).unwrap();
        until("two members", || broker.member_count(assignor) == 2).await;
        // Until the second has its share the first may still be served; what is asserted is exact cover.
        let mut round = 0;
        loop {
            round += 1;
            assert!(round < 50, "the second member never got a share");
            let value = format!("shared{round}");
            produce_to_all(&value);
            let mut got: Vec<_> = Vec::new();
            let mut by_second = 0;
            while got.len() < 4 {
                if let Ok(line) = first.lines.recv_timeout(Duration::from_millis(5)) {
                    got.push(line);
                }
                if let Ok(line) = second.lines.recv_timeout(Duration::from_millis(5)) {
                    by_second += 1;
                    got.push(line);
                }
            }
            got.sort();
            assert_eq!(got, expected(&value), "each record once");
            if by_second == 2 {
                break;
            }
        }

        // Killed, it cannot say goodbye: its session has to end.
        drop(second);
        until("one member", || broker.member_count(assignor) == 1).await;
        produce_to_all("taken-over");
        // What the second had not committed yet comes again first.
        let mut lines: Vec<_> = std::iter::repeat_with(|| first.line())
            .filter(|line| line.contains("taken-over"))
            .take(4)
            .collect();
        lines.sort();
        assert_eq!(lines, expected("taken-over"));
    }
    broker.stop().await;
}
