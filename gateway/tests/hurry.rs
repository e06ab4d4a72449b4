//! A gateway in a hurry waits for nobody: neither for a client that sends its body slowly, nor for Kafka.

mod support;

use std::io::Write as _;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use api_gateway::Gateway;
use service::Shutdown;
use service::settings::GatewaySettings;
use support::{settings, silent_broker};

#[test]
fn a_hurried_gateway_does_not_wait_for_a_slow_client() -> Result<()> {
    let (_silent, broker) = silent_broker()?;
    let settings = GatewaySettings { request_timeout: Duration::from_secs(60), ..settings(broker) };
    let (gateway, shutdown) = (Gateway::bind(settings)?, Shutdown::manual());
    let mut client = TcpStream::connect(("127.0.0.1", gateway.port()))?;
    let asked = shutdown.clone();
    let running = std::thread::spawn(move || gateway.run(&asked));
    let head = "POST /hash HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n";
    client.write_all(format!("{head}expect: 100-continue\r\n\r\n").as_bytes())?;
    // The handler asks for the body as soon as it reads it: from then on the request is under way.
    let mut asked_for_body = [0; 12];
    std::io::Read::read_exact(&mut client, &mut asked_for_body)?;
    ensure!(&asked_for_body == b"HTTP/1.1 100", "{:?}", String::from_utf8_lossy(&asked_for_body));

    let began = Instant::now();
    shutdown.hurry();
    running.join().expect("it does not panic")?;
    // Four stages of half a second, and the management port.
    ensure!(began.elapsed() < Duration::from_secs(6), "it took {:?}", began.elapsed());
    Ok(())
}
