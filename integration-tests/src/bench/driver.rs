//! Keeps a number of requests in flight against an HTTP gateway, verifies every answer, and measures.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use parking_lot::Mutex;
use tokio::task::JoinSet;

use super::caller::{Answer, Caller, Endpoint, Exchange};
use super::sample::Sample;

/// Distinct payloads made before the clock starts, so that hashing them costs the driver nothing: at most this many,
const PAYLOADS: usize = 1024;
/// and bytes, but a few always.
const PAYLOAD_BYTES: usize = 16 << 20;

/// How to drive.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Requests in flight, each on a connection of its own.
    pub in_flight: usize,
    /// How long to measure, after the warm-up.
    pub measure: Duration,
    /// Driven and not measured.
    pub warm_up: Duration,
    /// Bytes of `data` in each request.
    pub data_bytes: usize,
}

/// What all connections of one run share.
struct Run {
    exchanges: Vec<Exchange>,
    begin: Instant,
    end: Instant,
    // Only ever taken by the one thread of the driver's runtime.
    sample: Mutex<Sample>,
}

/// Drives `endpoints`, each with its share of the connections, from the calling thread's runtime. `look` is called when
/// the measuring begins and when it ends.
///
/// # Errors
/// The first answer that is missing, no 200, or wrong; or what `look` says.
pub async fn drive<L>(
    endpoints: &[Endpoint],
    load: &Load,
    look: impl Fn() -> Result<L>,
) -> Result<(Sample, L, L)> {
    let payloads = (PAYLOAD_BYTES / load.data_bytes.max(1)).clamp(8, PAYLOADS);
    let exchanges = (0..payloads).map(|n| Exchange::of(&data(n, load.data_bytes))).collect();
    let begin = Instant::now() + load.warm_up;
    let end = begin + load.measure;
    let run = Arc::new(Run { exchanges, begin, end, sample: Mutex::new(Sample::new(load.measure)) });
    let mut lanes = JoinSet::new();
    for (lane, endpoint) in (0..load.in_flight).zip(endpoints.iter().cycle()) {
        let (run, endpoint) = (run.clone(), endpoint.clone());
        lanes.spawn(async move { connection(&endpoint, &run, lane).await });
    }
    let looks = async {
        tokio::time::sleep_until(begin.into()).await;
        let before = look()?;
        tokio::time::sleep_until(end.into()).await;
        anyhow::Ok((before, look()?))
    };
    let finished = async {
        while let Some(lane) = lanes.join_next().await {
            lane.context("a connection's task died")??;
        }
        anyhow::Ok(())
    };
    let ((before, after), ()) = tokio::try_join!(looks, finished)?;
    let sample = run.sample.lock().clone();
    ensure!(sample.count() > 0, "not one answer came in the time that was measured");
    Ok((sample, before, after))
}

async fn connection(endpoint: &Endpoint, run: &Run, lane: usize) -> Result<()> {
    let mut caller = Caller::connect(endpoint).await?;
    for exchange in run.exchanges.iter().cycle().skip(lane * 7 % run.exchanges.len()) {
        let sent = Instant::now();
        if sent >= run.end {
            break;
        }
        let answer = caller.ask(exchange).await?;
        ensure!(answer == Answer::Right, "429: the caller is limited");
        if sent >= run.begin {
            run.sample.lock().record(sent.elapsed());
        }
    }
    Ok(())
}

/// The text of so many bytes in request `number`: letters, so that JSON adds nothing to it.
pub fn data(number: usize, bytes: usize) -> String {
    let mut data = format!("{number}-");
    data.truncate(bytes);
    data.extend((data.len()..bytes).map(|i| char::from(b'a' + u8::try_from(i % 26).unwrap_or(0))));
    data
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use sha2::{Digest as _, Sha256};

    use super::*;
    use crate::bench::caller::Access;

    const LOAD: Load = Load {
        in_flight: 3,
        measure: Duration::from_millis(100),
        warm_up: Duration::from_millis(10),
        data_bytes: 64,
    };

    fn serve(answer: impl Fn(&str) -> String + Clone + Send + 'static) -> Vec<Endpoint> {
        use actix_web::{App, HttpServer, web};
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let app = move || {
            let answer = answer.clone();
            let hash = move |body: String| std::future::ready(answer(&body));
            App::new().route("/hash", web::post().to(hash))
        };
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(HttpServer::new(app).workers(1).listen(listener).unwrap().run())
        });
        vec![Endpoint::hash(address, Access::default())]
    }

    #[tokio::test]
    async fn right_answers_are_counted() {
        let right = |body: &str| {
            let data = serde_json::from_str::<serde_json::Value>(body).unwrap()["data"].clone();
            format!(r#"{{"hash":"{}"}}"#, hex::encode(Sha256::digest(data.as_str().unwrap())))
        };
        let (sample, ..) = drive(&serve(right), &LOAD, || Ok(())).await.unwrap();
        assert!(sample.count() > 0);
    }

    #[tokio::test]
    async fn one_wrong_hash_ends_the_run() {
        let wrong = |_: &str| r#"{"hash":"00"}"#.to_owned();
        let error = drive(&serve(wrong), &LOAD, || Ok(())).await.unwrap_err();
        assert!(error.to_string().contains("wrong hash"), "{error}");
    }

    #[test]
    fn data_has_the_bytes_that_were_asked_for() {
        for bytes in [0, 1, 2, 100, 65_536] {
            assert_eq!(data(1023, bytes).len(), bytes);
        }
        assert_ne!(data(1, 100), data(2, 100));
    }
}
