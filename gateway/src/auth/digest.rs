//! The digest of what callers show, by which they are looked up.
//!
//! A map answers sooner or later by what it holds, and may do so here. Who measures that learns something of the digests
//! in it, and nobody gets from a digest to what it is of. Nor can anybody steer towards one: what is sent decides its
//! digest only through SHA-256, and the map's own hash has keys that nobody outside knows. So no look-up compares what
//! was sent with anything that is secret, and none takes longer for having many callers.

use std::fmt;

use sha2::{Digest as _, Sha256};

/// SHA-256 of a key or a token.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Digest([u8; 32]);

impl Digest {
    /// The one of `secret`.
    pub(super) fn of(secret: &str) -> Self {
        Self(Sha256::digest(secret).into())
    }

    /// The one that 64 hexadecimal digits write.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut digest = [0; 32];
        hex::decode_to_slice(text, &mut digest).ok()?;
        Some(Self(digest))
    }

    /// In lower-case hexadecimal digits, as files of keys hold it.
    pub(super) fn hexadecimal(self) -> String {
        hex::encode(self.0)
    }
}

/// Of a token it is good for nothing, of a weak key for guessing; so it is shown nowhere but where it is asked for.
impl fmt::Debug for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Digest(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_sha_256_and_its_digits_are_read_again() {
        let digest = Digest::of("hello world");
        let digits = "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9";
        assert_eq!(digest.hexadecimal(), digits);
        assert_eq!(Digest::parse(digits), Some(digest));
        assert_eq!(Digest::parse(&digits.to_uppercase()), Some(digest));
        for wrong in ["", &digits[1..], &digits.replace('b', "g"), &"é".repeat(32)] {
            assert_eq!(Digest::parse(wrong), None, "{wrong}");
        }
        assert_eq!(format!("{digest:?}"), "Digest(…)");
    }
}
