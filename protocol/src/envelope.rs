//! Reading the envelope: what requests and replies have in common, and nothing of the payload.
//!
//! The version is judged before the types of the other fields, since another version may give them other types. Fields
//! that nobody asks for are skipped without recursion, however deep they are.

use std::borrow::Cow;
use std::fmt;

use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Number;
use serde_json::value::RawValue;

/// The version of the envelopes that this crate writes.
pub const VERSION: u64 = 1;

/// The versions that it reads.
pub const SUPPORTED_VERSIONS: &[u64] = &[VERSION];

/// A value that is an envelope of a known version.
pub(crate) struct Envelope<'a> {
    /// `None` if absent or empty.
    pub(crate) id: Option<Cow<'a, str>>,
    pub(crate) operation: Field<'a>,
    pub(crate) error: Option<&'a RawValue>,
    /// All of it: one JSON object, for the payload to be read from.
    pub(crate) body: &'a str,
}

/// A value that is none, with the id in it if that much can be read.
pub(crate) struct Unfit<'a> {
    pub(crate) id: Option<Cow<'a, str>>,
    pub(crate) reason: UnfitReason,
}

pub(crate) enum UnfitReason {
    Malformed(String),
    /// With the version as it was written.
    UnknownVersion(String),
}

impl<'a> Envelope<'a> {
    pub(crate) fn read(value: Option<&'a [u8]>) -> Result<Self, Unfit<'a>> {
        let malformed = |detail: String| Unfit { id: None, reason: UnfitReason::Malformed(detail) };
        let value = value.ok_or_else(|| malformed("there is no value".into()))?;
        let body = str::from_utf8(value).map_err(|error| malformed(error.to_string()))?;
        // Where serde expects a struct it takes an array as well.
        if !body.trim_ascii_start().starts_with('{') {
            return Err(malformed("not a JSON object".into()));
        }
        let fields: Fields<'a> = serde_json::from_str(body).map_err(|error| malformed(error.to_string()))?;
        fields.judge(body)
    }
}

#[derive(Deserialize)]
struct Fields<'a> {
    #[serde(borrow, default)]
    version: Field<'a>,
    #[serde(borrow, default)]
    id: Field<'a>,
    #[serde(borrow, default)]
    operation: Field<'a>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
}

impl<'a> Fields<'a> {
    fn judge(self, body: &'a str) -> Result<Envelope<'a>, Unfit<'a>> {
        let (id, id_is_text) = match self.id {
            Field::Absent => (None, true),
            Field::Text(id) => (Some(id).filter(|id| !id.is_empty()), true),
            Field::Number(_) | Field::Other => (None, false),
        };
        let reason = match self.version {
            Field::Number(version) if !is_supported(&version) => {
                UnfitReason::UnknownVersion(version.to_string())
            }
            Field::Text(_) | Field::Other => UnfitReason::Malformed("`version` is not a number".into()),
            Field::Absent | Field::Number(_) if !id_is_text => {
                UnfitReason::Malformed("`id` is not a string".into())
            }
            Field::Absent | Field::Number(_) => {
                return Ok(Envelope { id, operation: self.operation, error: self.error, body });
            }
        };
        Err(Unfit { id, reason })
    }
}

fn is_supported(version: &Number) -> bool {
    version.as_u64().is_some_and(|version| SUPPORTED_VERSIONS.contains(&version))
}

/// A field of the envelope before its type is judged.
#[derive(Default)]
pub(crate) enum Field<'a> {
    /// Or null: whoever writes all fields that they know means the same by it.
    #[default]
    Absent,
    Text(Cow<'a, str>),
    Number(Number),
    Other,
}

impl<'de: 'a, 'a> Deserialize<'de> for Field<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FieldVisitor)
    }
}

struct FieldVisitor;

impl<'de> Visitor<'de> for FieldVisitor {
    type Value = Field<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a field of the envelope")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Field::Absent)
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Field::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Field::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Field::Number(number.into()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Field::Number(number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Number::from_f64(number).map_or(Field::Other, Field::Number))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Field::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Field::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Field::Other)
    }
}
