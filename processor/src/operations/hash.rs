//! SHA-256 of a text.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{HandlerError, Operation};

/// `{"data":"…"}` → `{"hash":"…"}`.
#[derive(Debug, Clone, Copy)]
pub struct Hash;

/// The text to hash.
#[derive(Debug, Deserialize)]
pub struct HashInput<'a> {
    /// Any text, the empty one included.
    #[serde(borrow)]
    pub data: Cow<'a, str>,
}

/// Its hash.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct HashOutput {
    /// SHA-256 of the text's UTF-8 bytes, in lower-case hexadecimal.
    pub hash: String,
}

impl Operation for Hash {
    const NAME: &'static str = "hash";

    type Input<'a> = HashInput<'a>;
    type Output = HashOutput;

    fn handle(&self, input: HashInput<'_>) -> Result<HashOutput, HandlerError> {
        let mut text = [0; 64];
        // Into a slice: as a `String`, `hex` collects it character by character, which takes as long as the hash itself.
        hex::encode_to_slice(Sha256::digest(input.data.as_bytes()), &mut text)
            .expect("32 bytes are 64 digits");
        Ok(HashOutput { hash: str::from_utf8(&text).expect("digits are ASCII").to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash_of(data: &str) -> String {
        Hash.handle(HashInput { data: data.into() }).unwrap().hash
    }

    #[test]
    fn published_test_vectors() {
        assert_eq!(hash_of(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(hash_of("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(
            hash_of("hello world"),
            "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9"
        );
    }

    #[test]
    fn it_hashes_the_utf8_bytes_of_the_text_not_its_json() {
        let input: HashInput<'_> = serde_json::from_str(r#"{"data":"\u00e9\n"}"#).unwrap();
        assert_eq!(input.data, "é\n");
        assert_eq!(Hash.handle(input).unwrap().hash, hex::encode(Sha256::digest([0xc3, 0xa9, b'\n'])));
    }
}
