//! A caller that sends so many requests a second, whatever the answers: one that has used its share goes on.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use parking_lot::Mutex;
use serde::Serialize;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval_at};

use super::caller::{Answer, Caller, Endpoint, Exchange};
use super::driver;
use super::sample::Sample;

/// How a caller sends.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Requests a second, as long as each is answered before its connection's next turn.
    pub per_second: u32,
    /// Connections, which take turns.
    pub connections: u32,
    /// Bytes of `data` in each request.
    pub data_bytes: usize,
}

/// What a caller met between two moments.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Met {
    /// Right answers.
    pub answered: u64,
    /// Refusals with 429.
    pub refused: u64,
}

struct Run {
    exchange: Exchange,
    begin: Instant,
    end: Instant,
    // Only ever taken by the one thread of the driver's runtime.
    taken: Mutex<(Sample, Met)>,
}

/// Sends from now to `end`; what is sent before `begin` does not count. The sample is of right answers.
///
/// # Errors
/// The first answer that is missing, wrong, or neither 200 nor 429.
pub async fn keep(endpoint: &Endpoint, pace: Pace, begin: Instant, end: Instant) -> Result<(Sample, Met)> {
    let run = Arc::new(Run {
        exchange: Exchange::of(&driver::data(0, pace.data_bytes)),
        begin,
        end,
        taken: Mutex::new((Sample::new(end - begin), Met::default())),
    });
    let turn = Duration::from_secs(1) / pace.per_second;
    let start = Instant::now();
    let mut lanes = JoinSet::new();
    for lane in 0..pace.connections {
        let (run, endpoint) = (run.clone(), endpoint.clone());
        let (first, period) = (start + turn * lane, turn * pace.connections);
        lanes.spawn(async move { connection(&endpoint, &run, first, period).await });
    }
    while let Some(lane) = lanes.join_next().await {
        lane.context("a connection's task died")??;
    }
    let taken = run.taken.lock().clone();
    Ok(taken)
}

async fn connection(endpoint: &Endpoint, run: &Run, first: Instant, period: Duration) -> Result<()> {
    let mut caller = Caller::connect(endpoint).await?;
    let mut turns = interval_at(first.into(), period);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        turns.tick().await;
        let sent = Instant::now();
        if sent >= run.end {
            return Ok(());
        }
        if !caller.is_open().await {
            caller = Caller::connect(endpoint).await?;
        }
        let answer = caller.ask(&run.exchange).await?;
        if sent < run.begin {
            continue;
        }
        let (sample, met) = &mut *run.taken.lock();
        match answer {
            Answer::Right => {
                sample.record(sent.elapsed());
                met.answered += 1;
            }
            Answer::Refused => met.refused += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::sync::atomic::{AtomicU64, Ordering};

    use actix_web::{App, HttpResponse, HttpServer, web};
    use sha2::{Digest as _, Sha256};

    use super::*;
    use crate::bench::caller::Access;

    const PACE: Pace = Pace { per_second: 500, connections: 4, data_bytes: 64 };

    /// A server that answers every `nth` request with the hash and refuses all others with 429.
    fn serve(nth: u64) -> Endpoint {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let count = Arc::new(AtomicU64::new(0));
        let app = move || {
            let count = count.clone();
            let hash = move |body: String| {
                let data = serde_json::from_str::<serde_json::Value>(&body).unwrap()["data"].clone();
                let hash = hex::encode(Sha256::digest(data.as_str().unwrap()));
                std::future::ready(if count.fetch_add(1, Ordering::Relaxed).is_multiple_of(nth) {
                    HttpResponse::Ok().json(serde_json::json!({ "hash": hash }))
                } else {
                    HttpResponse::TooManyRequests().finish()
                })
            };
            App::new().route("/hash", web::post().to(hash))
        };
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(HttpServer::new(app).workers(1).listen(listener).unwrap().run())
        });
        Endpoint::hash(address, Access::default())
    }

    async fn met(nth: u64) -> (u64, Met) {
        let begin = Instant::now() + Duration::from_millis(100);
        let kept = keep(&serve(nth), PACE, begin, begin + Duration::from_millis(500)).await;
        let (sample, met) = kept.unwrap();
        (sample.count(), met)
    }

    #[tokio::test]
    async fn answers_and_refusals_are_counted_apart() {
        let (timed, met) = met(4).await;
        assert!(met.answered > 0 && met.refused > met.answered, "{met:?}");
        assert_eq!(timed, met.answered, "only answers are timed");
    }

    #[tokio::test]
    async fn no_more_is_sent_than_was_asked_for() {
        let (_, met) = met(1).await;
        // A turn that was missed is not made up for; the last turn of each connection may lie on the end.
        let most = 500 / 2 + u64::from(PACE.connections);
        assert!(met.refused == 0 && (1..=most).contains(&met.answered), "{met:?}");
    }
}
