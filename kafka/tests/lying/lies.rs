//! Lies that can be told about any answer.

use std::sync::Arc;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion};

use crate::liar::{Asked, Lie, Told, framed};

/// Bytes of the correlation id, which comes first.
const ID: usize = 4;

/// What is told instead of an answer.
pub(crate) type Instead = fn(Asked, Bytes) -> Told;

/// Lies that need not know what they are about.
pub(crate) const OF_ANYTHING: &[(&str, Instead)] = &[
    ("it ends half way, and so does the connection", |_, answer| {
        let frame = framed(&answer);
        Told::Last(frame.slice(..frame.len() / 2))
    }),
    ("a frame of half of it", |_, answer| Told::Frame(answer.slice(..ID.max(answer.len() / 2)))),
    ("a frame of 2 GB is announced", |_, answer| {
        Told::Bytes([&i32::MAX.to_be_bytes()[..], &answer].concat().into())
    }),
    ("a frame of 60 MB is announced", |_, answer| {
        Told::Bytes([&60_000_000_i32.to_be_bytes()[..], &answer].concat().into())
    }),
    // More than that no answer without records may have.
    ("a frame of 8 MB is announced", |_, answer| {
        Told::Bytes([&8_000_000_i32.to_be_bytes()[..], &answer].concat().into())
    }),
    ("a frame of less than nothing", |_, answer| {
        Told::Bytes([&(-1_i32).to_be_bytes()[..], &answer].concat().into())
    }),
    ("a frame without room for an id", |_, answer| Told::Frame(answer.slice(..ID - 1))),
    ("the answer to another question", |_, answer| {
        let id = answer.clone().get_i32().wrapping_add(1);
        Told::Frame([&id.to_be_bytes()[..], &answer[ID..]].concat().into())
    }),
    ("every length is two thousand million", |_, answer| filled(&answer, 0x7f)),
    ("every length is below zero", |_, answer| filled(&answer, 0xff)),
    ("everything is nothing", |_, answer| filled(&answer, 0)),
    ("twice", |_, answer| Told::Bytes([framed(&answer), framed(&answer)].concat().into())),
    ("with bytes behind it", |_, answer| Told::Frame([&answer[..], &[1, 2, 3]].concat().into())),
    ("one byte after the other", |_, answer| Told::Drip(framed(&answer))),
    ("nothing at all", |_, _| Told::Bytes(Bytes::new())),
    ("the connection ends", |_, _| Told::Last(Bytes::new())),
];

fn filled(answer: &Bytes, byte: u8) -> Told {
    let mut body = BytesMut::from(&answer[..ID]);
    body.put_bytes(byte, answer.len() - ID);
    Told::Frame(body.freeze())
}

/// The answer as `change` makes it.
pub(crate) fn rewritten<A: Decodable + Encodable + HeaderVersion + 'static>(
    change: impl Fn(&mut A) + Send + Sync + 'static,
) -> Lie {
    Arc::new(move |asked, answer| {
        let header = ID + usize::from(A::header_version(asked.version) > 0);
        let mut body = answer.slice(header..);
        let mut response = A::decode(&mut body, asked.version).expect("the broker tells the truth");
        change(&mut response);
        let mut told = BytesMut::from(&answer[..header]);
        response.encode(&mut told, asked.version).expect("it can be told");
        Told::Frame(told.freeze())
    })
}
