//! Keys that have to be fetched, from somebody who has none at first.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep};
use tokio_util::task::AbortOnDropHandle;

use super::{Issuer, claims, find, header, refused, tokens_by, with};
use crate::auth::jwt::{Refused, keep_fetched};

/// Answers with what is there, and with 503 as long as nothing is.
struct Publisher {
    address: String,
    document: Arc<Mutex<Option<String>>>,
    _task: AbortOnDropHandle<()>,
}

impl Publisher {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/keys", listener.local_addr().unwrap());
        let document = Arc::<Mutex<Option<String>>>::default();
        let now = document.clone();
        let task = tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(stream.read_u8().await.unwrap());
                }
                let (status, body) = match now.lock().clone() {
                    Some(document) => ("200 OK", document),
                    None => ("503 Service Unavailable", String::new()),
                };
                let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        Self { address, document, _task: AbortOnDropHandle::new(task) }
    }
}

#[tokio::test]
async fn a_token_whose_key_nobody_could_fetch_is_not_called_invalid() {
    let (issuer, publisher) = (Issuer::new(), Publisher::start().await);
    let tokens = tokens_by(&publisher.address);
    let token = issuer.sign(&header(), &claims());
    assert_eq!(find(&tokens, &token).await, Err(Refused::NoKeys), "nothing was fetched yet");

    let (fetched, mut first) = tokio::sync::oneshot::channel();
    let keys = tokens.to_fetch().unwrap();
    let fetching = keep_fetched(keys.clone(), move || fetched.send(()).unwrap());
    let _fetching = AbortOnDropHandle::new(tokio::spawn(fetching));
    until("the first attempt fails", || keys.report()["last_error"].is_string()).await;
    let report = keys.report();
    assert!(
        report["count"] == 0 && report["last_error"].as_str().unwrap().contains("it answers 503"),
        "{report}"
    );
    assert_eq!(find(&tokens, &token).await, Err(Refused::NoKeys));
    assert!(first.try_recv().is_err(), "there are no keys");
    // What no key would make count is told as ever.
    assert_eq!(refused(&tokens, "x").await, "it is neither a key nor a token");
    let unsigned = issuer.sign(&with(header(), "alg", json!("none")), &claims());
    assert_eq!(refused(&tokens, &unsigned).await, "its algorithm is none that counts here");

    *publisher.document.lock() = Some(json!({ "keys": [issuer.public("one")] }).to_string());
    until("the keys are fetched", || keys.report() == json!({ "count": 1, "last_error": Value::Null })).await;
    assert!(find(&tokens, &token).await.is_ok() && first.try_recv().is_ok());
    let unknown = issuer.sign(&with(header(), "kid", json!("two")), &claims());
    assert_eq!(refused(&tokens, &unknown).await, "its key is not known");
}

#[tokio::test]
async fn the_same_keys_once_more_are_no_others_and_none_are_refused() {
    let (issuer, publisher) = (Issuer::new(), Publisher::start().await);
    let tokens = tokens_by(&publisher.address);
    let keys = tokens.to_fetch().unwrap();
    *publisher.document.lock() = Some(json!({ "keys": [issuer.public("one")] }).to_string());
    keys.fetch().await.unwrap();
    let before = keys.current();
    keys.fetch().await.unwrap();
    assert!(Arc::ptr_eq(&before, &keys.current()), "what was verified by them stays verified");
    for document in [json!({ "keys": [] }), json!([]), json!({})] {
        *publisher.document.lock() = Some(document.to_string());
        assert!(keys.fetch().await.is_err(), "{document}");
        assert!(Arc::ptr_eq(&before, &keys.current()), "what was known stays known");
    }
    *publisher.document.lock() = Some(json!({ "keys": [issuer.public("two")] }).to_string());
    keys.fetch().await.unwrap();
    assert!(!Arc::ptr_eq(&before, &keys.current()));
}

async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < Duration::from_secs(30), "{what}: not within 30 s");
        sleep(Duration::from_millis(10)).await;
    }
}
