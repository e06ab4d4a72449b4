//! Bodies as they arrive, and answers to requests whose bodies nobody reads to their end.
//!
//! The server throws away what still comes of a chunked body that was dropped, for as long as it comes, which a caller can
//! make for ever. A body that is kept until its answer is out makes it close the connection instead, soon after the
//! answer and not before it was sent, as it does where a length was announced. Whatever has arrived by then is read,
//! so that a refusal of a small request costs nobody a connection.
//!
//! Over HTTP/2 it is the stream that is ended after the answer, and there are clients, curl 7.88 among them, that take an
//! answer before the end of their body for an error. So what may come anyway is read first, within bounds.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::error::PayloadError;
use actix_web::http::Version;
use actix_web::web::{Bytes, Payload};
use actix_web::{HttpRequest, HttpResponse};
use futures::{FutureExt as _, StreamExt as _};
use tokio::time::timeout;

/// Most of a body that is read for nothing over HTTP/1.1, in bytes: a crowd that is turned away should not keep us busy.
const MAX_WASTED_BYTES: usize = 64 * 1024;

/// The same over HTTP/2, where a client may send so much before it has to ask.
const MAX_DRAINED_BYTES: usize = 1024 * 1024;

/// Longest time for that.
const DRAIN_LIMIT: Duration = Duration::from_secs(1);

/// A request's body as it arrives.
pub(crate) struct Incoming {
    payload: Payload,
    /// Nothing of it is to come any more: all of it was read, or it broke off.
    has_ended: bool,
}

impl Incoming {
    pub(crate) fn new(payload: Payload) -> Self {
        Self { payload, has_ended: false }
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
            self.drain().await;
        } else {
            self.take_what_is_there().await;
        }
        if self.has_ended || http.version() == Version::HTTP_2 {
            return response;
        }
        response.map_body(|_, body| BoxBody::new(Answer { body, _unread: self.payload }))
    }

    /// Reads to the end, or until it is too much or takes too long.
    async fn drain(&mut self) {
        // Whoever is slower is answered before the end.
        let _ = timeout(DRAIN_LIMIT, self.waste(MAX_DRAINED_BYTES)).await;
    }

    /// Reads what has arrived, without waiting for more.
    async fn take_what_is_there(&mut self) {
        if self.waste(MAX_WASTED_BYTES).now_or_never().is_none() {
            // The server may have looked at no more than the head yet.
            tokio::task::yield_now().await;
            self.waste(MAX_WASTED_BYTES).now_or_never();
        }
    }

    /// Reads to the end, or until it is more than `room` bytes.
    async fn waste(&mut self, mut room: usize) {
        while !self.has_ended
            && let Some(Ok(piece)) = self.next().await
        {
            match room.checked_sub(piece.len()) {
                Some(rest) => room = rest,
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
