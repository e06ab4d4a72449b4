use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::*;

fn has_line(metrics: &Metrics, line: &str) -> bool {
    metrics.encode(Format::OpenMetrics).lines().any(|shown| shown == line)
}

#[track_caller]
fn assert_shows(metrics: &Metrics, line: &str) {
    assert!(has_line(metrics, line), "{line} in\n{}", metrics.encode(Format::OpenMetrics));
}

#[test]
fn what_is_counted_is_shown() {
    let metrics = Metrics::new();
    metrics.counter("requests", "Requests.").inc_by(3);
    metrics.gauge("pending", "Pending.").set(-2);
    let seconds = metrics.durations("duration_seconds", "Durations.");
    seconds.observe(Duration::from_millis(500));
    seconds.observe(Duration::from_secs(11));
    for line in [
        "# HELP requests Requests.",
        "# TYPE requests counter",
        "requests_total 3",
        "pending -2",
        "duration_seconds_bucket{le=\"0.25\"} 0",
        "duration_seconds_bucket{le=\"0.5\"} 1",
        "duration_seconds_bucket{le=\"10.0\"} 1",
        "duration_seconds_bucket{le=\"+Inf\"} 2",
        "duration_seconds_sum 11.5",
        "duration_seconds_count 2",
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
fn what_several_threads_count_apart_is_shown_as_one() {
    let metrics = Metrics::new();
    let threads = [Durations::new(), Durations::new()];
    let shown = threads.clone();
    metrics.durations_of("took_seconds", "Took.", &["code"], move |show| {
        let mut sum = DurationsSum::default();
        shown.iter().for_each(|durations| durations.add_to(&mut sum));
        show(&["ok"], sum);
    });
    metrics.counters_of("refused", "Refused.", &["why"], |show| {
        show(&["full"], 1);
        show(&["late"], 2);
    });
    metrics.gauges_of("held", "Held.", &["what"], |show| show(&["bytes"], 1.5));
    threads.iter().for_each(|durations| durations.observe(Duration::from_millis(1)));
    for line in [
        "# TYPE took_seconds histogram",
        "took_seconds_bucket{le=\"0.0005\",code=\"ok\"} 0",
        "took_seconds_bucket{le=\"0.001\",code=\"ok\"} 2",
        "took_seconds_count{code=\"ok\"} 2",
        "refused_total{why=\"full\"} 1",
        "refused_total{why=\"late\"} 2",
        "held{what=\"bytes\"} 1.5",
    ] {
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
    assert!(!metrics.encode(Format::OpenMetrics).contains("\"c\""));
}

#[test]
fn what_is_forgotten_makes_room() {
    let metrics = Metrics::new();
    let lag = metrics.gauges("lag", "Lag.", &["partition"], 1);
    lag.of(&["0"]).set(5);
    lag.forget(&["0"]);
    lag.forget(&["never known"]);
    assert!(!metrics.encode(Format::OpenMetrics).contains("partition=\"0\""));
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
