//! What callers can ask for. One file an operation: its path, its input, its output and their description.
//!
//! The input's fields travel as they are beside `version` and `id` in the request's value, and the output's fields
//! come back beside them in the reply's; nothing else in this crate knows what is in either.

mod hash;

use actix_web::web::ServiceConfig;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use hash::Hash;

use crate::http::routes;

/// One thing that workers can do for HTTP callers.
pub trait Operation: 'static {
    /// The operation's name on the wire; the worker's side carries the same.
    const NAME: &'static str;
    /// Where callers reach it.
    const PATH: &'static str;
    /// One line for the description of the API.
    const SUMMARY: &'static str;

    /// What the caller sends, as a JSON object. Unknown fields are ignored and travel no further.
    type Input<'a>: Deserialize<'a> + Serialize;
    /// What the worker answers, as a JSON object.
    type Output<'a>: Deserialize<'a> + Serialize;

    /// JSON Schema of the input.
    fn input_schema() -> Value;
    /// JSON Schema of the output; the answer has an `id` beside it.
    fn output_schema() -> Value;
    /// An input that works, for the description and its tests.
    fn example() -> Value;
}

/// An operation as the description of the API sees it.
pub(crate) struct Described {
    pub(crate) name: &'static str,
    pub(crate) path: &'static str,
    pub(crate) summary: &'static str,
    pub(crate) input: Value,
    pub(crate) output: Value,
    pub(crate) example: Value,
}

fn described<O: Operation>() -> Described {
    Described {
        name: O::NAME,
        path: O::PATH,
        summary: O::SUMMARY,
        input: O::input_schema(),
        output: O::output_schema(),
        example: O::example(),
    }
}

/// Every operation, for the description.
pub(crate) fn all() -> Vec<Described> {
    vec![described::<Hash>()]
}

/// Every operation, for the server.
pub(crate) fn configure(config: &mut ServiceConfig) {
    routes::serve::<Hash>(config);
}
