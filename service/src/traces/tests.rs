//! What reaches a collector, and what a collector that is away costs.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc;
use std::time::Instant;

use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use prost::Message as _;

use super::*;
use crate::settings::catalogue::Service;
use crate::settings::{Sampled, Sampling, Secret, Share};

const PROGRAM: Program = Program { service: Service::Gateway, version: "1.2.3", about: "A gateway." };

/// Longer than a post may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(10);

/// A post as it came, head and body.
struct Post {
    head: String,
    body: ExportTraceServiceRequest,
}

/// A collector that answers each post with `status`, on a connection of its own.
fn collector(status: &'static str) -> (String, mpsc::Receiver<Post>) {
    collector_that_says(status, &[])
}

/// The same, with a body.
fn collector_that_says(status: &'static str, said: &[u8]) -> (String, mpsc::Receiver<Post>) {
    let said = said.to_vec();
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let endpoint = format!("http://{}/v1/traces", listener.local_addr().unwrap());
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let (mut bytes, mut piece) = (Vec::new(), [0; 4096]);
            let (head, length) = loop {
                let read = stream.read(&mut piece).unwrap();
                bytes.extend_from_slice(&piece[..read]);
                let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
                let head = String::from_utf8(bytes.drain(..end + 4).collect()).unwrap().to_lowercase();
                let length = head.split("content-length: ").nth(1).unwrap().lines().next().unwrap();
                break (head.clone(), length.parse::<usize>().unwrap());
            };
            while bytes.len() < length {
                let read = stream.read(&mut piece).unwrap();
                bytes.extend_from_slice(&piece[..read]);
            }
            let body = ExportTraceServiceRequest::decode(&bytes[..]).unwrap();
            let length = said.len();
            let answer =
                format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
            stream.write_all(&[answer.as_bytes(), &said].concat()).unwrap();
            if tell.send(Post { head, body }).is_err() {
                return;
            }
        }
    });
    (endpoint, told)
}

fn traces(endpoint: &str, sampling: Sampling) -> Traces {
    let settings = TraceSettings {
        endpoint: Some(endpoint.to_owned()),
        headers: Secret::new(vec![("x-key".to_owned(), "s3cret".to_owned())]),
        service_name: "shop".to_owned(),
        resource: vec![("zone".to_owned(), "b".to_owned())],
        sampling,
        ..TraceSettings::default()
    };
    Traces::start(&settings, &PROGRAM).unwrap()
}

const ALL: Sampling = Sampling { sampled: Sampled::All, obeys_parent: true };

fn begin(traces: &Traces, parent: &SpanContext) -> Span {
    traces.begin(SpanKind::Server, parent, None, || ("POST /x".into(), Vec::new())).expect("a span begins")
}

fn counts(traces: &Traces) -> (u64, u64, u64) {
    let queue = &traces.on.as_ref().unwrap().queue;
    (queue.exported.get(), queue.dropped.get(), queue.failed.get())
}

#[tokio::test]
async fn spans_arrive_with_their_parents_and_whose_they_are() {
    let (endpoint, posts) = collector("200 OK");
    let traces = traces(&endpoint, ALL);
    let mut parent = begin(&traces, &SpanContext::NONE);
    parent.set("a", 1);
    let child = begin(&traces, parent.context());
    let (parent_id, child_parent) = (parent.context().span_id(), parent.context().trace_id());
    assert_eq!(child.context().trace_id(), child_parent);
    drop((child, parent));
    traces.stop().await;
    let Post { head, body } = posts.recv_timeout(PATIENCE).unwrap();
    assert!(head.starts_with("post /v1/traces http/1.1\r\n"), "{head}");
    for header in ["content-type: application/x-protobuf", "x-key: s3cret", "user-agent: api-gateway/1.2.3"] {
        assert!(head.contains(header), "{header} in {head}");
    }
    let of_resource = &body.resource_spans[0];
    let resource = format!("{:?}", of_resource.resource);
    for said in ["service.name", "shop", "service.version", "1.2.3", "zone", "telemetry.sdk.language"] {
        assert!(resource.contains(said), "{said} in {resource}");
    }
    let spans = &of_resource.scope_spans[0].spans;
    assert_eq!(spans.len(), 2);
    assert_eq!(spans[0].parent_span_id, parent_id.to_bytes());
    assert_eq!((spans[1].name.as_str(), spans[1].attributes[0].key.as_str()), ("POST /x", "a"));
    assert_eq!(counts(&traces), (2, 0, 0));
}

