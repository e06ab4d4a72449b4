//! OTLP over HTTP: one batch of spans, as protobuf, in one POST.

use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use hyper::{Request, StatusCode, Uri};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{self, Client};
use hyper_util::rt::TokioExecutor;
use opentelemetry::KeyValue;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::TelemetryResourceDetector;
use opentelemetry_sdk::trace::SpanData;
use prost::Message as _;

use crate::Program;
use crate::settings::TraceSettings;

const PROTOBUF: HeaderValue = HeaderValue::from_static("application/x-protobuf");

/// Most bytes of an answer that are read: it says little, and that seldom.
const LARGEST_ANSWER: usize = 64 * 1024;

/// Most of the collector's words that a log line shows, in bytes.
const MAX_WORDS_BYTES: usize = 1024;

/// Why a batch was not taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum PostError {
    #[error("the collector cannot be reached")]
    Unreachable(#[source] legacy::Error),
    #[error("the collector's answer broke off")]
    Broken(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the collector answered {0}")]
    Refused(StatusCode),
    #[error("the collector did not answer within {0:?}")]
    TimedOut(Duration),
}

/// Posts to one collector.
#[derive(Debug)]
pub(super) struct Posts {
    endpoint: Uri,
    headers: HeaderMap,
    timeout: Duration,
    resource: ResourceAttributesWithSchema,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl Posts {
    /// To `endpoint`, as `settings` say.
    pub(super) fn to(endpoint: &str, settings: &TraceSettings, program: &Program) -> anyhow::Result<Self> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, PROTOBUF);
        let agent = format!("{}/{}", program.name(), program.version);
        headers.insert(USER_AGENT, HeaderValue::from_str(&agent)?);
        for (name, value) in settings.headers.expose() {
            let mut value = HeaderValue::from_str(value).context("a header's value is none of HTTP's")?;
            value.set_sensitive(true);
            headers.insert(HeaderName::from_bytes(name.as_bytes())?, value);
        }
        Ok(Self {
            endpoint: endpoint.parse()?,
            headers,
            timeout: settings.timeout,
            resource: (&resource(settings, program)).into(),
            client: Client::builder(TokioExecutor::new()).build_http(),
        })
    }

    /// Where to.
    pub(super) fn endpoint(&self) -> tracing::field::DisplayValue<&Uri> {
        tracing::field::display(&self.endpoint)
    }

    /// Posts one batch. What the collector says of it.
    pub(super) async fn post(&self, batch: Vec<SpanData>) -> Result<Taken, PostError> {
        let resource_spans = group_spans_by_resource_and_scope(batch, &self.resource);
        let body = ExportTraceServiceRequest { resource_spans }.encode_to_vec();
        let mut request = Request::post(self.endpoint.clone())
            .body(Full::new(Bytes::from(body)))
            .expect("a method and an address make a request");
        *request.headers_mut() = self.headers.clone();
        let exchange = async {
            let answer = self.client.request(request).await.map_err(PostError::Unreachable)?;
            let status = answer.status();
            let body = Limited::new(answer.into_body(), LARGEST_ANSWER).collect().await;
            if !status.is_success() {
                return Err(PostError::Refused(status));
            }
            Ok(Taken::read(&body.map_err(PostError::Broken)?.to_bytes()))
        };
        tokio::time::timeout(self.timeout, exchange).await.unwrap_or(Err(PostError::TimedOut(self.timeout)))
    }
}

/// A batch that the collector took, in part at least.
#[derive(Debug, Default)]
pub(super) struct Taken {
    /// Spans that it refused.
    pub(super) refused: usize,
    /// Why, in its own words, or what else it has to say; empty if all is well.
    pub(super) words: String,
}

impl Taken {
    /// Nothing but well if it does not speak protobuf.
    fn read(answer: &[u8]) -> Self {
        let answer = ExportTraceServiceResponse::decode(answer).unwrap_or_default();
        let Some(partial) = answer.partial_success else { return Self::default() };
        let mut words = partial.error_message;
        words.truncate(words.floor_char_boundary(MAX_WORDS_BYTES));
        Self { refused: usize::try_from(partial.rejected_spans).unwrap_or(0), words }
    }
}

/// Who the spans are from.
fn resource(settings: &TraceSettings, program: &Program) -> Resource {
    let given = settings.resource.iter().map(|(name, value)| KeyValue::new(name.clone(), value.clone()));
    Resource::builder_empty()
        .with_detector(Box::new(TelemetryResourceDetector))
        .with_attribute(KeyValue::new("service.version", program.version))
        .with_attribute(KeyValue::new("service.instance.id", uuid::Uuid::new_v4().to_string()))
        .with_attributes(given)
        .with_service_name(settings.service_name.clone())
        .build()
}
