//! What one shard counts of the requests that it serves, in cells that no other thread writes.
//!
//! A cell is looked up by numbers: there is one for each route, method and outcome. Those that something came to are
//! made once and kept, so that counting a request allocates nothing and waits for nobody.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use actix_web::http::Method;
use service::metrics::{Durations, DurationsSum};

use crate::operations::{self, Operation, Visitor};
use crate::problem::Code;

/// The route of what has none, as OpenTelemetry's conventions leave it out.
pub(crate) const NO_ROUTE: &str = "";
/// Where the API is described.
pub(crate) const OPENAPI: &str = "/openapi.json";

/// The methods that are told apart; the last stands for all others.
const METHODS: [&str; 10] =
    ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "_OTHER"];
/// Answered, each error, and the caller who did not wait.
const OUTCOMES: usize = Code::ALL.len() + 2;
const ANSWERED: usize = 0;
const CLIENT_CLOSED: usize = OUTCOMES - 1;

/// One shard's counts.
#[derive(Debug)]
pub(crate) struct HttpMetrics {
    /// `http` or `https`.
    scheme: &'static str,
    routes: Vec<&'static str>,
    active: [AtomicI64; METHODS.len()],
    /// By route, method and outcome.
    cells: Vec<OnceLock<Durations>>,
    round_trip: Durations,
}

/// A request under way. Dropped before it was answered, it counts as one whose caller did not wait.
pub(crate) struct Exchange<'a> {
    metrics: &'a HttpMetrics,
    route: usize,
    method: usize,
    began: Instant,
    outcome: usize,
}

/// The labels of a series, in the order of [`Series::LABELS`].
pub(crate) struct Series<'a> {
    pub(crate) labels: [&'a str; 5],
    pub(crate) durations: &'a Durations,
}

impl Series<'_> {
    /// As OpenTelemetry's conventions name them.
    pub(crate) const LABELS: [&'static str; 5] =
        ["http_request_method", "url_scheme", "http_route", "http_response_status_code", "error_type"];
}

impl HttpMetrics {
    pub(crate) fn new(scheme: &'static str) -> Self {
        let mut routes = Routes(vec![NO_ROUTE, OPENAPI]);
        operations::each(&mut routes);
        let routes = routes.0;
        let mut cells = Vec::new();
        cells.resize_with(routes.len() * METHODS.len() * OUTCOMES, OnceLock::new);
        Self { scheme, routes, active: Default::default(), cells, round_trip: Durations::new() }
    }

    /// A request came, by a route that is known here.
    pub(crate) fn begin(&self, route: &'static str, method: &Method) -> Exchange<'_> {
        let route = self.routes.iter().position(|known| *known == route).unwrap_or_default();
        let method = METHODS.iter().position(|known| *known == method.as_str()).unwrap_or(METHODS.len() - 1);
        self.active[method].fetch_add(1, Ordering::Relaxed);
        Exchange { metrics: self, route, method, began: Instant::now(), outcome: CLIENT_CLOSED }
    }

    /// A worker replied, so long after the request was handed over.
    pub(crate) fn replied(&self, took: Duration) {
        self.round_trip.observe(took);
    }

    pub(super) fn add_round_trips_to(&self, sum: &mut DurationsSum) {
        self.round_trip.add_to(sum);
    }

    /// The requests under way, by method.
    pub(super) fn active(&self) -> impl Iterator<Item = (&'static str, i64)> {
        METHODS.into_iter().zip(self.active.iter().map(|count| count.load(Ordering::Relaxed)))
    }

    /// Each cell that something came to.
    pub(super) fn each(&self, mut show: impl FnMut(Series<'_>)) {
        for (place, cell) in self.cells.iter().enumerate() {
            let Some(durations) = cell.get() else { continue };
            let (rest, outcome) = (place / OUTCOMES, place % OUTCOMES);
            let (route, method) = (self.routes[rest / METHODS.len()], METHODS[rest % METHODS.len()]);
            let code = outcome.checked_sub(1).and_then(|index| Code::ALL.get(index));
            let status = code.map(|code| code.status());
            let (status, error) = match (outcome, code, &status) {
                (ANSWERED, ..) => ("200", ""),
                (_, Some(code), Some(status)) => (status.as_str(), code.text()),
                _ => ("", "client_closed"),
            };
            show(Series { labels: [method, self.scheme, route, status, error], durations });
        }
    }
}

impl Exchange<'_> {
    /// When the request came.
    pub(crate) fn began(&self) -> Instant {
        self.began
    }

    /// It got its answer; `code` if that was an error.
    pub(crate) fn answered(mut self, code: Option<Code>) {
        self.outcome = match code {
            None => ANSWERED,
            Some(code) => Code::ALL.iter().position(|known| *known == code).map_or(CLIENT_CLOSED, |i| i + 1),
        };
    }
}

impl Drop for Exchange<'_> {
    fn drop(&mut self) {
        let place = (self.route * METHODS.len() + self.method) * OUTCOMES + self.outcome;
        self.metrics.cells[place].get_or_init(Durations::new).observe(self.began.elapsed());
        self.metrics.active[self.method].fetch_sub(1, Ordering::Relaxed);
    }
}

struct Routes(Vec<&'static str>);

impl Visitor for Routes {
    fn visit<O: Operation>(&mut self) {
        self.0.push(O::PATH);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(metrics: &HttpMetrics) -> Vec<[String; 5]> {
        let mut seen = Vec::new();
        metrics.each(|series| seen.push(series.labels.map(str::to_owned)));
        seen
    }

    #[test]
    fn a_request_counts_by_route_method_and_outcome() {
        let metrics = HttpMetrics::new("http");
        metrics.begin("/hash", &Method::POST).answered(None);
        metrics.begin("/hash", &Method::POST).answered(Some(Code::OutcomeUnknown));
        metrics.begin(NO_ROUTE, &Method::from_bytes(b"BREW").unwrap()).answered(Some(Code::NotFound));
        let expected = [
            ["_OTHER", "http", "", "404", "not_found"],
            ["POST", "http", "/hash", "200", ""],
            ["POST", "http", "/hash", "504", "outcome_unknown"],
        ];
        assert_eq!(seen(&metrics), expected.map(|labels| labels.map(str::to_owned)));
    }

    #[test]
    fn a_caller_who_does_not_wait_is_told_apart_and_nobody_stays_active() {
        let metrics = HttpMetrics::new("http");
        let exchange = metrics.begin("/hash", &Method::POST);
        let active = |metrics: &HttpMetrics| metrics.active().map(|(_, count)| count).sum::<i64>();
        assert_eq!(active(&metrics), 1);
        drop(exchange);
        assert_eq!(active(&metrics), 0);
        assert_eq!(seen(&metrics), [["POST", "http", "/hash", "", "client_closed"].map(str::to_owned)]);
    }

    #[test]
    fn every_error_has_a_cell_of_its_own() {
        let metrics = HttpMetrics::new("http");
        for code in Code::ALL {
            metrics.begin("/hash", &Method::POST).answered(Some(code));
        }
        let errors: Vec<_> = seen(&metrics).into_iter().map(|[.., error]| error).collect();
        assert_eq!(errors, Code::ALL.map(Code::text));
    }
}
