//! Over real sockets.

use serde_json::{Value, json};

use super::*;
use crate::metrics::{Format, Metrics};
use crate::settings::catalogue::Service;
use crate::{Program, Readiness};

const PROGRAM: Program = Program { service: Service::Processor, version: "1.2.3", about: "A processor." };
const HERE: &str = "127.0.0.1";

fn pages(readiness: &Readiness, metrics: &Metrics) -> Pages {
    Pages::new(&PROGRAM, readiness, metrics).info("envelope_versions", json!([1]))
}

fn served() -> (Management, Readiness, Metrics) {
    let (readiness, metrics) = (Readiness::new(), Metrics::new());
    let bound = Management::bind(HERE, Port::ANY).unwrap();
    (bound.serve(pages(&readiness, &metrics)).unwrap(), readiness, metrics)
}

async fn get(port: u16, path: &str) -> reqwest::Response {
    let client = reqwest::Client::builder().timeout(Duration::from_secs(10)).build().unwrap();
    client.get(format!("http://{HERE}:{port}{path}")).send().await.unwrap()
}

async fn json_of(port: u16, path: &str) -> (u16, Value) {
    let response = get(port, path).await;
    (response.status().as_u16(), response.json().await.unwrap())
}

#[tokio::test]
async fn live_is_200_whatever_readiness_says() {
    let (management, readiness, _) = served();
    readiness.fall("shutting down");
    assert_eq!(get(management.port(), "/health/live").await.status(), 200);
    management.stop().await;
}

#[tokio::test]
async fn ready_is_503_with_what_it_waits_for_until_it_is_200() {
    let (management, readiness, _) = served();
    readiness.show("kafka", || "unreachable");
    let step = readiness.step("topics");
    let waiting = json!({"ready": false, "waiting_for": ["topics"], "kafka": "unreachable"});
    assert_eq!(json_of(management.port(), "/health/ready").await, (503, waiting));
    step.done();
    let ready = json!({"ready": true, "waiting_for": [], "kafka": "unreachable"});
    assert_eq!(json_of(management.port(), "/health/ready").await, (200, ready));
    readiness.fall("shutting down");
    let (status, report) = json_of(management.port(), "/health/ready").await;
    assert_eq!((status, &report["fallen"]), (503, &json!("shutting down")));
    management.stop().await;
}

#[tokio::test]
async fn metrics_are_in_the_text_format_that_is_asked_for() {
    let (management, _, metrics) = served();
    metrics.counter("requests", "Requests.").inc();
    for (accept, format, family) in [
        ("*/*", Format::Prometheus, "# TYPE requests_total counter\n"),
        (
            "application/openmetrics-text;version=1.0.0,*/*;q=0.1",
            Format::OpenMetrics,
            "# TYPE requests counter\n",
        ),
    ] {
        let url = format!("http://{HERE}:{}/metrics", management.port());
        let response = reqwest::Client::new().get(url).header("accept", accept).send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], format.content_type());
        let text = response.text().await.unwrap();
        assert!(text.contains("\nrequests_total 1\n") && text.contains(family), "{text}");
    }
    management.stop().await;
}

#[tokio::test]
async fn metrics_tell_what_runs_and_whether_it_is_ready() {
    let (management, readiness, metrics) = served();
    let page = || metrics.encode(Format::Prometheus);
    let commit = crate::COMMIT.unwrap_or_default();
    let build =
        format!("build_info{{service=\"hash-processor\",version=\"1.2.3\",commit=\"{commit}\"}} 1.0\n");
    assert!(page().contains(&build) && page().contains("\nservice_ready 0.0\n"), "{}", page());
    readiness.step("kafka").done();
    assert!(page().contains("\nservice_ready 1.0\n"));
    management.stop().await;
}

#[tokio::test]
async fn info_names_the_program_and_what_the_service_added() {
    let (management, ..) = served();
    let info = json!({"name": "hash-processor", "version": "1.2.3", "commit": crate::COMMIT, "envelope_versions": [1]});
    assert_eq!(json_of(management.port(), "/info").await, (200, info));
    management.stop().await;
}

#[tokio::test]
async fn other_paths_are_404_and_other_methods_405() {
    let (management, ..) = served();
    assert_eq!(get(management.port(), "/").await.status(), 404);
    let url = format!("http://{HERE}:{}/health/live", management.port());
    assert_eq!(reqwest::Client::new().post(url).send().await.unwrap().status(), 405);
    management.stop().await;
}

#[test]
fn it_answers_while_the_services_own_loop_is_busy() {
    let (management, ..) = served();
    let port = management.port();
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (release, released) = std::sync::mpsc::channel::<()>();
    let service = std::thread::spawn(move || {
        runtime().block_on(async {
            // The service's only thread does not come back to its event loop until the test is done with it.
            let _ = released.recv();
            management.stop().await;
        });
    });
    assert_eq!(runtime().block_on(get(port, "/health/live")).status(), 200);
    drop(release);
    service.join().unwrap();
}

#[tokio::test]
async fn callers_wait_from_the_moment_it_is_bound() {
    let bound = Management::bind(HERE, Port::ANY).unwrap();
    let early = tokio::spawn({
        let port = bound.port();
        async move { get(port, "/health/live").await.status() }
    });
    tokio::task::yield_now().await;
    let management = bound.serve(pages(&Readiness::new(), &Metrics::new())).unwrap();
    assert_eq!(early.await.unwrap(), 200);
    management.stop().await;
}

#[tokio::test]
async fn a_stopped_port_is_free_at_once_even_with_an_idle_connection() {
    let (management, ..) = served();
    let port = management.port();
    let idle = tokio::net::TcpStream::connect((HERE, port)).await.unwrap();
    assert_eq!(get(port, "/health/live").await.status(), 200);
    timeout(STOP_LIMIT, management.stop()).await.expect("the stop is bounded");
    assert!(tokio::net::TcpStream::connect((HERE, port)).await.is_err());
    Management::bind(HERE, Port::exactly(port)).expect("the port is free");
    drop(idle);
}

#[tokio::test]
async fn a_dropped_one_stops_too() {
    let (management, ..) = served();
    let port = management.port();
    drop(management);
    let gone = async { while tokio::net::TcpStream::connect((HERE, port)).await.is_ok() {} };
    timeout(Duration::from_secs(10), gone).await.expect("the port is closed");
}

#[test]
fn a_default_port_that_is_taken_gives_way_to_a_free_one() {
    let taken = TcpListener::bind((HERE, 0)).unwrap();
    let number = taken.local_addr().unwrap().port();
    let bound = Management::bind(HERE, Port { number, set: false }).unwrap();
    assert_ne!(bound.port(), number);
    assert_ne!(bound.port(), 0);
}

#[test]
fn a_set_port_that_is_taken_is_an_error_that_names_it() {
    let taken = TcpListener::bind((HERE, 0)).unwrap();
    let number = taken.local_addr().unwrap().port();
    let error = Management::bind(HERE, Port::exactly(number)).unwrap_err();
    let message = format!("{:#}", anyhow::Error::from(error));
    let expected =
        format!("the management port {HERE}:{number} cannot be bound; free it or set another one: ");
    assert!(message.starts_with(&expected) && message.contains("Address already in use"), "{message}");
}

#[test]
fn an_address_that_is_not_ours_is_an_error_even_for_a_default_port() {
    // An address set aside for documentation: no host has it.
    let error = Management::bind("192.0.2.1", Port { number: 0, set: false }).unwrap_err();
    assert!(matches!(error, ManagementError::Bind { .. }), "{error}");
}
