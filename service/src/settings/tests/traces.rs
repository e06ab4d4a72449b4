//! Which traces go where.

use std::time::Duration;

use crate::settings::tests::Start;
use crate::settings::{Sampled, Share, TraceSettings};

#[test]
fn there_are_no_traces_until_an_endpoint_is_set() {
    assert_eq!(TraceSettings::default().endpoint, None);
    assert_eq!(Start::new().gateway().traces, TraceSettings::default());
}

#[test]
fn an_endpoint_for_all_signals_gets_the_path_of_traces_and_one_for_traces_stays_as_it_is() {
    let base = |address: &str| Start::new().variable("OTEL_EXPORTER_OTLP_ENDPOINT", address);
    for address in ["http://collector:4318", "http://collector:4318/"] {
        let traces = base(address).processor().traces;
        assert_eq!(traces.endpoint.as_deref(), Some("http://collector:4318/v1/traces"));
    }
    let exact = base("http://a:1").variable("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://b:2/x");
    assert_eq!(exact.gateway().traces.endpoint.as_deref(), Some("http://b:2/x"));
    let off = base("http://a:1").variable("OTEL_SDK_DISABLED", "true");
    assert_eq!(off.gateway().traces.endpoint, None);
}

#[test]
fn an_address_that_cannot_be_posted_to_is_said() {
    for bad in ["https://collector:4318", "collector:4318", "http://", "http://a:1/?b", "grpc://a:1"] {
        let complaint = Start::new().variable("OTEL_EXPORTER_OTLP_ENDPOINT", bad).complaint();
        let said = format!(
            "bad setting OTEL_EXPORTER_OTLP_ENDPOINT (from the environment): found {bad:?}, expected an `http://` \
             address without user or password; `https://` is not spoken, so name a collector that is near"
        );
        assert_eq!(complaint, said);
    }
    for (name, address) in
        [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://a:s3cret@c:1"), ("KAFKA_BROKERS", "SASL_SSL://a:s3cret@c:1")]
    {
        let complaint = Start::new().variable(name, address).complaint();
        assert!(complaint.contains(name) && complaint.contains("not shown"), "{complaint}");
        assert!(!complaint.contains("s3cret"), "{complaint}");
    }
    let complaint = Start::new().variable("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc").complaint();
    assert!(complaint.ends_with("expected `http/protobuf`"), "{complaint}");
}

#[test]
fn samplers_go_by_their_own_names() {
    let sampling = |name: &str, argument: &str| {
        let start = Start::new().variable("OTEL_TRACES_SAMPLER", name);
        let sampling = start.variable("OTEL_TRACES_SAMPLER_ARG", argument).gateway().traces.sampling;
        (sampling.obeys_parent, sampling.sampled)
    };
    assert_eq!(sampling("", ""), (true, Sampled::All));
    assert_eq!(sampling("always_on", ""), (false, Sampled::All));
    assert_eq!(sampling("always_off", ""), (false, Sampled::None));
    assert_eq!(sampling("parentbased_always_off", ""), (true, Sampled::None));
    assert_eq!(sampling("parentbased_traceidratio", "0.25"), (true, Sampled::Share(Share::new(0.25))));
    assert_eq!(sampling("traceidratio", ""), (false, Sampled::Share(Share::new(1.0))));
    for bad in ["1.5", "-0.1", "half", "NaN"] {
        let complaint = Start::new().variable("OTEL_TRACES_SAMPLER_ARG", bad).complaint();
        assert!(complaint.ends_with("expected a number from 0 to 1"), "{complaint}");
    }
}

#[test]
fn the_service_is_named_by_its_own_setting_then_by_the_resource_then_by_the_program() {
    assert_eq!(Start::new().processor().traces.service_name, "hash-processor");
    let resource = || Start::new().variable("OTEL_RESOURCE_ATTRIBUTES", "zone=b,service.name=shop%20one");
    let traces = resource().gateway().traces;
    assert_eq!(traces.service_name, "shop one");
    assert_eq!(traces.resource[0], ("zone".to_owned(), "b".to_owned()));
    let named = resource().variable("OTEL_SERVICE_NAME", "till").gateway();
    assert_eq!(named.traces.service_name, "till");
}

#[test]
fn headers_are_read_and_never_shown() {
    let start = Start::new().variable("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20s3cret,x=1");
    let traces = start.variable("OTEL_EXPORTER_OTLP_TIMEOUT", "250").gateway().traces;
    let headers = traces.headers.expose().iter().map(|(name, value)| format!("{name}: {value}"));
    assert_eq!(headers.collect::<Vec<_>>(), ["authorization: Bearer s3cret", "x: 1"]);
    assert_eq!(traces.timeout, Duration::from_millis(250));
    for bad in ["s3cret", "a b=s3cret", "a=s3cret%0A"] {
        let complaint = Start::new().variable("OTEL_EXPORTER_OTLP_HEADERS", bad).complaint();
        assert!(
            complaint.contains("OTEL_EXPORTER_OTLP_HEADERS") && !complaint.contains("s3cret"),
            "{complaint}"
        );
    }
}
