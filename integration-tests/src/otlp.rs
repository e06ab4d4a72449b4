//! A small collector: takes OTLP over HTTP on a socket and keeps the spans.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use parking_lot::Mutex;
use prost::Message as _;
use service::settings::TraceSettings;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::wait;

/// A span as it was exported. Ids are hexadecimal.
#[derive(Debug, Clone)]
pub struct Span {
    /// `service.name` of who exported it.
    pub service: String,
    /// Its name.
    pub name: String,
    /// `Server`, `Producer`, `Consumer`.
    pub kind: SpanKind,
    /// The trace that it is part of.
    pub trace_id: String,
    /// Its own id.
    pub id: String,
    /// Its parent's; empty for the first of a trace.
    pub parent: String,
    /// The caller's state, as it was passed on.
    pub state: String,
    /// Whether it says that it failed.
    pub has_failed: bool,
    /// What is said of it: numbers as digits, lists as their items with a comma between.
    pub attributes: BTreeMap<String, String>,
}

impl Span {
    /// What is said of it under `name`.
    ///
    /// # Errors
    /// Nothing is.
    pub fn attribute(&self, name: &str) -> Result<&str> {
        let value = self.attributes.get(name);
        Ok(value.with_context(|| format!("no {name} in {self:#?}"))?)
    }
}

/// A collector that runs until it is dropped.
#[derive(Debug)]
pub struct Collector {
    endpoint: String,
    spans: Arc<Mutex<Vec<Span>>>,
    serving: JoinHandle<()>,
}

impl Collector {
    /// Listens on a free port.
    ///
    /// # Errors
    /// There is none.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let endpoint = format!("http://{}/v1/traces", listener.local_addr()?);
        let spans = Arc::new(Mutex::new(Vec::new()));
        let serving = tokio::spawn(serve(listener, spans.clone()));
        Ok(Self { endpoint, spans, serving })
    }

    /// Where spans are posted to.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The settings of a service that exports to it.
    pub fn settings(&self, service_name: &str) -> TraceSettings {
        settings(&self.endpoint, service_name)
    }

    /// Everything that came so far.
    pub fn spans(&self) -> Vec<Span> {
        self.spans.lock().clone()
    }

    /// The spans of one trace by their names, as soon as there are `count` of them.
    ///
    /// # Errors
    /// There never are.
    pub async fn trace(&self, id: &str, count: usize) -> Result<BTreeMap<String, Span>> {
        wait::until_ok("a whole trace", async || {
            let spans = self.spans().into_iter().filter(|span| span.trace_id == id);
            let spans: BTreeMap<_, _> = spans.map(|span| (span.name.clone(), span)).collect();
            ensure!(spans.len() == count, "{} of {count}: {:?}", spans.len(), spans.keys());
            Ok(spans)
        })
        .await
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// The settings of a service that exports to `endpoint`.
pub fn settings(endpoint: &str, service_name: &str) -> TraceSettings {
    TraceSettings {
        endpoint: Some(endpoint.to_owned()),
        service_name: service_name.to_owned(),
        ..TraceSettings::default()
    }
}

async fn serve(listener: TcpListener, spans: Arc<Mutex<Vec<Span>>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let spans = spans.clone();
        // Ends with its connection, which ends with the service.
        tokio::spawn(async move { converse(stream, &spans).await });
    }
}

/// Takes one post after the other, until the connection ends or something else comes.
async fn converse(mut stream: TcpStream, spans: &Mutex<Vec<Span>>) -> Result<()> {
    let mut bytes = Vec::new();
    loop {
        let end = loop {
            if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
                break end + 4;
            }
            ensure!(stream.read_buf(&mut bytes).await? > 0, "the connection has ended");
        };
        let head = String::from_utf8(bytes.drain(..end).collect())?.to_lowercase();
        ensure!(head.starts_with("post /v1/traces ") && head.contains("application/x-protobuf"), "{head}");
        let length =
            head.lines().find_map(|line| line.strip_prefix("content-length: ")).context("no length")?;
        let length: usize = length.parse()?;
        while bytes.len() < length {
            ensure!(stream.read_buf(&mut bytes).await? > 0, "a body broke off");
        }
        let rest = bytes.split_off(length);
        let request = ExportTraceServiceRequest::decode(&bytes[..])?;
        spans.lock().extend(read(request));
        bytes = rest;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await?;
    }
}

fn read(request: ExportTraceServiceRequest) -> Vec<Span> {
    let mut spans = Vec::new();
    for of_resource in request.resource_spans {
        let resource =
            of_resource.resource.map(|resource| attributes(resource.attributes)).unwrap_or_default();
        let service = resource.get("service.name").cloned().unwrap_or_default();
        for span in of_resource.scope_spans.into_iter().flat_map(|scope| scope.spans) {
            spans.push(Span {
                service: service.clone(),
                kind: span.kind(),
                trace_id: hex::encode(&span.trace_id),
                id: hex::encode(&span.span_id),
                parent: hex::encode(&span.parent_span_id),
                state: span.trace_state,
                has_failed: span.status.is_some_and(|status| status.code() == StatusCode::Error),
                attributes: attributes(span.attributes),
                name: span.name,
            });
        }
    }
    spans
}

fn attributes(pairs: Vec<KeyValue>) -> BTreeMap<String, String> {
    pairs.into_iter().map(|pair| (pair.key, text(pair.value))).collect()
}

fn text(value: Option<AnyValue>) -> String {
    match value.and_then(|value| value.value) {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::ArrayValue(list)) => {
            let items = list.values.into_iter().map(|item| text(Some(item)));
            items.collect::<Vec<_>>().join(",")
        }
        other => format!("{other:?}"),
    }
}
