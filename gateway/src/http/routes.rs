//! The routes, and the way of one request through them.

use std::time::Instant;

use actix_web::http::Method;
use actix_web::web::{self, Data, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use protocol::header::CALLER;
use service::traces::Span;
use tokio::time::Instant as Deadline;

use super::body::{self, Admitted};
use super::incoming::{Drains, Incoming};
use super::{answer, openapi, trace};
use crate::auth::Caller;
use crate::metrics::{Exchange, NO_ROUTE, OPENAPI};
use crate::operations::{self, Operation, Visitor};
use crate::problem::{Code, Problem};
use crate::requester::Origin;
use crate::shard::Shard;
use crate::shares::{Share, Who};

/// OpenTelemetry's name for who calls.
const CALLER_ATTRIBUTE: &str = "enduser.id";

/// Everything that callers can reach.
pub(crate) fn configure(config: &mut ServiceConfig) {
    config.app_data(Data::new(Drains::default()));
    operations::each(&mut Routes(config));
    config.service(
        web::resource(OPENAPI)
            .route(web::get().to(description))
            .route(web::head().to(description))
            .default_service(web::to(only_get)),
    );
}

struct Routes<'a>(&'a mut ServiceConfig);

impl Visitor for Routes<'_> {
    fn visit<O: Operation>(&mut self) {
        self.0.service(web::resource(O::PATH).to(call::<O>));
    }
}

/// Where no route leads.
pub(crate) async fn not_found(http: HttpRequest, payload: Payload, shard: Data<Shard>) -> HttpResponse {
    let problem = Problem::new(Code::NotFound, "see /openapi.json for what there is");
    refuse(http, payload, shard, NO_ROUTE, problem).await
}

async fn only_post<O: Operation>(http: HttpRequest, payload: Payload, shard: Data<Shard>) -> HttpResponse {
    let problem = Problem::new(Code::MethodNotAllowed, "send a POST").allow("POST");
    refuse(http, payload, shard, O::PATH, problem).await
}

async fn description(http: HttpRequest, payload: Payload, shard: Data<Shard>) -> HttpResponse {
    let served = shard.metrics.begin(OPENAPI, http.method());
    let incoming = incoming(payload, &served, &shard);
    let document = openapi::document(shard.clone()).await;
    served.answered(None);
    incoming.answer(&http, document).await
}

async fn only_get(http: HttpRequest, payload: Payload, shard: Data<Shard>) -> HttpResponse {
    let problem = Problem::new(Code::MethodNotAllowed, "send a GET").allow("GET, HEAD");
    refuse(http, payload, shard, OPENAPI, problem).await
}

/// Answers a request that nobody looks into.
async fn refuse(
    http: HttpRequest,
    payload: Payload,
    shard: Data<Shard>,
    route: &'static str,
    problem: Problem,
) -> HttpResponse {
    let (served, span) = (shard.metrics.begin(route, http.method()), trace::begin(&shard.traces, &http));
    let incoming = incoming(payload, &served, &shard);
    let response = finish(&http, &shard, served, span, None, Err(problem));
    incoming.answer(&http, response).await
}

/// Tells the methods apart itself: a guard of actix-web's allocates three times for each request.
async fn call<O: Operation>(http: HttpRequest, payload: Payload, shard: Data<Shard>) -> HttpResponse {
    if http.method() != Method::POST {
        // What hardly anybody needs is apart, so that the future of every request stays small.
        return Box::pin(only_post::<O>(http, payload, shard)).await;
    }
    let (served, span) = (shard.metrics.begin(O::PATH, http.method()), trace::begin(&shard.traces, &http));
    let (mut incoming, mut caller) = (incoming(payload, &served, &shard), None);
    let outcome = exchange::<O>(&http, &mut incoming, &shard, &mut caller, span.as_ref()).await;
    let is_problem = outcome.is_err();
    let response = finish(&http, &shard, served, span, caller.as_ref(), outcome);
    if is_problem { Box::pin(incoming.answer(&http, response)).await } else { response }
}

