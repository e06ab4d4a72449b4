//! Operations made of a closure, for tests and trials; a real one has a type and a file of its own.

use std::fmt;
use std::marker::PhantomData;

use protocol::request::PayloadError;
use protocol::{ReplyRecord, Request};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::erased::{Erased, Unanswered, answer};
use super::{Cost, HandlerError};

/// A closure with a name.
pub(super) struct Function<I, F> {
    pub(super) name: &'static str,
    pub(super) cost: Cost,
    pub(super) handle: F,
    pub(super) input: PhantomData<fn(I)>,
}

impl<I, O, F> Erased for Function<I, F>
where
    I: DeserializeOwned,
    O: Serialize,
    F: Fn(I) -> Result<O, HandlerError> + Send + Sync,
{
    fn name(&self) -> &'static str {
        self.name
    }

    fn cost(&self) -> Cost {
        self.cost
    }

    fn takes(&self, request: &Request<'_>) -> Result<(), PayloadError> {
        request.payload::<I>().map(drop)
    }

    fn answer(&self, request: &Request<'_>) -> Result<ReplyRecord, Unanswered> {
        answer(request, &self.handle)
    }
}

impl<I, F> fmt::Debug for Function<I, F> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Function")
            .field("name", &self.name)
            .field("cost", &self.cost)
            .finish_non_exhaustive()
    }
}
