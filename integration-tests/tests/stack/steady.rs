//! Calls at a steady rate over kept-alive connections, as a load balancer makes them that watches readiness: a gateway
//! that is not ready gets no new connection, those it has are used until it closes them. Nothing is sent twice.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use integration_tests::client::Client;
use integration_tests::wait;
use parking_lot::Mutex;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tokio::net::TcpStream;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, sleep_until, timeout};

/// Between two looks at a gateway's readiness; balancers look less often.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// Longest wait for one answer: more than any deadline here.
const ANSWER_LIMIT: Duration = Duration::from_secs(20);

/// No answer is larger.
const MAX_ANSWER_BYTES: usize = 64 << 10;

/// How long a gateway that stops serves on. One that closes a connection which was silent for all that time cannot know
/// that a request is on its way there, and HTTP/1.1 has no way to tell the client before.
const LAST_CALL: Duration = Duration::from_millis(500);

/// One call.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) sent: Instant,
    pub(crate) ended: Instant,
    pub(crate) outcome: Outcome,
    /// How long its connection had been silent before, unless it was a new one.
    silent: Option<Duration>,
}

/// How a call ended.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// With the right hash, and this id.
    Answered(String),
    /// With an error of this code.
    Refused(String),
    /// With no answer at all, or none that keeps its promises.
    Broken(String),
}

/// Load that goes on until it is [`stop`](Self::stop)ped.
pub(crate) struct Steady {
    shared: Arc<Shared>,
    driver: JoinHandle<Vec<Call>>,
    looks: JoinSet<()>,
}

#[derive(Default)]
struct Shared {
    doors: Mutex<Vec<Arc<Door>>>,
    answered: AtomicUsize,
    stop: AtomicBool,
}

/// One gateway.
struct Door {
    port: u16,
    is_ready: AtomicBool,
    idle: Mutex<VecDeque<Connection>>,
}

struct Connection {
    sender: SendRequest<Full<Bytes>>,
    pump: JoinHandle<()>,
    silent_since: Option<Instant>,
}

impl Steady {
    /// Makes `rate` calls a second from now on, as soon as there are gateways.
    pub(crate) fn start(rate: u32) -> Self {
        let shared = Arc::new(Shared::default());
        let driver = tokio::spawn(drive(shared.clone(), Duration::from_secs(1) / rate));
        Self { shared, driver, looks: JoinSet::new() }
    }

    /// Calls this gateway as well, from when it is ready.
    pub(crate) fn add(&mut self, port: u16, management_port: u16) -> Result<()> {
        let (is_ready, idle) = (AtomicBool::new(false), Mutex::default());
        let door = Arc::new(Door { port, is_ready, idle });
        self.shared.doors.lock().push(door.clone());
        let management = Client::new(management_port)?;
        self.looks.spawn(async move {
            // Until it is not ready any more, having been so.
            loop {
                let is_ready = management.get("/health/ready").await.is_ok_and(|(status, _)| status == 200);
                if door.is_ready.swap(is_ready, Ordering::Relaxed) && !is_ready {
                    break;
                }
                sleep(LOOK_INTERVAL).await;
            }
        });
        Ok(())
    }

    /// Waits for `count` more answers.
    pub(crate) async fn more(&self, count: usize) -> Result<()> {
        let enough = self.shared.answered.load(Ordering::Relaxed) + count;
        let there = async || self.shared.answered.load(Ordering::Relaxed) >= enough;
        wait::until("more answers", there).await
    }

    /// Makes no more calls, and waits for those under way.
    pub(crate) async fn stop(self) -> Result<Vec<Call>> {
        self.shared.stop.store(true, Ordering::Relaxed);
        let calls = timeout(ANSWER_LIMIT * 2, self.driver).await.context("calls do not end")??;
        Ok(calls)
    }
}

/// Calls that got no answer, for reasons that no gateway can help.
#[derive(Debug, Default)]
pub(crate) struct Cut {
    /// Sent over a connection that had been silent for so long that it was being closed just then. HTTP promises such
    /// a request nothing.
    silent: usize,
    /// Sent while the machine stood still for much of the time in which a gateway serves on.
    starved: usize,
}

impl fmt::Display for Cut {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} cut on silent connections, {} on a starved machine", self.silent, self.starved)
    }
}

/// Makes sure that all calls were answered right, but for those that nobody can promise anything to.
pub(crate) fn all_answered(calls: &[Call]) -> Result<Cut> {
    let mut cut = Cut::default();
    let took_long = |call: &&Call| call.ended - call.sent > LAST_CALL / 2;
    let slow: Vec<_> = calls.iter().filter(took_long).filter(|call| call.is_answered()).collect();
    for call in calls {
        let (took, silent) = (call.ended - call.sent, call.silent);
        let near = |slow: &&Call| slow.sent < call.ended + LAST_CALL && call.sent < slow.ended + LAST_CALL;
        match &call.outcome {
            Outcome::Answered(_) => {}
            Outcome::Broken(_) if silent.is_some_and(|silent| silent >= LAST_CALL) => cut.silent += 1,
            Outcome::Broken(_) if slow.iter().copied().any(|slow| near(&slow)) => cut.starved += 1,
            Outcome::Refused(code) => bail!("{code} after {took:?}"),
            Outcome::Broken(reason) => {
                bail!("{reason} after {took:?}, on a connection silent for {silent:?}")
            }
        }
    }
    ensure!(!calls.is_empty(), "no call was made");
    Ok(cut)
}

