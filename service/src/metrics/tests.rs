use std::sync::atomic::{AtomicU64, Ordering};

use super::*;

fn has_line(metrics: &Metrics, line: &str) -> bool {
    metrics.encode().lines().any(|shown| shown == line)
}

#[track_caller]
fn assert_shows(metrics: &Metrics, line: &str) {
    assert!(has_line(metrics, line), "{line} in\n{}", metrics.encode());
}

#[test]
fn what_is_counted_is_shown() {
    let metrics = Metrics::new();
    metrics.counter("requests", "Requests.").inc_by(3);
    metrics.gauge("pending", "Pending.").set(-2);
    let seconds = metrics.histogram("duration_seconds", "Durations.", &[0.1, 1.0]);
    seconds.observe(0.5);
    for line in [
        "# HELP requests Requests.",
        "# TYPE requests counter",
        "requests_total 3",
        "pending -2",
        "duration_seconds_bucket{le=\"0.1\"} 0",
        "duration_seconds_bucket{le=\"1.0\"} 1",
        "duration_seconds_bucket{le=\"+Inf\"} 1",
        "duration_seconds_sum 0.5",
        "duration_seconds_count 1",
        "# EOF",
    ] {
        assert_shows(&metrics, line);
    }
}

#[test]
fn what_is_known_elsewhere_is_asked_for_at_each_scrape() {
    let metrics = Metrics::new();
    let known = Arc::new(AtomicU64::new(1));
    let (as_count, as_level) = (Arc::clone(&known), Arc::clone(&known));
    metrics.counter_of("replies", "Replies.", move || as_count.load(Ordering::SeqCst));
    metrics.gauge_of(
        "queued",
        "Queued.",
        move || if as_level.load(Ordering::SeqCst) == 7 { 0.5 } else { 0.0 },
    );
    assert_shows(&metrics, "replies_total 1");
    known.store(7, Ordering::SeqCst);
    for line in ["# TYPE replies counter", "replies_total 7", "# TYPE queued gauge", "queued 0.5"] {
        assert_shows(&metrics, line);
    }
}

#[test]
fn labels_tell_metrics_apart() {
    let metrics = Metrics::new();
    let responses = metrics.counters("responses", "Responses.", &["status", "code"], 10);
    responses.of(&["200", "ok"]).inc();
    responses.of(&["503", "overloaded"]).inc_by(2);
    responses.of(&["200", "ok"]).inc();
    metrics.gauges("lag", "Lag.", &["partition"], 10).of(&["2"]).set(5);
    for line in [
        "responses_total{status=\"200\",code=\"ok\"} 2",
        "responses_total{status=\"503\",code=\"overloaded\"} 2",
        "lag{partition=\"2\"} 5",
    ] {
        assert_shows(&metrics, line);
    }
}

#[test]
fn labels_beyond_the_limit_count_together() {
    let metrics = Metrics::new();
    let calls = metrics.counters("calls", "Calls.", &["caller"], 2);
    for caller in ["a", "b", "c", "d", "a"] {
        calls.of(&[caller]).inc();
    }
    for line in
        ["calls_total{caller=\"a\"} 2", "calls_total{caller=\"b\"} 1", "calls_total{caller=\"other\"} 2"]
    {
        assert_shows(&metrics, line);
    }
    assert!(!metrics.encode().contains("\"c\""));
}

#[test]
fn what_is_forgotten_makes_room() {
    let metrics = Metrics::new();
    let lag = metrics.gauges("lag", "Lag.", &["partition"], 1);
    lag.of(&["0"]).set(5);
    lag.forget(&["0"]);
    lag.forget(&["never known"]);
    assert!(!metrics.encode().contains("partition=\"0\""));
    lag.of(&["1"]).set(6);
    lag.of(&["2"]).set(7);
    for line in ["lag{partition=\"1\"} 6", "lag{partition=\"other\"} 7"] {
        assert_shows(&metrics, line);
    }
}

#[test]
fn values_from_outside_are_escaped() {
    let metrics = Metrics::new();
    metrics.counters("calls", "Calls.", &["caller"], 2).of(&["a\"} 1\nb\\"]).inc();
    assert_shows(&metrics, "calls_total{caller=\"a\\\"} 1\\nb\\\\\"} 1");
}

#[test]
fn instances_in_one_process_do_not_share_a_registry() {
    let (one, other) = (Metrics::new(), Metrics::new());
    one.counter("requests", "Requests.").inc();
    assert!(!has_line(&other, "requests_total 1"));
}
