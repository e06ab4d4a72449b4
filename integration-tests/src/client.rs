//! An HTTP client that checks what it is promised.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::wait;

/// Longest wait for an answer: more than any deadline in the tests.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A client of one port on this machine.
#[derive(Debug, Clone)]
pub struct Client {
    /// For requests of a test's own making.
    pub http: reqwest::Client,
    /// `http://127.0.0.1:PORT`.
    pub base: String,
}

/// An error as the gateway answers it.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    /// The HTTP status.
    pub status: u16,
    /// The stable code.
    pub code: String,
    /// The whole body.
    pub body: Value,
}

impl Client {
    /// A client of `port`.
    ///
    /// # Errors
    /// The client cannot be made.
    pub fn new(port: u16) -> Result<Self> {
        Self::at(&format!("127.0.0.1:{port}"))
    }

    /// A client of `address`, as `host:port`.
    ///
    /// # Errors
    /// The client cannot be made.
    pub fn at(address: &str) -> Result<Self> {
        let http = reqwest::Client::builder().timeout(TIMEOUT).build()?;
        Ok(Self { http, base: format!("http://{address}") })
    }

    /// Status and body of a GET.
    ///
    /// # Errors
    /// Nothing was answered.
    pub async fn get(&self, path: &str) -> Result<(u16, String)> {
        let answer = self.http.get(format!("{}{path}", self.base)).send().await?;
        Ok((answer.status().as_u16(), answer.text().await?))
    }

    /// The value of one metric of this management port, by its name with labels, as the page writes it.
    ///
    /// # Errors
    /// The port does not answer, or there is no metric of that name.
    pub async fn metric(&self, name: &str) -> Result<f64> {
        let (_, page) = self.get("/metrics").await?;
        let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        let value = line.with_context(|| format!("no metric {name} in:\n{page}"))?;
        Ok(value.trim().parse()?)
    }

    /// Waits until this management port says that its service is ready.
    ///
    /// # Errors
    /// It does not.
    pub async fn ready(&self) -> Result<()> {
        wait::until_ok("readiness", async || {
            let (status, body) = self.get("/health/ready").await?;
            ensure!(status == 200, "{status}: {body}");
            Ok(())
        })
        .await
    }

    /// Hashes `data` and verifies the answer; returns its id.
    ///
    /// # Errors
    /// Any other answer than the right one.
    pub async fn hash(&self, data: &str) -> Result<String> {
        match self.try_hash(data).await? {
            Ok(id) => Ok(id),
            Err(problem) => bail!("{}: {}", problem.status, problem.body),
        }
    }

    /// Expects an honest error for `data`.
    ///
    /// # Errors
    /// Any answer that is none.
    pub async fn refused(&self, data: &str) -> Result<Problem> {
        match self.try_hash(data).await? {
            Ok(id) => bail!("answered, as {id}"),
            Err(problem) => Ok(problem),
        }
    }

    /// As [`hash`](Self::hash), with an honest error as a value.
    ///
    /// # Errors
    /// No answer, a wrong one, or an error that is no problem document.
    pub async fn try_hash(&self, data: &str) -> Result<Result<String, Problem>> {
        let body = serde_json::json!({ "data": data });
        let answer = self.http.post(format!("{}/hash", self.base)).json(&body).send().await?;
        if answer.status() != 200 {
            return Ok(Err(problem(answer).await?));
        }
        let body: Value = answer.json().await?;
        let expected = hex::encode(Sha256::digest(data.as_bytes()));
        ensure!(body["hash"] == expected.as_str(), "a wrong hash: {body}");
        match body["id"].as_str() {
            Some(id) if body.as_object().is_some_and(|fields| fields.len() == 2) => Ok(Ok(id.to_owned())),
            _ => bail!("not an answer: {body}"),
        }
    }
}

/// Reads an error answer and checks what all of them promise.
///
/// # Errors
/// It is none.
pub async fn problem(answer: reqwest::Response) -> Result<Problem> {
    let status = answer.status().as_u16();
    let media_type = answer.headers().get("content-type").cloned();
    let body: Value = answer.json().await?;
    ensure!(media_type.is_some_and(|value| value == "application/problem+json"), "{status}: {body}");
    ensure!(body["status"] == status, "{body}");
    for field in ["type", "title", "detail", "code"] {
        ensure!(body[field].is_string(), "no {field}: {body}");
    }
    let retry_safe = matches!(status, 429 | 503);
    ensure!(body["retry_safe"] == retry_safe, "{body}");
    Ok(Problem { status, code: body["code"].as_str().unwrap_or_default().to_owned(), body })
}
