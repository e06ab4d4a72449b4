//! What testcontainers has no word for: the Docker engine, asked directly.

use std::future::Future;

use anyhow::Result;
use testcontainers::bollard::Docker;
use testcontainers::core::client::docker_client_instance;
use tokio::runtime;

/// A client of the engine that testcontainers uses.
pub(super) async fn engine() -> Result<Docker> {
    Ok(docker_client_instance().await?)
}

/// Runs `work` to its end from a place that cannot await, on whichever runtime it stands, if any.
pub(super) fn block_on(work: impl Future<Output = ()> + Send + 'static) {
    let body = move || {
        if let Ok(runtime) = runtime::Builder::new_current_thread().enable_all().build() {
            runtime.block_on(work);
        }
    };
    // A panic of it was reported when it happened; a thread that cannot be had leaves work for the next run.
    if let Ok(thread) = std::thread::Builder::new().spawn(body) {
        let _ = thread.join();
    }
}
