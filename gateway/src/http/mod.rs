//! HTTP's side of a request: routes, bodies, answers, the description of the API.

pub(crate) mod answer;
pub(crate) mod body;
#[cfg(test)]
pub(crate) mod fuzz;
mod incoming;
pub(crate) mod openapi;
mod pieces;
pub(crate) mod routes;
mod spare;
pub(crate) mod trace;

pub(crate) use spare::SpareHeaders;
