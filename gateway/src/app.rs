//! The gateway as a process: bind, serve, stop in order.

use std::net::{SocketAddr, TcpListener, ToSocketAddrs as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpServer, web};
use anyhow::{Context as _, Result};
use service::management::{Bound, Management, Pages};
use service::settings::GatewaySettings;
use service::traces::Traces;
use service::{Program, Readiness, Shutdown, WallClock};
use socket2::{Domain, Socket, Type};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::auth::{self, Authenticator};
use crate::background::Background;
use crate::http::routes;
use crate::https::{self, Https};
use crate::metrics::{Metrics, Shards};
use crate::reload;
use crate::shard::Blueprint;
use crate::shares::Shares;

/// Connections that may wait to be accepted: a crowd that arrives at once should not have to try again.
const BACKLOG: i32 = 2048;

/// What a stage of the shutdown gets beyond the time that its work may take by itself.
const MARGIN: Duration = Duration::from_secs(1);

/// Longest time for the last commits and the goodbye to the group.
const LEAVE_LIMIT: Duration = Duration::from_secs(5);

/// Shortest time to serve on: kept-alive connections are closed with an answer that says so, and not in the moment when
/// a request is on its way.
const LAST_CALL: Duration = Duration::from_millis(500);

/// How long an idle connection stays open: longer than load balancers keep theirs (60 s is common), or they would send
/// requests into connections that are just closing.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// Longest time that a client may take for the TLS handshake.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(3);

/// TLS handshakes of one shard under way at once. While there are so many no connection is accepted, so a few hundred
/// clients who say nothing must not be enough.
const MAX_HANDSHAKES: usize = 4096;

/// Between two looks at whether the shards are ready or dead.
const WATCH_INTERVAL: Duration = Duration::from_millis(50);

/// A gateway whose ports are bound, and not served yet: callers wait in the backlog.
#[derive(Debug)]
pub struct Gateway {
    program: Program,
    settings: GatewaySettings,
    clock: WallClock,
    listener: TcpListener,
    address: SocketAddr,
    management: Bound,
    authenticator: Option<Arc<Authenticator>>,
    https: Option<Arc<Https>>,
}

impl Gateway {
    /// Reads keys and certificates, and binds both ports.
    ///
    /// # Errors
    /// If a file cannot be used, or a port cannot be had; says which, and how to choose another.
    pub fn bind(settings: GatewaySettings) -> Result<Self> {
        Self::bind_with(settings, WallClock::system())
    }

    /// As [`bind`](Self::bind), on a host whose clock is `clock`.
    ///
    /// # Errors
    /// As there.
    pub fn bind_with(settings: GatewaySettings, clock: WallClock) -> Result<Self> {
        let authenticator = Authenticator::from_settings(&settings.callers, clock)?;
        let https = Https::from_settings(settings.https.as_ref())?;
        let (host, port) = (settings.host.as_str(), settings.port);
        let listener = listen(host, port).with_context(|| {
            format!("cannot listen on {host}:{port}; free the port, or set SERVICE_1_HOST and SERVICE_1_PORT")
        })?;
        let address = listener.local_addr()?;
        let management = Management::bind(host, settings.management_port)?;
        Ok(Self {
            program: crate::PROGRAM,
            settings,
            clock,
            listener,
            address,
            management,
            authenticator,
            https,
        })
    }

    /// The port for requests.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The port for health, metrics and info.
    pub fn management_port(&self) -> u16 {
        self.management.port()
    }

    /// Serves until `shutdown` is requested, then stops in order. Blocks, on a runtime of its own.
    ///
    /// # Errors
    /// If a server cannot be started, or the one for requests ends by itself.
    pub fn run(self, shutdown: &Shutdown) -> Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let ended = runtime.block_on(self.run_until_stopped(shutdown));
        // A file or a look-up of a host name that hangs would be waited for.
        runtime.shutdown_background();
        ended
    }

    async fn run_until_stopped(self, shutdown: &Shutdown) -> Result<()> {
        let Self { program, settings, clock, listener, address, management, authenticator, https } = self;
        let (readiness, registry, shards) =
            (Readiness::new(), service::metrics::Metrics::new(), Shards::default());
        let kafka_connected = readiness.step("kafka");
        let pages = Pages::new(&program, &readiness, &registry)
            .info("envelope_versions", protocol::SUPPORTED_VERSIONS.to_vec());
        show_kafka(&readiness, &shards);
        let management = management.serve(pages)?;

        let background = Background::new(readiness.clone());
        let sources = authenticator.iter().flat_map(|known| known.sources());
        for source in sources.chain(https.iter().flat_map(https::sources)) {
            background.run(&format!("reading {} again", source.name()), reload::watch(source));
        }
        if let Some(keys) = authenticator.iter().find_map(|known| known.to_fetch()) {
            let (fetched, shown) = (readiness.step("keys of tokens"), keys.clone());
            readiness.show("keys_of_tokens", move || shown.report());
            let fetching = auth::keep_fetched(keys, move || fetched.done());
            background.run("fetching the keys of tokens", fetching);
        }
        if authenticator.is_none() {
            tracing::warn!(
                "anybody may call this gateway: neither SERVICE_1_API_KEYS_FILE nor SERVICE_1_JWT_ISSUER is set"
            );
        }

        let traces = Traces::start(&settings.traces, &program)?;
        traces.show_in(&registry);
        let shares = Shares::from_settings(&settings.shares);
        let scheme = if https.is_some() { "https" } else { "http" };
        let settings = Arc::new(settings);
        let draining = Arc::new(AtomicBool::new(false));
        let blueprint = Blueprint {
            kafka: connect::config(&settings.kafka)?,
            settings: settings.clone(),
            clock,
            metrics: Arc::new(Metrics::new(&registry, &shards, scheme)),
            shards: shards.clone(),
            traces: traces.clone(),
            authenticator,
            shares,
            draining: draining.clone(),
            control: Handle::current(),
        };
        let server = serve(listener, https.as_deref(), blueprint)?;
        let handle = server.handle();
        let mut serving = tokio::spawn(server);
        tracing::info!("listening on {scheme}://{address}");

        let connected = async {
            became_ready(&shards, settings.shards).await;
            kafka_connected.done();
            std::future::pending::<()>().await;
        };
        let mut failed = Ok(());
        tokio::select! {
            () = shutdown.requested() => {}
            () = connected => {}
            failure = failure(&shards, &background) => {
                // What goes on without it goes on, so nothing is cut off; but only a new start mends it.
                tracing::error!(failure, "stopping");
                readiness.fall(failure.as_str());
                failed = Err(anyhow::anyhow!(failure));
            }
            ended = &mut serving => {
                readiness.fall("the HTTP server has ended");
                return ended?.context("the HTTP server has ended");
            }
        }
        readiness.fall("shutting down");
        draining.store(true, Ordering::Relaxed);
        let ended = stop(&settings, &handle, serving, &shards, shutdown).await;
        background.stop().await;
        shutdown.stage("flush traces", Traces::STOP_LIMIT, traces.stop()).await;
        management.stop().await;
        failed.and(ended)
    }
}

