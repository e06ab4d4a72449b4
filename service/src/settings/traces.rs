//! Which traces go where: OpenTelemetry's own variables, as far as they mean something here.

use std::time::Duration;

use crate::settings::catalogue::Service;
use crate::settings::pairs;
use crate::settings::reader::Reader;
use crate::settings::secret::Secret;

/// Where OTLP over HTTP has its traces, below an endpoint for all signals.
const TRACES_PATH: &str = "/v1/traces";

/// What is traced, and who gets to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceSettings {
    /// `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`, or `/v1/traces` below `OTEL_EXPORTER_OTLP_ENDPOINT`: the `http://` address
    /// that spans are posted to. None if neither is set, or by `OTEL_SDK_DISABLED`: then there are no traces.
    pub endpoint: Option<String>,
    /// `OTEL_EXPORTER_OTLP_HEADERS`: names and values that go with each post.
    pub headers: Secret<Vec<(String, String)>>,
    /// `OTEL_EXPORTER_OTLP_TIMEOUT`: the longest that a post may take.
    pub timeout: Duration,
    /// `OTEL_SERVICE_NAME`, else `service.name` of the resource, else the program's name.
    pub service_name: String,
    /// `OTEL_RESOURCE_ATTRIBUTES`: what else is said of who the spans are from.
    pub resource: Vec<(String, String)>,
    /// `OTEL_TRACES_SAMPLER` and `OTEL_TRACES_SAMPLER_ARG`.
    pub sampling: Sampling,
}

/// Which traces are recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sampling {
    /// Of those that are judged here.
    pub sampled: Sampled,
    /// Whether one that a caller began is recorded if and only if the caller's span was.
    pub obeys_parent: bool,
}

/// How many of the traces that are judged here are recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sampled {
    /// All.
    All,
    /// None.
    None,
    /// This share, chosen by the trace's id, so that every service chooses the same.
    Share(Share),
}

/// A number from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share(f64);

// It is never NaN.
impl Eq for Share {}

impl Share {
    /// The nearest share to `number`; 0 for what is no number.
    pub fn new(number: f64) -> Self {
        Self(if number.is_nan() { 0.0 } else { number.clamp(0.0, 1.0) })
    }

    /// The number.
    pub fn get(self) -> f64 {
        self.0
    }
}

impl TraceSettings {
    pub(super) fn read(reader: &mut Reader) -> Self {
        let base = reader.text("OTEL_EXPORTER_OTLP_ENDPOINT");
        let exact = reader.text("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
        let below = format!("{}{TRACES_PATH}", base.trim().trim_end_matches('/'));
        let is_off = reader.switch("OTEL_SDK_DISABLED") || (base.is_empty() && exact.is_empty());
        let endpoint = if exact.is_empty() { below } else { exact.trim().to_owned() };
        // Read by all means, so that what is wrong is said: the library would only leave other protocols out.
        let _ = reader.text("OTEL_EXPORTER_OTLP_PROTOCOL");
        let resource = pairs::read(&reader.text("OTEL_RESOURCE_ATTRIBUTES")).unwrap_or_default();
        let milliseconds = reader.whole("OTEL_EXPORTER_OTLP_TIMEOUT");
        Self {
            endpoint: (!is_off).then_some(endpoint),
            headers: headers(reader),
            timeout: Duration::from_millis(milliseconds),
            service_name: service_name(reader, &resource),
            resource,
            sampling: sampling(reader),
        }
    }
}

impl Default for TraceSettings {
    /// No traces.
    fn default() -> Self {
        Self::read(&mut Reader::of_defaults(Service::Gateway))
    }
}

fn headers(reader: &mut Reader) -> Secret<Vec<(String, String)>> {
    // By OpenTelemetry's rules an empty variable is one that is not set.
    let text = Secret::new(reader.text("OTEL_EXPORTER_OTLP_HEADERS"));
    let is_header = |(name, value): &(String, String)| {
        hyper::header::HeaderName::from_bytes(name.as_bytes()).is_ok()
            && hyper::header::HeaderValue::from_str(value).is_ok()
    };
    let pairs = pairs::read(text.expose()).filter(|pairs| pairs.iter().all(is_header));
    if pairs.is_none() {
        // The value itself is not shown: it is there for credentials.
        reader.conflict("OTEL_EXPORTER_OTLP_HEADERS", "expected HTTP headers as name=value,… with %-escapes");
    }
    Secret::new(pairs.unwrap_or_default())
}

fn service_name(reader: &mut Reader, resource: &[(String, String)]) -> String {
    let name = reader.text("OTEL_SERVICE_NAME");
    let in_resource = resource.iter().rfind(|(name, _)| name == "service.name");
    match in_resource {
        Some((_, value)) if !reader.is_set("OTEL_SERVICE_NAME") => value.clone(),
        Some(_) | None => name,
    }
}

fn sampling(reader: &mut Reader) -> Sampling {
    // It has been checked to be a number.
    let share = Share::new(reader.text("OTEL_TRACES_SAMPLER_ARG").trim().parse().unwrap_or(1.0));
    let name = reader.text("OTEL_TRACES_SAMPLER");
    let (obeys_parent, root) = match name.strip_prefix("parentbased_") {
        Some(root) => (true, root),
        None => (false, name.as_str()),
    };
    let sampled = match root {
        "always_off" => Sampled::None,
        "traceidratio" => Sampled::Share(share),
        _ => Sampled::All,
    };
    Sampling { sampled, obeys_parent }
}
