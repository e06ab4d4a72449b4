//! SHA-256 of a text.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Operation;

/// `POST /hash {"data":"…"}` → `{"hash":"…","id":"…"}`.
#[derive(Debug)]
pub struct Hash;

/// The text to hash.
#[derive(Debug, Serialize, Deserialize)]
pub struct HashInput<'a> {
    #[serde(borrow)]
    data: Cow<'a, str>,
}

/// Its hash, lower-case hexadecimal.
#[derive(Debug, Serialize, Deserialize)]
pub struct HashOutput<'a> {
    #[serde(borrow)]
    hash: Cow<'a, str>,
}

impl Operation for Hash {
    const NAME: &'static str = "hash";
    const PATH: &'static str = "/hash";
    const SUMMARY: &'static str = "SHA-256 of the UTF-8 bytes of `data`";

    type Input<'a> = HashInput<'a>;
    type Output<'a> = HashOutput<'a>;

    fn input_schema() -> Value {
        json!({
            "type": "object",
            "required": ["data"],
            "properties": { "data": { "type": "string", "description": "The text to hash." } },
        })
    }

    fn output_schema() -> Value {
        json!({
            "type": "object",
            "required": ["hash"],
            "properties": {
                "hash": { "type": "string", "pattern": "^[0-9a-f]{64}$", "description": "Lower-case hexadecimal." },
            },
        })
    }

    fn example() -> Value {
        json!({ "data": "hello world" })
    }
}
