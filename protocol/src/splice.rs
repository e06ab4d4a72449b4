//! Writing a payload's fields into an envelope that has begun, with no value in between and no second buffer.
//!
//! ```text
//!   {"version":1,"id":"…"                      the envelope so far
//!                        ,"data":"…"           each field of the payload, as the payload serializes
//!                                   }          the caller ends it
//! ```
//! So the payload must be a struct or a map, and may not use the names of the envelope.

use std::fmt;

use serde::Serialize;
use serde::ser::{Error, Impossible, SerializeMap, SerializeStruct, Serializer};

/// Names that belong to the envelope, in both directions.
const RESERVED: [&str; 4] = ["version", "id", "operation", "error"];

/// What cannot be put into an envelope.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// It does not serialize to a JSON object with text for keys.
    #[error("the payload is not a JSON object")]
    NotAnObject,
    /// It has a field that belongs to the envelope.
    #[error("the payload may not have a field `{0}`: it belongs to the envelope")]
    Reserved(&'static str),
    /// Its `Serialize` gave up.
    #[error("the payload does not serialize: {0}")]
    Refused(String),
    /// One of its fields does not serialize to JSON.
    #[error("a field of the payload does not serialize to JSON")]
    Field(#[from] serde_json::Error),
}

impl Error for EncodeError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Refused(message.to_string())
    }
}

/// Appends `,"name":value` to `out` for each field of the payload.
pub(crate) fn splice(out: &mut Vec<u8>, payload: &impl Serialize) -> Result<(), EncodeError> {
    payload.serialize(Fields { out })
}

/// Appends the JSON string of `text`, which mostly is a name or an id and as such has nothing to escape.
pub(crate) fn push_text(out: &mut Vec<u8>, text: &str) {
    // No early end, so that the compiler takes many bytes at once.
    let is_plain =
        text.bytes().fold(true, |plain, byte| plain & (byte >= b' ' && byte != b'"' && byte != b'\\'));
    if is_plain {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    } else {
        serde_json::to_writer(out, text).expect("text into memory always serializes");
    }
}

fn reserved(name: &str) -> Result<(), EncodeError> {
    RESERVED
        .into_iter()
        .find(|&reserved| reserved == name)
        .map_or(Ok(()), |name| Err(EncodeError::Reserved(name)))
}

/// Takes the outermost level of a payload apart, and leaves all below it to serde_json.
struct Fields<'a> {
    out: &'a mut Vec<u8>,
}

impl SerializeStruct for Fields<'_> {
    type Ok = ();
    type Error = EncodeError;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), EncodeError> {
        reserved(name)?;
        self.out.push(b',');
        push_text(self.out, name);
        self.out.push(b':');
        Ok(serde_json::to_writer(&mut *self.out, value)?)
    }

    fn end(self) -> Result<(), EncodeError> {
        Ok(())
    }
}

impl SerializeMap for Fields<'_> {
    type Ok = ();
    type Error = EncodeError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), EncodeError> {
        self.out.push(b',');
        let start = self.out.len();
        serde_json::to_writer(&mut *self.out, key)?;
        match &self.out[start..] {
            // None of the reserved names has a character that JSON escapes.
            [b'"', name @ .., b'"'] => str::from_utf8(name).map_or(Ok(()), reserved)?,
            _ => return Err(EncodeError::NotAnObject),
        }
        self.out.push(b':');
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        Ok(serde_json::to_writer(&mut *self.out, value)?)
    }

    fn end(self) -> Result<(), EncodeError> {
        Ok(())
    }
}

/// Methods of a serializer whose value is no object.
macro_rules! not_an_object {
    ($($method:ident($($argument:ty),*) -> $ok:ty;)*) => {
        $(fn $method(self, $(_: $argument),*) -> Result<$ok, EncodeError> { Err(EncodeError::NotAnObject) })*
    };
}

