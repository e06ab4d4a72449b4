//! The tools of the worker's program, run as a person runs them, against a broker over sockets.

mod check;
mod dead_letters;
mod offsets;
mod stand;
