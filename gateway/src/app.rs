//! The gateway as a process: bind, serve, stop in order.

mod server;
mod stop;

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};
use service::management::{Bound, Management, Pages};
use service::settings::GatewaySettings;
use service::traces::Traces;
use service::{Program, Readiness, Shutdown, WallClock};
use tokio::runtime::Handle;
use tokio::time::sleep;

use crate::auth::{self, Authenticator};
use crate::background::Background;
use crate::https::{self, Https};
use crate::metrics::{Metrics, Shards};
use crate::reload;
use crate::shard::Blueprint;
use crate::shares::Shares;

/// Between two looks at whether the shards are ready, until they are.
const READY_INTERVAL: Duration = Duration::from_millis(50);

/// Between two looks at whether one has died. No waiting mends that, and an idle gateway should hardly be seen.
const FAILURE_INTERVAL: Duration = Duration::from_millis(500);

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
        let listener = server::listen(host, port).with_context(|| {
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
        if let Some(https) = &https {
            https::show(https, &registry);
        }
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
        let server = server::serve(listener, https.as_deref(), blueprint)?;
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
        let ended = stop::in_order(&settings, &handle, serving, &shards, shutdown).await;
        background.stop().await;
        shutdown.stage("flush traces", Traces::STOP_LIMIT, traces.stop()).await;
        management.stop().await;
        failed.and(ended)
    }
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
        sleep(READY_INTERVAL).await;
    }
}

/// What has died in one of the shards or beside them, once something has.
async fn failure(shards: &Shards, background: &Background) -> String {
    loop {
        let in_shards = || shards.lock().iter().find_map(|(requester, _)| requester.failure());
        if let Some(failure) = background.failure().or_else(in_shards) {
            return failure;
        }
        sleep(FAILURE_INTERVAL).await;
    }
}
