//! What the management port answers.

use actix_web::http::header::{ACCEPT, ContentType};
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Map, Value};

use crate::metrics::{Format, Metrics};
use crate::{COMMIT, Program, Readiness};

/// What the four pages are made from.
#[derive(Clone, Debug)]
pub struct Pages {
    readiness: Readiness,
    metrics: Metrics,
    info: Map<String, Value>,
}

impl Pages {
    /// Pages of one service; `/info` begins with the program's name and version, and the commit, if the build was told.
    /// Adds to `metrics` what every service shows: what it is, and whether it is ready.
    pub fn new(program: &Program, readiness: &Readiness, metrics: &Metrics) -> Self {
        let info = [("name", Some(program.name())), ("version", Some(program.version)), ("commit", COMMIT)];
        let info = info.into_iter().map(|(key, value)| (key.to_owned(), value.into())).collect();
        let labels = [program.name(), program.version, COMMIT.unwrap_or_default()];
        metrics.gauges_of(
            "build_info",
            "What runs; always 1",
            &["service", "version", "commit"],
            move |show| {
                show(&labels, 1.0);
            },
        );
        let latch = readiness.clone();
        let is_ready = move || if latch.is_ready() { 1.0 } else { 0.0 };
        metrics.gauge_of("service_ready", "1 while /health/ready answers 200, else 0", is_ready);
        Self { readiness: readiness.clone(), metrics: metrics.clone(), info }
    }

    /// Adds a pair to `/info`.
    #[must_use]
    pub fn info(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.info.insert(key.to_owned(), value.into());
        self
    }
}

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        .service(web::resource("/health/live").get(live))
        .service(web::resource("/health/ready").get(ready))
        .service(web::resource("/metrics").get(metrics))
        .service(web::resource("/info").get(info));
}

/// The process runs and answers; nothing more, or an orchestrator would restart what only waits for Kafka.
async fn live() -> HttpResponse {
    HttpResponse::Ok().insert_header(ContentType::plaintext()).body("alive\n")
}

async fn ready(pages: web::Data<Pages>) -> HttpResponse {
    let report = pages.readiness.report();
    if report["ready"] == true {
        HttpResponse::Ok().json(report)
    } else {
        HttpResponse::ServiceUnavailable().json(report)
    }
}

async fn metrics(http: HttpRequest, pages: web::Data<Pages>) -> HttpResponse {
    let format = Format::accepted_by(http.headers().get(ACCEPT).and_then(|accept| accept.to_str().ok()));
    HttpResponse::Ok().content_type(format.content_type()).body(pages.metrics.encode(format))
}

async fn info(pages: web::Data<Pages>) -> HttpResponse {
    HttpResponse::Ok().json(&pages.info)
}
