//! A token that was verified before: it ends when it ends, and goes with the key it was signed with.

use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, sleep};

use super::{Issuer, LEEWAY, NOW, claims, find, header, refused, with};

#[tokio::test]
async fn a_key_that_is_replaced_counts_no_more() {
    let (old, new) = (Issuer::new(), Issuer::new());
    let tokens = old.tokens();
    let by_old = old.sign(&header(), &claims());
    assert!(find(&tokens, &by_old).await.is_ok());
    assert_eq!(refused(&tokens, &new.sign(&header(), &claims())).await, "its signature is wrong");
    std::fs::copy(&new.file, &old.file).unwrap();
    assert!(tokens.source().unwrap().reload().unwrap());
    assert_eq!(refused(&tokens, &by_old).await, "its signature is wrong");
    assert!(find(&tokens, &new.sign(&header(), &claims())).await.is_ok());
    std::fs::write(&old.file, "{}").unwrap();
    assert!(tokens.source().unwrap().reload().is_err());
    assert!(find(&tokens, &new.sign(&header(), &claims())).await.is_ok(), "what was known stays known");
}

#[tokio::test]
async fn a_key_that_is_taken_back_counts_no_more() {
    let issuer = Issuer::new();
    let tokens = issuer.tokens();
    let token = issuer.sign(&header(), &claims());
    assert!(find(&tokens, &token).await.is_ok() && find(&tokens, &token).await.is_ok());
    issuer.publish("two");
    assert!(tokens.source().unwrap().reload().unwrap());
    assert_eq!(refused(&tokens, &token).await, "its key is not known");
    issuer.publish("one");
    assert!(tokens.source().unwrap().reload().unwrap());
    assert!(find(&tokens, &token).await.is_ok());
}

#[tokio::test]
async fn a_token_that_was_seen_before_ends_as_it_says() {
    let issuer = Issuer::new();
    let tokens = issuer.tokens();
    let end = NOW - LEEWAY.as_secs() + 3;
    let token = issuer.sign(&header(), &with(claims(), "exp", json!(end)));
    assert!(find(&tokens, &token).await.is_ok());
    let begin = Instant::now();
    while find(&tokens, &token).await.is_ok() {
        assert!(begin.elapsed() < Duration::from_secs(30), "it does not end");
        sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(refused(&tokens, &token).await, "it is over");
}