impl Serializer for Fields<'_> {
    type Ok = ();
    type Error = EncodeError;
    type SerializeSeq = Impossible<(), EncodeError>;
    type SerializeTuple = Impossible<(), EncodeError>;
    type SerializeTupleStruct = Impossible<(), EncodeError>;
    type SerializeTupleVariant = Impossible<(), EncodeError>;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Impossible<(), EncodeError>;

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Self, EncodeError> {
        // serde_json's raw values pose as a struct of this name; only its own serializer sees through them.
        if name.starts_with("$serde_json::private::") { Err(EncodeError::NotAnObject) } else { Ok(self) }
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self, EncodeError> {
        Ok(self)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), EncodeError> {
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), EncodeError> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), EncodeError> {
        Err(EncodeError::NotAnObject)
    }

    not_an_object! {
        serialize_bool(bool) -> ();
        serialize_i8(i8) -> ();
        serialize_i16(i16) -> ();
        serialize_i32(i32) -> ();
        serialize_i64(i64) -> ();
        serialize_u8(u8) -> ();
        serialize_u16(u16) -> ();
        serialize_u32(u32) -> ();
        serialize_u64(u64) -> ();
        serialize_f32(f32) -> ();
        serialize_f64(f64) -> ();
        serialize_char(char) -> ();
        serialize_str(&str) -> ();
        serialize_bytes(&[u8]) -> ();
        serialize_none() -> ();
        serialize_unit() -> ();
        serialize_unit_struct(&'static str) -> ();
        serialize_unit_variant(&'static str, u32, &'static str) -> ();
        serialize_seq(Option<usize>) -> Self::SerializeSeq;
        serialize_tuple(usize) -> Self::SerializeTuple;
        serialize_tuple_struct(&'static str, usize) -> Self::SerializeTupleStruct;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Self::SerializeTupleVariant;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> Self::SerializeStructVariant;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn spliced(payload: &impl Serialize) -> Result<String, EncodeError> {
        let mut out = Vec::new();
        splice(&mut out, payload)?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[derive(Serialize)]
    struct Payload<'a> {
        data: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        count: Option<u32>,
    }

    #[derive(Serialize)]
    struct Wrapped<T>(T);

    #[derive(Serialize)]
    enum Either {
        Left { data: u8 },
    }

    #[test]
    fn fields_are_appended_in_their_order() {
        let payload = Payload { data: "a\"b\n", count: Some(3) };
        assert_eq!(spliced(&payload).unwrap(), r#","data":"a\"b\n","count":3"#);
        assert_eq!(spliced(&Payload { data: "", count: None }).unwrap(), r#","data":"""#);
        assert_eq!(spliced(&Some(Wrapped(&payload))).unwrap(), r#","data":"a\"b\n","count":3"#);
        let value = serde_json::json!({"a": {"id": 1}, "b": [null]});
        assert_eq!(spliced(&value).unwrap(), r#","a":{"id":1},"b":[null]"#);
        assert_eq!(spliced(&serde_json::json!({})).unwrap(), "");
    }

    #[test]
    fn the_names_of_the_envelope_are_refused() {
        #[derive(Serialize)]
        struct Clash {
            id: u8,
        }
        assert!(matches!(spliced(&Clash { id: 1 }), Err(EncodeError::Reserved("id"))));
        for name in RESERVED {
            let map = BTreeMap::from([(name, 1)]);
            assert!(matches!(spliced(&map), Err(EncodeError::Reserved(refused)) if refused == name));
        }
    }

    #[test]
    fn what_is_no_object_is_refused() {
        let raw = serde_json::value::RawValue::from_string("{}".into()).unwrap();
        for refused in [
            spliced(&1),
            spliced(&"text"),
            spliced(&[1, 2]),
            spliced(&(1, "x")),
            spliced(&()),
            spliced(&None::<u8>),
            spliced(&raw),
            spliced(&Either::Left { data: 1 }),
            spliced(&BTreeMap::from([(1, 2)])),
        ] {
            assert!(matches!(refused, Err(EncodeError::NotAnObject)), "{refused:?}");
        }
        let inner = BTreeMap::from([("data", BTreeMap::from([((1, 2), 3)]))]);
        assert!(matches!(spliced(&inner), Err(EncodeError::Field(_))));
    }
}
