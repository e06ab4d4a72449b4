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

    /// Posts one batch. How many of its spans the collector refused.
    pub(super) async fn post(&self, batch: Vec<SpanData>) -> Result<usize, PostError> {
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
            Ok(refused(&body.map_err(PostError::Broken)?.to_bytes()))
        };
        tokio::time::timeout(self.timeout, exchange).await.unwrap_or(Err(PostError::TimedOut(self.timeout)))
    }
}

/// What the collector says that it refused; nothing if it does not speak protobuf.
fn refused(answer: &[u8]) -> usize {
    let answer = ExportTraceServiceResponse::decode(answer).unwrap_or_default();
    let refused = answer.partial_success.map_or(0, |partial| partial.rejected_spans);
    usize::try_from(refused).unwrap_or(0)
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
