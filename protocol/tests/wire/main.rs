//! The wire contract, row by row, and what holds for any record at all.

mod fuzz;
mod properties;
mod reply;
mod request;

use protocol::Headers;
use serde::{Deserialize, Serialize};

/// A payload such as the hash operation's.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Data {
    data: String,
}

/// An output such as the hash operation's.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Hash {
    hash: String,
}

fn data(text: &str) -> Data {
    Data { data: text.to_owned() }
}

fn hash(text: &str) -> Hash {
    Hash { hash: text.to_owned() }
}

fn headers<const N: usize>(headers: [(&str, &[u8]); N]) -> Headers {
    headers.map(|(name, value)| (name.to_owned(), value.to_vec())).into()
}

/// `[[[…]]]`, deep enough to overflow any stack that takes one frame a level.
fn nested(depth: usize) -> String {
    "[".repeat(depth) + &"]".repeat(depth)
}

/// Spring's correlation id: 16 bytes, no text.
const SPRINGS_ID: [u8; 16] =
    [0x9f, 0x3a, 0x01, 0xc4, 0x6e, 0x0b, 0x4d, 0x21, 0xa7, 0xf4, 0x0c, 0x9b, 0x1e, 0x55, 0xd3, 0x10];
