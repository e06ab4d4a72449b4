//! HTTP's side of a request: routes, bodies, answers, the description of the API.

pub(crate) mod answer;
pub(crate) mod body;
#[cfg(test)]
pub(crate) mod fuzz;
mod incoming;
pub(crate) mod openapi;
mod pieces;
pub(crate) mod routes;
pub(crate) mod trace;
