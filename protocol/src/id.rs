//! Correlation ids of our own: UUIDs of version 8 whose first four bytes are the maker's tag.
//!
//! ```text
//!   tag (4 bytes)          random, but for the bits of version and variant
//!   ───┬────
//!   9f3a01c4-6e0b-8d21-a7f4-0c9b1e55d310
//! ```
//! A reader of a shared reply partition tells its own replies by the tag alone, before any look-up.

use std::fmt;
use std::ops::Deref;

use serde::{Serialize, Serializer};
use uuid::Uuid;

/// Four random bytes that all ids of one maker begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tag([u8; 4]);

impl Tag {
    /// A new tag. Two makers share one by chance once in 4 billion pairs; then they only count each other's replies as
    /// unknown.
    pub fn random() -> Self {
        Self::from(leading(Uuid::new_v4()))
    }
}

impl From<[u8; 4]> for Tag {
    fn from(bytes: [u8; 4]) -> Self {
        Self(bytes)
    }
}

/// A correlation id: made by us, or at least written like one of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CorrelationId(Uuid);

impl CorrelationId {
    /// A new id with this tag and 90 random bits.
    pub fn random(tag: Tag) -> Self {
        let mut bytes = Uuid::new_v4().into_bytes();
        bytes[..4].copy_from_slice(&tag.0);
        Self(Uuid::new_v8(bytes))
    }

    /// Reads the 36 bytes of text that an id of ours has on the wire; `None` for anything else.
    pub fn parse(text: &[u8]) -> Option<Self> {
        // Of the forms that the parser takes, only the hyphenated one has this length.
        (text.len() == 36).then(|| Uuid::try_parse_ascii(text).ok()).flatten().map(Self)
    }

    /// The first four bytes.
    pub fn tag(&self) -> Tag {
        Tag(leading(self.0))
    }

    /// The last 62 bits, all of which are random in an id of ours.
    pub(crate) fn tail(&self) -> u64 {
        let (_, half) = self.0.as_u64_pair();
        half & (u64::MAX >> 2)
    }

    /// The id as it is written on the wire, without an allocation.
    pub fn as_text(&self) -> IdText {
        let mut text = [0; 36];
        self.0.hyphenated().encode_lower(&mut text);
        IdText(text)
    }
}

impl fmt::Display for CorrelationId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(formatter)
    }
}

impl Serialize for CorrelationId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.as_text())
    }
}

/// The 36 characters of an id: lower-case hexadecimal with hyphens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdText([u8; 36]);

impl Deref for IdText {
    type Target = str;

    fn deref(&self) -> &str {
        str::from_utf8(&self.0).expect("digits and hyphens are ASCII")
    }
}

fn leading(id: Uuid) -> [u8; 4] {
    let [a, b, c, d, ..] = id.into_bytes();
    [a, b, c, d]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_version_8_uuid_that_begins_with_the_tag() {
        let tag = Tag::from([0x9f, 0x3a, 0x01, 0xc4]);
        let id = CorrelationId::random(tag);
        assert_eq!(id.tag(), tag);
        assert!(id.as_text().starts_with("9f3a01c4-"));
        assert_eq!(id.0.get_version_num(), 8);
        assert_eq!(id.0.get_variant(), uuid::Variant::RFC4122);
        assert_ne!(id, CorrelationId::random(tag));
    }

    #[test]
    fn the_tail_is_what_stands_behind_the_variant() {
        let id = CorrelationId::parse(b"9f3a01c4-6e0b-8d21-a7f4-0c9b1e55d310").unwrap();
        assert_eq!(id.tail(), 0x27f4_0c9b_1e55_d310);
    }

    #[test]
    fn text_and_id_are_the_same_thing() {
        let id = CorrelationId::random(Tag::random());
        assert_eq!(CorrelationId::parse(id.as_text().as_bytes()), Some(id));
        assert_eq!(id.to_string(), &*id.as_text());
        assert_eq!(serde_json::to_string(&id).unwrap(), format!("\"{id}\""));
    }

    #[test]
    fn only_the_hyphenated_text_is_an_id() {
        let id = CorrelationId::random(Tag::random());
        let simple = id.0.simple().to_string();
        let urn = id.0.urn().to_string();
        let binary = id.0.into_bytes();
        for other in [&b""[..], b"test-123", simple.as_bytes(), urn.as_bytes(), &binary, &[0xff; 36]] {
            assert_eq!(CorrelationId::parse(other), None, "{other:?}");
        }
    }
}
