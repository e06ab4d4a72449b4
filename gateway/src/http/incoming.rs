//! Bodies as they arrive, and answers to requests whose bodies nobody reads to their end.
//!
//! The server throws away what still comes of a chunked body that was dropped, for as long as it comes, which a caller can
//! make for ever. A body that is kept until its answer is out makes it close the connection instead, soon after the
//! answer and not before it was sent, as it does where a length was announced. Whatever has arrived by then is read,
//! so that a refusal of a small request costs nobody a connection.
//!
//! Over HTTP/2 it is the stream that is ended after the answer, and there are clients, curl 7.88 among them, that take an
//! answer before the end of their body for an error. So what may come anyway is read first, within bounds: by then the request
//! holds no place and no share any more, so these reads have a number of their own, and end with the request's time.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::Version;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use futures::{FutureExt as _, StreamExt as _};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

/// Most of a body that is read for nothing over HTTP/1.1, in bytes: a crowd that is turned away should not keep us busy.
const MAX_WASTED_BYTES: usize = 64 * 1024;

/// The same over HTTP/2, where a client may send so much before it has to ask.
const MAX_DRAINED_BYTES: usize = 1024 * 1024;

/// Longest time for that.
const DRAIN_LIMIT: Duration = Duration::from_secs(1);

/// Bodies of one shard that are waited for in that way at once. Of more no more is taken than has arrived.
const MAX_DRAINS: usize = 64;

/// Those that there are now. The requests of one shard share it as data of their application.
pub(crate) struct Drains(Semaphore);

impl Default for Drains {
    fn default() -> Self {
        Self(Semaphore::new(MAX_DRAINS))
    }
}

/// A request's body as it arrives.
pub(crate) struct Incoming {
    payload: Payload,
    /// When the request has to be answered.
    deadline: Instant,
    /// Nothing of it is to come any more: all of it was read, or it broke off.
    has_ended: bool,
}

impl Incoming {
    /// The body of a request that has to be answered by `deadline`.
    pub(crate) fn new(payload: Payload, deadline: Instant) -> Self {
        Self { payload, deadline, has_ended: false }
    }

    /// When the request has to be answered.
    pub(crate) fn deadline(&self) -> Instant {
        self.deadline
    }

    /// The next piece; none at the end.
    pub(crate) async fn next(&mut self) -> Option<Result<Bytes, PayloadError>> {
        let next = self.payload.next().await;
        self.has_ended |= !matches!(next, Some(Ok(_)));
        next
    }

    /// Makes `response` the answer to the request.
    pub(crate) async fn answer(mut self, http: &HttpRequest, response: HttpResponse) -> HttpResponse {
        if http.version() == Version::HTTP_2 {
            self.drain(http).await;
        } else {
            self.take_what_is_there().await;
        }
        if self.has_ended || http.version() == Version::HTTP_2 {
            return response;
        }
        response.map_body(|_, body| BoxBody::new(Answer { body, _unread: self.payload }))
    }

    /// Reads to the end, or until it is too much or takes too long; where too many do, no more than has arrived.
    async fn drain(&mut self, http: &HttpRequest) {
        let now = Instant::now();
        let drains = http.app_data::<Data<Drains>>().filter(|_| now < self.deadline);
        let Some(_place) = drains.and_then(|drains| drains.0.try_acquire().ok()) else {
            return self.take_what_is_there().await;
        };
        let until = self.deadline.min(now + DRAIN_LIMIT);
        // Whoever is slower is answered before the end.
        let _ = timeout_at(until, self.waste(&mut { MAX_DRAINED_BYTES })).await;
    }

    /// Reads what has arrived, without waiting for more.
    async fn take_what_is_there(&mut self) {
        let mut room = MAX_WASTED_BYTES;
        if self.waste(&mut room).now_or_never().is_none() {
            // The server may have looked at no more than the head yet.
            tokio::task::yield_now().await;
            self.waste(&mut room).now_or_never();
        }
    }

    /// Reads to the end, or until it is more than `room` bytes, of which it takes what it reads.
    async fn waste(&mut self, room: &mut usize) {
        while !self.has_ended
            && let Some(Ok(piece)) = self.next().await
        {
            match room.checked_sub(piece.len()) {
                Some(rest) => *room = rest,
                None => break,
            }
        }
    }
}

/// An answer, and the body that is not to be dropped before it is out.
struct Answer {
    body: BoxBody,
    _unread: Payload,
}

impl MessageBody for Answer {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        self.get_mut().body.as_pin_mut().poll_next(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use actix_web::test::TestRequest;
    use futures::stream;

    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    /// A request over HTTP/2 whose body never ends, and what is said to it.
    async fn refused(drains: &Data<Drains>, deadline: Instant) -> HttpResponse {
        let request = TestRequest::default().version(Version::HTTP_2).app_data(drains.clone());
        let http = request.to_http_request();
        let body = stream::iter([Ok(Bytes::from_static(b"half of "))]).chain(stream::pending());
        let payload = Payload::Stream { payload: body.boxed_local() };
        Incoming::new(payload, deadline).answer(&http, HttpResponse::BadRequest().finish()).await
    }

    /// Whether it is answered without waiting, but for the one turn in which the server looks at what has come.
    fn at_once(answering: impl Future<Output = HttpResponse>) -> bool {
        let mut answering = pin!(answering);
        (0..2).any(|_| answering.as_mut().now_or_never().is_some())
    }

    #[actix_web::test]
    async fn an_endless_body_is_waited_for_until_the_requests_time_is_over() {
        tokio::time::pause();
        let drains = Data::new(Drains::default());
        assert!(at_once(refused(&drains, Instant::now())), "it is over");
        for (time_left, waited) in [(DRAIN_LIMIT / 2, DRAIN_LIMIT / 2), (HOUR, DRAIN_LIMIT)] {
            let began = Instant::now();
            refused(&drains, began + time_left).await;
            let took = began.elapsed();
            assert!((waited..waited + DRAIN_LIMIT / 10).contains(&took), "{took:?} of {time_left:?}");
        }
        assert_eq!(drains.0.available_permits(), MAX_DRAINS, "who leaves gives the place back");
    }

    #[actix_web::test]
    async fn no_more_bodies_are_waited_for_than_there_are_places() {
        let (drains, in_time) = (Data::new(Drains::default()), Instant::now() + HOUR);
        let mut waiting: Vec<_> = (0..MAX_DRAINS).map(|_| Box::pin(refused(&drains, in_time))).collect();
        assert!(waiting.iter_mut().all(|waiting| !at_once(waiting.as_mut())));
        assert!(at_once(refused(&drains, in_time)), "there is no place");
        waiting.pop();
        assert!(!at_once(refused(&drains, in_time)), "there is one again");
    }
}
