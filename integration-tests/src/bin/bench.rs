//! Measures the stack against what its parts cost by themselves, in one run.

use std::net::TcpListener;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::{Parser, ValueEnum as _};
use integration_tests::bench::child::{self, PLAIN_PORT_VARIABLE, ROLE_VARIABLE, Role, Server};
use integration_tests::bench::driver::{Load, drive};
use integration_tests::bench::report::{Row, machine, median, table};
use integration_tests::bench::{floor, plain};
use kafka::Kafka;

/// Measures requests/s and latency of gateway and worker, beside the broker alone and HTTP alone.
#[derive(Parser)]
#[command(name = "bench")]
struct Options {
    /// `embedded`, or the address of a Kafka broker.
    #[arg(long, default_value = "embedded")]
    broker: String,
    /// Numbers of requests in flight to measure.
    #[arg(long, value_delimiter = ',', default_value = "1,64,256")]
    in_flight: Vec<usize>,
    /// Seconds that each measurement takes, after its warm-up.
    #[arg(long, default_value_t = 4.0)]
    seconds: f64,
    /// Interleaved rounds; the median by rate is reported.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Bytes of `data` in each request.
    #[arg(long, default_value_t = 100)]
    payload: usize,
}

// The services' own allocator, so that what is measured is what ships.
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

fn main() -> Result<ExitCode> {
    if let Ok(role) = std::env::var(ROLE_VARIABLE) {
        return serve(&role);
    }
    let options = Options::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(run(&options))?;
    Ok(ExitCode::SUCCESS)
}

fn serve(role: &str) -> Result<ExitCode> {
    match Role::from_str(role, true) {
        Ok(Role::Gateway) => Ok(api_gateway::main()),
        Ok(Role::Processor) => Ok(hash_processor::main()),
        Ok(Role::Plain) => {
            let port: u16 = std::env::var(PLAIN_PORT_VARIABLE)?.parse()?;
            plain::serve(TcpListener::bind(("127.0.0.1", port))?)?;
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => bail!("{error}"),
    }
}

#[expect(clippy::print_stdout, reason = "the table is what a person runs this program for")]
async fn run(options: &Options) -> Result<()> {
    let embedded = match options.broker.as_str() {
        "embedded" => Some(embedded_broker::Broker::start(embedded_broker::Config::default()).await?),
        _ => None,
    };
    let broker = embedded.as_ref().map_or_else(|| options.broker.clone(), embedded_broker::Broker::bootstrap);
    let prefix = format!("bench-{}", uuid::Uuid::new_v4().simple());
    let [gateway_port, plain_port] = child::free_ports()?;
    let shared = [
        ("KAFKA_BROKERS", broker.clone()),
        ("KAFKA_REQUEST_TOPIC", format!("{prefix}-requests")),
        ("KAFKA_RESPONSE_TOPIC", format!("{prefix}-responses")),
        ("SERVICE_1_GROUP_ID", format!("{prefix}-gateways")),
        ("SERVICE_2_GROUP_ID", format!("{prefix}-workers")),
        ("SERVICE_1_PORT", gateway_port.to_string()),
        ("SERVICE_1_MANAGEMENT_PORT", "0".into()),
        ("SERVICE_2_MANAGEMENT_PORT", "0".into()),
        ("RUST_LOG", "warn".into()),
    ];
    let _processor = Server::start(Role::Processor, &shared)?;
    let _gateway = Server::start(Role::Gateway, &shared)?;
    let _plain = Server::start(Role::Plain, &[(PLAIN_PORT_VARIABLE, plain_port.to_string())])?;
    let (gateway, plain) = (format!("127.0.0.1:{gateway_port}"), format!("127.0.0.1:{plain_port}"));
    child::answering(&plain).await.context("the server without Kafka")?;
    child::answering(&gateway).await.context("the gateway")?;

    println!("{}; broker: {}; payload {} bytes\n", machine(), options.broker, options.payload);
    let kafka = Kafka::new(kafka::Config {
        brokers: vec![broker],
        client_id: "bench".into(),
        timeout: Duration::from_secs(5),
    });
    let mut rows = Vec::new();
    for in_flight in &options.in_flight {
        rows.push(measure(options, *in_flight, &kafka, &prefix, &plain, &gateway).await?);
    }
    println!("{}", table(&rows));
    Ok(())
}

/// Interleaves the rounds, so that a busy moment of the machine meets all of them.
async fn measure(
    options: &Options,
    in_flight: usize,
    kafka: &Kafka,
    prefix: &str,
    plain: &str,
    gateway: &str,
) -> Result<Row> {
    let seconds = Duration::try_from_secs_f64(options.seconds)?;
    let load = |address: &str| Load {
        address: address.to_owned(),
        in_flight,
        measure: seconds,
        warm_up: seconds / 4,
        payload_bytes: options.payload,
    };
    let (mut floors, mut plains, mut stacks) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..options.rounds.max(1) {
        if in_flight == 1 {
            floors
                .push(floor::measure(kafka, prefix, options.payload, seconds).await.context("broker alone")?);
        }
        plains.push(drive(&load(plain)).await.context("HTTP alone")?);
        stacks.push(drive(&load(gateway)).await.context("gateway and worker")?);
    }
    let floor = (!floors.is_empty()).then(|| median(floors));
    Ok(Row { in_flight, floor, plain: median(plains), stack: median(stacks) })
}