impl Call {
    fn is_answered(&self) -> bool {
        matches!(self.outcome, Outcome::Answered(_))
    }
}

async fn drive(shared: Arc<Shared>, period: Duration) -> Vec<Call> {
    let (mut calls, mut under_way) = (Vec::new(), JoinSet::new());
    let mut due = Instant::now();
    for number in 0_usize.. {
        sleep_until(due.into()).await;
        due += period;
        if shared.stop.load(Ordering::Relaxed) {
            break;
        }
        if let Some(door) = choose(&shared.doors.lock(), number) {
            let shared = shared.clone();
            under_way.spawn(async move {
                let call = call(&door, &format!("steady {number}")).await;
                if call.is_answered() {
                    shared.answered.fetch_add(1, Ordering::Relaxed);
                }
                call
            });
        }
        while let Some(Ok(call)) = under_way.try_join_next() {
            calls.push(call);
        }
    }
    calls.extend(under_way.join_all().await);
    calls
}

/// Gateways take turns, those that are not ready as long as they keep a connection.
fn choose(doors: &[Arc<Door>], number: usize) -> Option<Arc<Door>> {
    let fit: Vec<_> =
        doors.iter().filter(|door| door.is_ready.load(Ordering::Relaxed) || door.has_idle()).collect();
    let turn = number.checked_rem(fit.len())?;
    fit.get(turn).map(|door| Arc::clone(door))
}

impl Door {
    fn has_idle(&self) -> bool {
        let mut idle = self.idle.lock();
        idle.retain(|connection| !connection.sender.is_closed());
        !idle.is_empty()
    }
}

async fn call(door: &Door, data: &str) -> Call {
    let mut sent = Instant::now();
    let mut silent = None;
    let exchange = async {
        loop {
            let kept = door.idle.lock().pop_front();
            let mut connection = match kept {
                Some(connection) => connection,
                None => Connection::open(door.port).await?,
            };
            sent = Instant::now();
            silent = connection.silent_since.map(|since| since.elapsed());
            let Some((answer, goes_on)) = connection.post(door.port, data).await? else {
                // It was closed before anything was sent on it.
                continue;
            };
            if goes_on {
                connection.silent_since = Some(Instant::now());
                door.idle.lock().push_back(connection);
            }
            return judge(data, &answer);
        }
    };
    let outcome = match timeout(ANSWER_LIMIT, exchange).await {
        Ok(outcome) => outcome.unwrap_or_else(|error| Outcome::Broken(format!("{error:#}"))),
        Err(_) => Outcome::Broken("no answer in time".to_owned()),
    };
    Call { sent, ended: Instant::now(), outcome, silent }
}

fn judge(data: &str, answer: &Value) -> Result<Outcome> {
    if let Some(code) = answer["code"].as_str() {
        return Ok(Outcome::Refused(code.to_owned()));
    }
    let hash = hex::encode(Sha256::digest(data.as_bytes()));
    ensure!(answer["hash"] == hash.as_str(), "a wrong hash: {answer}");
    Ok(Outcome::Answered(answer["id"].as_str().context("no id")?.to_owned()))
}

impl Connection {
    async fn open(port: u16) -> Result<Self> {
        let socket = TcpStream::connect(("127.0.0.1", port)).await.context("cannot connect")?;
        socket.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(socket)).await?;
        // How it ends is told to the request that is under way, if there is one.
        let pump = tokio::spawn(async move { _ = connection.await });
        Ok(Self { sender, pump, silent_since: None })
    }

    /// The answer, and whether another request may follow. None if not a byte was sent.
    async fn post(&mut self, port: u16, data: &str) -> Result<Option<(Value, bool)>> {
        let body = serde_json::json!({ "data": data }).to_string();
        let request = Request::post("/hash")
            .header("host", format!("127.0.0.1:{port}"))
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(body)))?;
        if self.sender.ready().await.is_err() {
            return Ok(None);
        }
        let response = match self.sender.try_send_request(request).await {
            Ok(response) => response,
            Err(mut error) => match error.take_message() {
                Some(_) => return Ok(None),
                None => return Err(error.into_error().into()),
            },
        };
        let goes_on = response.headers().get("connection").is_none_or(|value| value != "close");
        let body = Limited::new(response.into_body(), MAX_ANSWER_BYTES).collect().await;
        let body = body.map_err(|error| anyhow::anyhow!("within the answer: {error}"))?;
        Ok(Some((serde_json::from_slice(&body.to_bytes())?, goes_on)))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.pump.abort();
    }
}
