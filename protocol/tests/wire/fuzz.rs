//! Records that anybody may have written. An input is lines `name: value` of headers, the record's key among them as
//! `key`, and behind a line of two hyphens its value.

use fuzz::{Target, parts, split};
use protocol::{
    CorrelationId, Deadline, ErrorCode, Headers, Reply, ReplyPartition, Request, header, reply_correlation,
};
use serde_json::Value;

use crate::{Data, hash};

struct Record<'a> {
    key: Option<&'a [u8]>,
    value: Option<&'a [u8]>,
    headers: Headers,
}

fn record(input: &[u8]) -> Record<'_> {
    let [head, value] = parts(input);
    let mut record = Record { key: None, value: Some(value), headers: Headers::new() };
    for line in head.split(|&byte| byte == b'\n') {
        let Some((name, value)) = split(line, b": ") else { continue };
        match name {
            b"key" => record.key = Some(value),
            b"null" => record.value = None,
            _ => drop(record.headers.insert(String::from_utf8_lossy(name).into_owned(), value.to_vec())),
        }
    }
    record
}

#[test]
fn fuzz_request() {
    Target::new("request").run(|input| {
        let record = record(input);
        let replies = match Request::decode(record.key, record.value, &record.headers) {
            Ok(request) => {
                // Most inputs are no object with that field; whatever they are, it is said.
                if let Err(error) = request.payload::<Data>() {
                    assert!(!error.to_string().is_empty());
                }
                let reply = request.reply(&hash("00")).expect("an output of one field fits");
                let error = request.error_reply(ErrorCode::Rejected, "not today");
                Some((request.return_address(), Some(reply), error, ErrorCode::Rejected))
            }
            Err(error) => {
                assert!(!error.to_string().is_empty());
                let code = error.code();
                error.return_address.map(|address| {
                    let reply = address.error_reply(code, "no request");
                    (address, None, reply, code)
                })
            }
        };
        let Some((address, reply, error, code)) = replies else { return };
        // Whoever asked finds its answer, whatever it wrote.
        for reply in reply.iter().chain([&error]) {
            let found = reply_correlation(None, reply.value.as_deref(), &reply.headers);
            assert_eq!(found.expect("an id").as_bytes(), address.correlation_id);
        }
        let read = Reply::decode(&address.id, error.value.as_deref(), &error.headers).expect("our own reply");
        assert_eq!(read.error().map(|error| error.code.as_str()), Some(code.as_str()));
        if let Some(reply) = reply {
            let read =
                Reply::decode(&address.id, reply.value.as_deref(), &reply.headers).expect("our own reply");
            assert_eq!(read.output::<crate::Hash>(), Ok(hash("00")));
        }
    });
}

#[test]
fn fuzz_reply() {
    Target::new("reply").run(|input| {
        let record = record(input);
        let id = reply_correlation(record.key, record.value, &record.headers);
        let id = id.map_or_else(String::new, |id| id.to_text().into_owned());
        match Reply::decode(&id, record.value, &record.headers) {
            Err(error) => assert!(!error.to_string().is_empty()),
            Ok(reply) => match (reply.error(), reply.output::<Value>()) {
                (Some(error), output) => {
                    assert!(output.is_err(), "an error is no output");
                    assert!(error.message.len() <= protocol::code::MAX_MESSAGE_BYTES);
                    assert!(error.code.len() <= protocol::code::MAX_MESSAGE_BYTES);
                }
                (None, Ok(output)) => assert!(output.is_object(), "an envelope is an object"),
                (None, Err(error)) => assert!(!error.to_string().is_empty()),
            },
        }
    });
}

#[test]
fn fuzz_header_values() {
    Target::new("header-values").run(|value| {
        match Deadline::decode(value) {
            Ok(deadline) => assert_eq!(Deadline::decode(&deadline.encode()), Ok(deadline)),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
        if let Ok(ReplyPartition { partition, .. }) = ReplyPartition::decode(value) {
            let again = ReplyPartition::decode(&ReplyPartition::encode_binary(partition));
            assert_eq!(again.map(|read| read.partition), Ok(partition));
            assert!((0..=header::MAX_PARTITION).contains(&partition));
        }
        if let Some(id) = CorrelationId::parse(value) {
            assert_eq!(CorrelationId::parse(id.as_text().as_bytes()).map(|read| read.tag()), Some(id.tag()));
        }
    });
}
