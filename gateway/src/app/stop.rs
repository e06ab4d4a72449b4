//! The order in which a gateway stops: its callers first, then its group.

use std::time::Duration;

use actix_web::dev::ServerHandle;
use anyhow::Result;
use service::Shutdown;
use service::settings::GatewaySettings;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::metrics::Shards;

/// What a stage of the shutdown gets beyond the time that its work may take by itself.
pub(super) const MARGIN: Duration = Duration::from_secs(1);

/// Longest time for the last commits and the goodbye to the group.
const LEAVE_LIMIT: Duration = Duration::from_secs(5);

/// Shortest time to serve on: kept-alive connections are closed with an answer that says so, and not in the moment when
/// a request is on its way.
const LAST_CALL: Duration = Duration::from_millis(500);

/// Serves on, so that balancers notice; takes no new connections and finishes what is pending; leaves the group.
pub(super) async fn in_order(
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