#[tokio::test]
async fn a_caller_who_decided_against_it_is_obeyed_and_passed_on() {
    let (endpoint, _posts) = collector("200 OK");
    let traces = traces(&endpoint, ALL);
    let unsampled = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
    let parent = extract(&Headers::from([("traceparent".to_owned(), unsampled.into())]));
    let unseen = || unreachable!("nobody would see it");
    assert!(
        traces.begin(SpanKind::Server, &parent, None, unseen).is_none(),
        "the caller's context travels on"
    );
    traces.stop().await;
    assert_eq!(counts(&traces), (0, 0, 0));
}

#[tokio::test]
async fn what_the_sampler_leaves_out_has_an_id_and_no_description() {
    let (endpoint, _posts) = collector("200 OK");
    let traces = traces(&endpoint, Sampling { sampled: Sampled::None, obeys_parent: true });
    let unseen = || unreachable!("nobody would see it");
    let root = traces.begin(SpanKind::Server, &SpanContext::NONE, None, unseen).expect("a trace begins");
    assert!(root.context().is_valid() && !root.context().is_sampled());
    assert!(traces.begin(SpanKind::Client, root.context(), None, unseen).is_none(), "its context travels on");
    drop(root);
    traces.stop().await;
    assert_eq!(counts(&traces), (0, 0, 0));
}

#[tokio::test]
async fn samplers_decide_as_they_are_named() {
    let (endpoint, _posts) = collector("200 OK");
    let is_sampled = |sampled, obeys_parent, parent: &SpanContext| {
        let traces = traces(&endpoint, Sampling { sampled, obeys_parent });
        begin(&traces, parent).context().is_sampled()
    };
    let caller = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let caller = extract(&Headers::from([("traceparent".to_owned(), caller.into())]));
    assert!(is_sampled(Sampled::All, false, &SpanContext::NONE));
    assert!(!is_sampled(Sampled::None, false, &caller));
    assert!(is_sampled(Sampled::None, true, &caller));
    assert!(!is_sampled(Sampled::None, true, &SpanContext::NONE));
    assert!(is_sampled(Sampled::Share(Share::new(1.0)), true, &SpanContext::NONE));
    assert!(!is_sampled(Sampled::Share(Share::new(0.0)), false, &caller));
}

#[tokio::test]
async fn what_a_collector_refuses_is_counted_and_does_not_come_again() {
    let (endpoint, posts) = collector("503 Service Unavailable");
    let traces = traces(&endpoint, ALL);
    drop(begin(&traces, &SpanContext::NONE));
    traces.stop().await;
    assert_eq!(posts.recv_timeout(PATIENCE).unwrap().body.resource_spans.len(), 1);
    assert_eq!(counts(&traces), (0, 0, 1));
}

#[tokio::test]
async fn what_a_collector_refuses_of_a_batch_is_counted_as_failed() {
    let partial = ExportTracePartialSuccess { rejected_spans: 1, error_message: "no room".to_owned() };
    let answer = ExportTraceServiceResponse { partial_success: Some(partial) };
    let (endpoint, posts) = collector_that_says("200 OK", &answer.encode_to_vec());
    let traces = traces(&endpoint, ALL);
    let parent = begin(&traces, &SpanContext::NONE);
    drop((begin(&traces, parent.context()), parent));
    traces.stop().await;
    assert_eq!(posts.recv_timeout(PATIENCE).unwrap().body.resource_spans[0].scope_spans[0].spans.len(), 2);
    assert_eq!(counts(&traces), (1, 0, 1));
}

#[tokio::test]
async fn a_collector_that_never_answers_holds_up_neither_the_work_nor_the_end() {
    let silent = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let traces = traces(&format!("http://{}/", silent.local_addr().unwrap()), ALL);
    let spans = 3 * 8_192;
    for _ in 0..spans {
        drop(begin(&traces, &SpanContext::NONE));
    }
    let began = Instant::now();
    traces.stop().await;
    assert!(began.elapsed() < Traces::STOP_LIMIT + Duration::from_secs(1), "{:?}", began.elapsed());
    let (exported, dropped, failed) = counts(&traces);
    assert_eq!((exported, dropped + failed), (0, spans));
    assert!(dropped > 0, "the queue is bounded");
    drop(begin(&traces, &SpanContext::NONE));
    assert_eq!(counts(&traces), (exported, dropped, failed), "nothing is recorded after the end");
}

#[tokio::test]
async fn off_is_nothing_at_all() {
    let traces = Traces::start(&TraceSettings::default(), &PROGRAM).unwrap();
    assert!(!traces.are_on());
    let unseen = || unreachable!("nobody would see it");
    assert!(traces.begin(SpanKind::Server, &SpanContext::NONE, None, unseen).is_none());
    traces.stop().await;
}
