//! Room for headers, which no request keeps while it waits for its reply.
//!
//! Over HTTP/1.1 the server makes room for 28 headers in every head, 6.7 KB, and holds the head until its request is
//! answered. It has some hundred of them at hand; beyond that each request gets a new one. With a thousand that wait these
//! are 7 MB. (Over HTTP/2 each request brings a map of its own, and one that is given back is thrown away.)

use std::cell::RefCell;
use std::mem;

use actix_web::dev::ServiceRequest;
use actix_web::http::header::HeaderMap;

/// Most that are kept: as many as the server keeps heads, which get theirs from here.
const MAX_SPARE: usize = 128;

/// Emptied header maps of one thread.
#[derive(Default)]
pub(crate) struct SpareHeaders(RefCell<Vec<HeaderMap>>);

impl SpareHeaders {
    /// Takes the headers from a request of which nobody reads them any more.
    pub(crate) fn take_from(&self, request: &mut ServiceRequest) {
        let mut headers = mem::take(request.headers_mut());
        // Their values hold on to what was read from the connection.
        headers.clear();
        let mut spare = self.0.borrow_mut();
        if spare.len() < MAX_SPARE {
            spare.push(headers);
        }
    }

    /// Gives the head of a request that is answered room for the headers of the one that the server uses it for next.
    pub(crate) fn give_to(&self, request: &mut ServiceRequest) {
        if let Some(headers) = self.0.borrow_mut().pop() {
            *request.headers_mut() = headers;
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn request() -> ServiceRequest {
        TestRequest::default().insert_header(("x-name", "value")).to_srv_request()
    }

    #[test]
    fn room_goes_from_one_request_to_the_next_without_its_headers() {
        let spare = SpareHeaders::default();
        let (mut first, mut second) = (request(), request());
        let room = first.headers().capacity();
        spare.take_from(&mut first);
        assert_eq!((first.headers().len(), first.headers().capacity()), (0, 0));
        spare.give_to(&mut second);
        assert_eq!((second.headers().len(), second.headers().capacity()), (0, room));
        spare.give_to(&mut first);
        assert_eq!(first.headers().capacity(), 0, "there is none left");
    }

    #[test]
    fn no_more_is_kept_than_the_server_can_use() {
        let spare = SpareHeaders::default();
        for _ in 0..MAX_SPARE + 10 {
            spare.take_from(&mut request());
        }
        assert_eq!(spare.0.borrow().len(), MAX_SPARE);
    }
}
