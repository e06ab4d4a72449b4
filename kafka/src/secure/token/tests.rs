//! An authorization server over sockets, plain ones: TLS is tested where it is.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use ::tls::Authorities;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::*;
use crate::secure::Password;

/// Answers every question with `status` and `body`, in which `COUNT` stands for how often it was asked; counts and keeps
/// the last question.
async fn serve(
    status: &'static str,
    body: &'static str,
) -> (String, Arc<AtomicUsize>, Arc<parking_lot::Mutex<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/oauth/token?realm=a", listener.local_addr().unwrap());
    let (count, question) = (Arc::new(AtomicUsize::new(0)), Arc::new(parking_lot::Mutex::new(String::new())));
    let (counted, kept) = (count.clone(), question.clone());
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let (mut asked, mut piece) = (Vec::new(), [0; 1024]);
            while !String::from_utf8_lossy(&asked).contains("grant_type=") {
                let read = stream.read(&mut piece).await.unwrap();
                asked.extend_from_slice(&piece[..read]);
            }
            *kept.lock() = String::from_utf8(asked).unwrap();
            let body = body.replace("COUNT", &(counted.fetch_add(1, Relaxed) + 1).to_string());
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (url, count, question)
}

fn source(url: &str) -> TokenSource {
    let secret = Password::Given("p&ss:word".to_owned());
    let scope = Some("kafka all".to_owned());
    TokenSource::Endpoint(Box::new(Endpoint::new(url, Authorities::System, "us", secret, scope).unwrap()))
}

async fn token(source: &TokenSource) -> Result<String, Refusal> {
    source.token(&Aside::default(), Duration::from_secs(5)).await
}

#[tokio::test]
async fn one_token_serves_until_its_end_is_near() {
    let (url, count, question) = serve("200 OK", r#"{"access_token":"token-COUNT","expires_in":1}"#).await;
    let source = source(&url);
    let (first, second) = tokio::join!(token(&source), token(&source));
    assert_eq!((first.unwrap().as_str(), second.unwrap().as_str()), ("token-1", "token-1"));
    let asked = question.lock().clone();
    assert!(asked.starts_with("POST /oauth/token?realm=a HTTP/1.1\r\n"), "{asked}");
    // us:p%26ss%3Aword
    assert!(asked.contains("authorization: Basic dXM6cCUyNnNzJTNBd29yZA=="), "{asked}");
    assert!(asked.ends_with("grant_type=client_credentials&scope=kafka%20all"), "{asked}");
    tokio::time::sleep(Duration::from_millis(850)).await;
    assert_eq!(token(&source).await.unwrap(), "token-2");
    assert_eq!(count.load(Relaxed), 2);
    source.forget();
    assert_eq!(token(&source).await.unwrap(), "token-3", "one that was refused is not used again");
}

#[tokio::test]
async fn why_there_is_no_token_is_said_without_the_secret() {
    let refused = r#"{"error":"invalid_client","error_description":"who are you"}"#;
    for (status, body, expected) in [
        ("401 Unauthorized", refused, "it answers 401 Unauthorized: invalid_client, who are you"),
        ("503 Service Unavailable", "", "it answers 503 Service Unavailable"),
        ("200 OK", "hello", "its answer is not a token"),
    ] {
        let (url, ..) = serve(status, body).await;
        let error = token(&source(&url)).await.unwrap_err();
        assert!(error.ends_with(expected) && error.starts_with("no token from http://"), "{error}");
        assert!(!error.contains("p&ss"), "{error}");
    }
    assert!(token(&source("http://127.0.0.1:1/")).await.is_err());
}

#[tokio::test]
async fn a_server_that_is_silent_is_given_up_in_the_time_that_a_login_has() {
    // The operating system accepts for it.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let source = source(&format!("http://{}/", silent.local_addr().unwrap()));
    let limit = Duration::from_millis(300);
    let aside = Aside::default();
    // The second waits for the question of the first, and no longer than it would for its own.
    let (first, second) = tokio::join!(source.token(&aside, limit), source.token(&aside, limit));
    for error in [first.unwrap_err(), second.unwrap_err()] {
        assert!(error.starts_with("no token from http://") && error.ends_with("within 300ms"), "{error}");
    }
}

#[test]
fn an_address_is_one_of_http() {
    let endpoint = |url| Endpoint::new(url, Authorities::System, "us", Password::Given(String::new()), None);
    for bad in ["", "localhost", "ftp://localhost/", "/token"] {
        assert!(matches!(endpoint(bad), Err(EndpointError::Url)), "{bad:?}");
    }
    assert!(endpoint("http://localhost/token").is_ok());
    let error = endpoint("https://us:hush@localhost/token").unwrap_err();
    assert!(matches!(error, EndpointError::NamedUrl) && !error.to_string().contains("hush"));
}
