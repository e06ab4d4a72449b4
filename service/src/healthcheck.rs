//! The command `healthcheck`: the program asks the service that runs beside it whether it is ready.
//!
//! For a container's health check where the image holds the program and nothing else: no shell, no curl. It takes the
//! service's own settings, and so asks the port that the service was given.

use std::io::Write as _;
use std::net::IpAddr;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::Command;
use crate::settings::Port;

/// Longest time for the whole question, the look-up of a host name included: less than the 4 s that the images give.
const LIMIT: Duration = Duration::from_secs(3);

/// Most bytes of an answer that are read: the page has a few hundred.
const LARGEST_ANSWER: u64 = 64 * 1024;

/// By HTTP/1.0, so that the connection's end is the answer's.
const REQUEST: &[u8] = b"GET /health/ready HTTP/1.0\r\n\r\n";

/// The command, for a service whose settings name its management port, by host and port, as `management` says.
pub fn command<T: 'static>(management: for<'a> fn(&'a T) -> (&'a str, Port)) -> Command<T> {
    let run = move |settings: T, ()| {
        let (host, port) = management(&settings);
        ensure!(
            port.number != 0,
            "the management port is any free one, so there is no telling which: set one"
        );
        let report = ask(host, port.number, LIMIT)?;
        // If nobody listens there is nobody to tell; the exit status says it.
        let _ = writeln!(std::io::stdout(), "{report}");
        Ok(ExitCode::SUCCESS)
    };
    Command::new("healthcheck", "Ask the running service whether it is ready", run)
        .uses(&["SERVICE_1_HOST", "SERVICE_1_MANAGEMENT_PORT", "SERVICE_2_MANAGEMENT_PORT"])
        .details("Exit status: 0 if it is ready, 1 if it is not or does not answer within 3 seconds.")
}

/// What `/health/ready` reports, if it is 200.
fn ask(host: &str, port: u16, limit: Duration) -> anyhow::Result<String> {
    let host = reachable(host);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let answer = runtime.block_on(async { timeout(limit, exchange(&host, port)).await });
    // A look-up of a host name that hangs would be waited for.
    runtime.shutdown_background();
    let asked = || format!("asked http://{host}:{port}/health/ready");
    let answer =
        answer.with_context(|| format!("no answer within {limit:?}")).flatten().with_context(asked)?;
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    match head.split(' ').nth(1) {
        Some("200") if head.starts_with("HTTP/") => Ok(body.to_owned()),
        Some(status) if head.starts_with("HTTP/") => bail!("not ready, {status}: {body}"),
        Some(_) | None => Err(anyhow!("what answered is no HTTP server")).with_context(asked),
    }
}

async fn exchange(host: &str, port: u16) -> anyhow::Result<Vec<u8>> {
    let mut stream = TcpStream::connect((host, port)).await?;
    stream.write_all(REQUEST).await?;
    let mut answer = Vec::new();
    stream.take(LARGEST_ANSWER).read_to_end(&mut answer).await?;
    Ok(answer)
}

/// Where a service that listens on `host` is reached from beside it: one that listens on all addresses, on loopback.
fn reachable(host: &str) -> String {
    match host.parse() {
        Ok(IpAddr::V4(address)) if address.is_unspecified() => "127.0.0.1".to_owned(),
        Ok(IpAddr::V6(address)) if address.is_unspecified() => "::1".to_owned(),
        Ok(_) | Err(_) => host.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::management::{Management, Pages};
    use crate::metrics::Metrics;
    use crate::settings::catalogue::Service;
    use crate::{Program, Readiness};

    const PROGRAM: Program = Program { service: Service::Processor, version: "1.2.3", about: "A processor." };
    const ALL_ADDRESSES: &str = "0.0.0.0";
    const HERE: &str = "127.0.0.1";

    #[test]
    fn it_says_whether_the_service_is_ready() {
        let readiness = Readiness::new();
        let kafka = readiness.step("kafka");
        let pages = Pages::new(&PROGRAM, &readiness, &Metrics::new());
        let service = Management::bind(ALL_ADDRESSES, Port::ANY).unwrap().serve(pages).unwrap();
        let waiting = ask(ALL_ADDRESSES, service.port(), LIMIT).unwrap_err().to_string();
        assert!(waiting.starts_with("not ready, 503: ") && waiting.contains("kafka"), "{waiting}");
        kafka.done();
        let ready = ask(ALL_ADDRESSES, service.port(), LIMIT).unwrap();
        assert_eq!(ready, r#"{"ready":true,"waiting_for":[]}"#);
    }

    #[test]
    fn nobody_there_is_said_with_the_address() {
        let free = TcpListener::bind((HERE, 0)).unwrap().local_addr().unwrap().port();
        let refused = format!("{:#}", ask(HERE, free, LIMIT).unwrap_err());
        let said = format!("asked http://127.0.0.1:{free}/health/ready: Connection refused");
        assert!(refused.starts_with(&said), "{refused}");
    }

    #[test]
    fn one_that_accepts_and_says_nothing_is_not_waited_for() {
        let silent = TcpListener::bind((HERE, 0)).unwrap();
        let port = silent.local_addr().unwrap().port();
        let late = format!("{:#}", ask(HERE, port, Duration::from_millis(50)).unwrap_err());
        assert!(late.contains("no answer within 50ms"), "{late}");
    }

    #[test]
    fn an_answer_that_is_no_http_is_not_taken_for_one() {
        let other = TcpListener::bind((HERE, 0)).unwrap();
        let port = other.local_addr().unwrap().port();
        let speaker = std::thread::spawn(move || {
            let (mut stream, _) = other.accept().unwrap();
            stream.write_all(b"220 200 ready\r\n").unwrap();
            // Closed with the request unread, the connection would be reset.
            std::io::Read::read(&mut stream, &mut [0; REQUEST.len()]).unwrap();
        });
        let refused = format!("{:#}", ask(HERE, port, LIMIT).unwrap_err());
        assert!(refused.ends_with("what answered is no HTTP server"), "{refused}");
        speaker.join().unwrap();
    }

    #[test]
    fn all_addresses_are_asked_on_loopback_and_one_is_asked_itself() {
        let asked = ["0.0.0.0", "::", "10.0.0.1", "gateway.example"].map(reachable);
        assert_eq!(asked, ["127.0.0.1", "::1", "10.0.0.1", "gateway.example"]);
    }
}