/// Serves on, so that balancers notice; takes no new connections and finishes what is pending; leaves the group.
async fn stop(
    settings: &GatewaySettings,
    handle: &ServerHandle,
    mut serving: JoinHandle<std::io::Result<()>>,
    shards: &Shards,
    shutdown: &Shutdown,
) -> Result<()> {
    let delay = settings.shutdown_delay.max(LAST_CALL);
    shutdown.stage("serve on", delay + MARGIN, sleep(delay)).await;
    let requesters: Vec<_> = shards.lock().iter().map(|(requester, _)| requester.clone()).collect();
    // The shards' threads end with their server.
    requesters.iter().for_each(|requester| requester.expect_end());
    let limit = settings.request_timeout + MARGIN;
    if shutdown.stage("finish requests", limit, handle.stop(true)).await.is_none() {
        // What is still pending ends now, honestly, and its callers are told before their connections go.
        requesters.iter().for_each(|requester| requester.end_pending());
    }
    let ended = match shutdown.stage("close connections", MARGIN, &mut serving).await {
        Some(Ok(ended)) => ended.map_err(Into::into),
        // actix waits for every connection, however slow its client is; the process does not.
        Some(Err(_)) | None => {
            serving.abort();
            Ok(())
        }
    };
    let leave = futures::future::join_all(requesters.iter().map(|requester| requester.stop(Duration::ZERO)));
    shutdown.stage("leave the group", LEAVE_LIMIT, leave).await;
    ended
}

fn serve(
    listener: TcpListener,
    https: Option<&Https>,
    blueprint: Blueprint,
) -> Result<actix_web::dev::Server> {
    let settings = blueprint.settings.clone();
    let graceful = settings.request_timeout + MARGIN;
    let app = move || {
        let blueprint = blueprint.clone();
        // Runs on the worker's own thread: everything the shard starts stays there.
        let shard = move || {
            let blueprint = blueprint.clone();
            async move { Ok::<_, std::convert::Infallible>(blueprint.build()) }
        };
        App::new()
            .data_factory(shard)
            .configure(routes::configure)
            .default_service(web::to(routes::not_found))
    };
    let server = HttpServer::new(app)
        .workers(settings.shards)
        .keep_alive(KEEP_ALIVE)
        .tls_handshake_timeout(HANDSHAKE_LIMIT)
        .max_connection_rate(MAX_HANDSHAKES)
        .shutdown_timeout(graceful.as_secs() + 1)
        .disable_signals();
    let server = match https {
        None => server.listen(listener)?,
        Some(https) => server.listen_rustls_0_23(listener, https.config()?)?,
    };
    Ok(server.run())
}

fn show_kafka(readiness: &Readiness, shards: &Shards) {
    let shards = shards.clone();
    readiness.show("kafka", move || {
        let shards = shards.lock();
        let reachable = !shards.is_empty() && shards.iter().all(|(requester, _)| requester.is_ready());
        let trouble = shards.iter().find_map(|(requester, _)| requester.trouble());
        serde_json::json!({ "reachable": reachable, "last_error": trouble.as_deref() })
    });
}

async fn became_ready(shards: &Shards, count: usize) {
    let ready = || {
        let shards = shards.lock();
        shards.len() >= count && shards.iter().all(|(requester, _)| requester.is_ready())
    };
    while !ready() {
        sleep(WATCH_INTERVAL).await;
    }
}

/// What has died in one of the shards or beside them, once something has.
async fn failure(shards: &Shards, background: &Background) -> String {
    loop {
        let in_shards = || shards.lock().iter().find_map(|(requester, _)| requester.failure());
        if let Some(failure) = background.failure().or_else(in_shards) {
            return failure;
        }
        sleep(WATCH_INTERVAL).await;
    }
}

/// As the standard library listens, with a longer backlog.
fn listen(host: &str, port: u16) -> std::io::Result<TcpListener> {
    let mut refused = std::io::Error::other("the host name has no address");
    for address in (host, port).to_socket_addrs()? {
        match listen_on(address) {
            Ok(listener) => return Ok(listener),
            Err(error) => refused = error,
        }
    }
    Err(refused)
}

fn listen_on(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}
