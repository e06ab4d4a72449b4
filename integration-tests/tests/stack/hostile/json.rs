//! Documents that parsers disagree on, or break at.

use anyhow::{Result, ensure};
use futures::future::try_join_all;
use serde_json::Value;

use super::raw::{HEAD, Said, say};
use super::{Context, Target};

/// How deep a parser without a limit is sent, in one body.
const DEEP: usize = 300_000;

async fn send(target: &Target, body: &[u8]) -> Result<Said> {
    let head = format!("{HEAD}connection: close\r\ncontent-length: {}\r\n\r\n", body.len());
    say(&target.address, [head.as_bytes(), body].concat()).await
}

pub(super) async fn documents(context: Context) -> Result<()> {
    let target = Target::start(&context).await?;
    let deep = |open: &str, close: &str| {
        let levels = DEEP / open.len();
        format!(r#"{{"data":"x","more":{}1{}}}"#, open.repeat(levels), close.repeat(levels))
    };
    let bad: Vec<Vec<u8>> = vec![
        // As deep as a body can be: for nothing, and without an end.
        "[".repeat(DEEP).into(),
        r#"{"data":"#.repeat(DEEP / 8).into(),
        deep("[", "]").replace(']', "}").into(),
        format!(r#"{{"data":{}"#, "[".repeat(DEEP)).into(),
        // One name twice, also when it is written in two ways.
        br#"{"data":"x","data":"y"}"#.into(),
        br#"{"data":"x","dat\u0061":"y"}"#.into(),
        // Half a character.
        br#"{"data":"\ud800"}"#.into(),
        br#"{"data":"\udc00"}"#.into(),
        br#"{"data":"\udc00\ud800"}"#.into(),
        br#"{"data":"\ud800\u0041"}"#.into(),
        br#"{"data":"\ud800"#.into(),
        // Not UTF-8: alone, cut short, longer than need be, a surrogate, past the end, in a name, and another encoding.
        b"{\"data\":\"\xff\"}".into(),
        b"{\"data\":\"\xe2\x82\"}".into(),
        b"{\"data\":\"\xc0\xaf\"}".into(),
        b"{\"data\":\"\xed\xa0\x80\"}".into(),
        b"{\"data\":\"\xf4\x90\x80\x80\"}".into(),
        b"{\"d\xe4ta\":\"x\"}".into(),
        b"\xff\xfe{\0\"\0d\0a\0t\0a\0\"\0".into(),
        // NUL: alone, around a document, inside one.
        b"\0".into(),
        b"\0{\"data\":\"x\"}".into(),
        b"{\"data\":\"x\"}\0".into(),
        b"{\"data\":\"a\0b\"}".into(),
        b"{\"data\0\":\"x\"}".into(),
        // Numbers that are none, or have no end.
        format!(r#"{{"data":{}}}"#, "9".repeat(100_000)).into(),
        br#"{"data":NaN}"#.into(),
        br#"{"data":1e999999}"#.into(),
        b"\xef\xbb\xbf{\"data\":\"x\"}".into(),
    ];
    let answers = target.meanwhile(try_join_all(bad.iter().map(|body| send(&target, body)))).await?;
    for (body, said) in bad.iter().zip(answers) {
        let shown = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
        ensure!(said.is(400, "invalid_request").is_ok(), "{shown:?}: {said:?}");
    }
    // Fields that nobody knows are skipped however deep they are, and what only looks dangerous is text like any other.
    for (body, data) in [
        (deep("[", "]").as_str(), "x"),
        (deep(r#"{"a":"#, "}").as_str(), "x"),
        (r#"{"data":"\u0000"}"#, "\0"),
        (r#"{"data":"\ud83e\udd80"}"#, "\u{1f980}"),
        (r#"{"data":"\uFFFF"}"#, "\u{ffff}"),
        (r#"{"data":"\\ud800"}"#, "\\ud800"),
    ] {
        let said = send(&target, body.as_bytes()).await?;
        ensure!(said.status() == Some(200), "{data:?}: {said:?}");
        let answer: Value = serde_json::from_str(said.0.split_once("\r\n\r\n").map_or("", |(_, body)| body))?;
        let hash = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(data));
        ensure!(answer["hash"] == hash.as_str(), "{data:?}: {answer}");
    }
    target.never_grew_by(32)?;
    target.is_clean().await
}