/// The body of a request.
fn incoming(payload: Payload, served: &Exchange<'_>, shard: &Shard) -> Incoming {
    // Set here and obeyed everywhere.
    let deadline = Deadline::from_std(served.began()) + shard.request_timeout;
    Incoming::new(payload, deadline)
}

/// One request from its caller's name to its answer.
async fn exchange<O: Operation>(
    http: &HttpRequest,
    incoming: &mut Incoming,
    shard: &Shard,
    caller: &mut Option<Caller>,
    span: Option<&Span>,
) -> Result<HttpResponse, Problem> {
    if let Some(authenticator) = &shard.authenticator {
        let known = Box::pin(authenticator.authenticate(http.headers(), incoming.deadline())).await?;
        // Kept even if it may not call: the answer's span and log line name it.
        caller.insert(known).demand(O::NAME)?;
    }
    let share = share(http, shard, caller.as_ref())?;
    let Admitted { bytes, place } = body::read(http.headers(), incoming, &shard.admission).await?;
    let was_crowded = shard.admission.is_crowded();
    let failure = |error| {
        let in_a_crowd = (was_crowded || shard.admission.is_crowded()) && shard.requester.is_ready();
        answer::failure(error, in_a_crowd)
    };
    let (sent, waiting) = {
        let input: O::Input<'_> = body::parse(&bytes)?;
        let origin = origin(http, caller.as_ref(), span);
        let sent = Instant::now();
        (sent, shard.requester.send(O::NAME, &input, incoming.deadline(), origin).map_err(failure)?)
    };
    // Its record has it by now.
    drop(bytes);
    let answered = waiting.reply().await;
    if answered.as_ref().map_or_else(|error| error.failure.is_reply(), |_| true) {
        shard.metrics.replied(sent.elapsed());
    }
    let answered = answered.map_err(failure);
    drop(place);
    let mut response = answer::success::<O>(&answered?)?;
    if let Some(share) = share {
        share.tell(response.headers_mut());
    }
    Ok(response)
}

/// What travels with a request.
fn origin(http: &HttpRequest, caller: Option<&Caller>, span: Option<&Span>) -> Origin {
    let mut headers = trace::context(http.headers());
    if let Some(caller) = caller {
        headers.insert(CALLER.to_owned(), caller.name().as_bytes().to_vec());
    }
    Origin { headers, parent: span.map(|span| span.context().clone()) }
}

/// The part of its caller's share that a request takes until it is answered; none where nothing is limited.
fn share(http: &HttpRequest, shard: &Shard, caller: Option<&Caller>) -> Result<Option<Share>, Problem> {
    let Some(shares) = &shard.shares else { return Ok(None) };
    let who = caller.map_or_else(|| Who::at(http.peer_addr()), |caller| Who::Name(caller.name().clone()));
    shares.take(who).map(Some)
}

/// What every answer gets: counted, the caller's request id, and while shutting down a request to close.
fn finish(
    http: &HttpRequest,
    shard: &Shard,
    served: Exchange<'_>,
    mut span: Option<Span>,
    caller: Option<&Caller>,
    outcome: Result<HttpResponse, Problem>,
) -> HttpResponse {
    let (mut response, problem) = match outcome {
        Ok(response) => (response, None),
        Err(problem) => (problem.response(), Some(problem)),
    };
    let code = problem.as_ref().map(Problem::code);
    served.answered(code);
    let request_id = trace::request_id(http.headers());
    if let Some(id) = request_id {
        response.headers_mut().insert(trace::X_REQUEST_ID.clone(), id.clone());
    }
    if let Some(problem) = &problem {
        let request_id = request_id.and_then(|id| id.to_str().ok());
        let caller = caller.map(|caller| &**caller.name());
        tracing::debug!(
            code = problem.code().text(),
            id = problem.id(),
            request_id,
            trace_id = trace::trace_id(http.headers(), span.as_ref()),
            caller,
            "answered with an error"
        );
    }
    if let (Some(span), Some(caller)) = (&mut span, caller) {
        span.set(CALLER_ATTRIBUTE, caller.name().to_string());
    }
    trace::end(span, response.status(), code);
    if shard.is_draining() {
        response.head_mut().set_connection_type(actix_web::http::ConnectionType::Close);
    }
    response
}
