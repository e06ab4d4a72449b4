//! What callers can ask for. One file an operation: its path, its input, its output and their description.
//!
//! The input's fields travel as they are beside `version` and `id` in the request's value, and the output's fields
//! come back beside them in the reply's; nothing else in this crate knows what is in either.

mod hash;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use hash::Hash;

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

/// Is shown every operation, to serve it or to describe it.
pub(crate) trait Visitor {
    /// One operation.
    fn visit<O: Operation>(&mut self);
}

/// Shows every operation. This is the one list of them.
pub(crate) fn each(visitor: &mut impl Visitor) {
    visitor.visit::<Hash>();
}
