//! The routes, and the way of one request through them.

use std::time::Instant;

use actix_web::dev::{Payload, ServiceRequest, ServiceResponse, fn_service};
use actix_web::http::Method;
use actix_web::http::header::HeaderMap;
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{Error, HttpMessage as _, HttpRequest, HttpResponse};
use protocol::header::CALLER;
use service::traces::Span;
use tokio::time::Instant as Deadline;

use super::body::{self, Admitted};
use super::incoming::{Drains, Incoming};
use super::trace::{self, Marks};
use super::{answer, openapi};
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
        let route = web::route().service(fn_service(call::<O>));
        self.0.service(web::resource(O::PATH).route(route));
    }
}

/// Where no route leads.
pub(crate) async fn not_found(http: HttpRequest, body: web::Payload, shard: Data<Shard>) -> HttpResponse {
    let problem = Problem::new(Code::NotFound, "see /openapi.json for what there is");
    refuse(&http, body.into_inner(), &shard, NO_ROUTE, problem).await
}

async fn only_post<O: Operation>(http: &HttpRequest, payload: Payload, shard: &Shard) -> HttpResponse {
    let problem = Problem::new(Code::MethodNotAllowed, "send a POST").allow("POST");
    refuse(http, payload, shard, O::PATH, problem).await
}

async fn description(http: HttpRequest, body: web::Payload, shard: Data<Shard>) -> HttpResponse {
    let served = shard.metrics.begin(OPENAPI, http.method());
    let incoming = incoming(body.into_inner(), &served, &shard);
    let document = openapi::document(shard.clone()).await;
    served.answered(None);
    incoming.answer(&http, document).await
}

async fn only_get(http: HttpRequest, body: web::Payload, shard: Data<Shard>) -> HttpResponse {
    let problem = Problem::new(Code::MethodNotAllowed, "send a GET").allow("GET, HEAD");
    refuse(&http, body.into_inner(), &shard, OPENAPI, problem).await
}

/// Answers a request that nobody looks into.
async fn refuse(
    http: &HttpRequest,
    payload: Payload,
    shard: &Shard,
    route: &'static str,
    problem: Problem,
) -> HttpResponse {
    let (served, span) = (shard.metrics.begin(route, http.method()), trace::begin(&shard.traces, http));
    let incoming = incoming(payload, &served, shard);
    let response = finish(&Marks::of(http.headers()), shard, served, span, None, Err(problem));
    incoming.answer(http, response).await
}

/// A service and no handler, since handlers share their request, and nobody may take its headers then. Tells the methods
/// apart itself: a guard of actix-web's allocates three times for each request.
async fn call<O: Operation>(mut request: ServiceRequest) -> Result<ServiceResponse, Error> {
    let shard = request.app_data::<Data<Shard>>().expect("every server thread has its shard").clone();
    let payload = request.take_payload();
    if request.method() != Method::POST {
        // What hardly anybody needs is apart, so that the future of every request stays small.
        let response = Box::pin(only_post::<O>(request.request(), payload, &shard)).await;
        return Ok(request.into_response(response));
    }
    let served = shard.metrics.begin(O::PATH, request.method());
    let (span, marks) = (trace::begin(&shard.traces, request.request()), Marks::of(request.headers()));
    let (mut incoming, mut caller) = (incoming(payload, &served, &shard), None);
    let outcome = exchange::<O>(&mut request, &mut incoming, &shard, &mut caller, span.as_ref()).await;
    let is_problem = outcome.is_err();
    let response = finish(&marks, &shard, served, span, caller.as_ref(), outcome);
    let response =
        if is_problem { Box::pin(incoming.answer(request.request(), response)).await } else { response };
    Ok(request.into_response(response))
}

/// The body of a request.
fn incoming(payload: Payload, served: &Exchange<'_>, shard: &Shard) -> Incoming {
    // Set here and obeyed everywhere.
    let deadline = Deadline::from_std(served.began()) + shard.request_timeout;
    Incoming::new(payload, deadline)
}

/// One request from its caller's name to its answer.
async fn exchange<O: Operation>(
    request: &mut ServiceRequest,
    incoming: &mut Incoming,
    shard: &Shard,
    caller: &mut Option<Caller>,
    span: Option<&Span>,
) -> Result<HttpResponse, Problem> {
    if let Some(authenticator) = &shard.authenticator {
        let known = Box::pin(authenticator.authenticate(request.headers(), incoming.deadline())).await?;
        // Kept even if it may not call: the answer's span and log line name it.
        caller.insert(known).demand(O::NAME)?;
    }
    let share = share(request, shard, caller.as_ref())?;
    let Admitted { bytes, place } = body::read(request.headers(), incoming, &shard.admission).await?;
    let was_crowded = shard.admission.is_crowded();
    let failure = |error| {
        let in_a_crowd = (was_crowded || shard.admission.is_crowded()) && shard.requester.is_ready();
        answer::failure(error, in_a_crowd)
    };
    let (sent, waiting) = {
        let input: O::Input<'_> = body::parse(&bytes)?;
        let origin = origin(request.headers(), caller.as_ref(), span);
        let sent = Instant::now();
        (sent, shard.requester.send(O::NAME, &input, incoming.deadline(), origin).map_err(failure)?)
    };
    // Its record has them by now.
    drop(bytes);
    shard.spare_headers.take_from(request);
    let answered = waiting.reply().await;
    shard.spare_headers.give_to(request);
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
fn origin(headers: &HeaderMap, caller: Option<&Caller>, span: Option<&Span>) -> Origin {
    let mut headers = trace::context(headers);
    if let Some(caller) = caller {
        headers.insert(CALLER.to_owned(), caller.name().as_bytes().to_vec());
    }
    Origin { headers, parent: span.map(|span| span.context().clone()) }
}

/// The part of its caller's share that a request takes until it is answered; none where nothing is limited.
fn share(request: &ServiceRequest, shard: &Shard, caller: Option<&Caller>) -> Result<Option<Share>, Problem> {
    let Some(shares) = &shard.shares else { return Ok(None) };
    let who = caller.map_or_else(|| Who::at(request.peer_addr()), |caller| Who::Name(caller.name().clone()));
    shares.take(who).map(Some)
}

/// What every answer gets: counted, the caller's request id, and while shutting down a request to close.
fn finish(
    marks: &Marks,
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
    if let Some(id) = marks.request_id() {
        response.headers_mut().insert(trace::X_REQUEST_ID.clone(), id.clone());
    }
    if let Some(problem) = &problem {
        let caller = caller.map(|caller| &**caller.name());
        tracing::debug!(
            code = problem.code().text(),
            id = problem.id(),
            request_id = marks.request_id_text(),
            trace_id = marks.trace_id(span.as_ref()),
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
