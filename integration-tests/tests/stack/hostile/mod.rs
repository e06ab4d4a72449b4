//! Callers who mean harm, or whose programs do: each ends in a clear error or in a closed connection, the gateway's memory
//! stays bounded, and others are answered meanwhile.

mod bodies;
mod connections;
mod heads;
mod http2;
mod json;
mod lengths;
mod raw;

use std::cell::Cell;
use std::future::Future;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use integration_tests::client::Client;
use integration_tests::process::{Environment, Process, Program};
use integration_tests::procfs;
use integration_tests::stack::{Running, TestStack};
use integration_tests::wait;
use libtest_mimic::Trial;

use crate::rolling::environment;
use crate::{Context, test};

/// Calls of the ordinary caller that have to be answered before it is believed that others are served.
const ENOUGH_CALLS: usize = 5;

/// Longest that an ordinary call may take meanwhile, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(5);

/// Calls after which a gateway has the memory that ordinary work needs.
const WARM_UP: usize = 50;

pub(crate) fn tests(context: &Context) -> Vec<Trial> {
    vec![
        test("heads_that_drip_are_ended_and_others_served", context, heads::slow),
        test("floods_of_headers_are_refused_in_bounded_memory", context, heads::floods),
        test("a_flood_of_bad_requests_does_not_flood_the_log", context, heads::log),
        test("bodies_that_drip_are_408_and_others_served", context, bodies::slow),
        test("endless_chunks_are_413_and_their_connections_closed", context, bodies::endless),
        test("no_refusal_drains_an_endless_body", context, bodies::refused),
        test("gzip_bombs_are_refused_unopened", context, bodies::bombs),
        test("lengths_that_lie_end_in_an_error_or_a_closed_connection", context, lengths::lies),
        test("large_bodies_that_are_only_announced_take_nothing", context, lengths::announced),
        test("hostile_json_is_400_and_odd_json_is_right", context, json::documents),
        test("ten_thousand_idle_connections_harm_nobody", context, connections::idle_ones),
        test("refusals_of_large_bodies_arrive_over_http2", context, http2::refusals),
    ]
}

/// A gateway that is a process of its own, so that its memory can be watched, and a worker.
struct Target {
    gateway: Process,
    _worker: Running,
    /// The broker goes with its last user.
    _stack: TestStack,
    /// `host:port`.
    address: String,
    ordinary: Client,
    management: Client,
    settled: u64,
}

impl Target {
    async fn start(context: &Context) -> Result<Self> {
        Self::start_with(context, |environment| environment).await
    }

    async fn start_with(context: &Context, set: fn(Environment) -> Environment) -> Result<Self> {
        let stack = context.stack().await?;
        let worker = stack.start_processor(stack.processor_settings())?;
        let gateway = Process::start(Program::Gateway, &set(environment(&stack)).pairs())?;
        let address = gateway.listening().await?;
        let management = Client::at(&gateway.management().await?)?;
        let ordinary = Client::at(&address)?;
        wait::until_ok("an answer", async || ordinary.hash("is anybody there").await).await?;
        for n in 0..WARM_UP {
            ordinary.hash(&format!("warm-up {n}")).await?;
        }
        let settled = procfs::resident_bytes(gateway.id().context("it runs")?)?;
        Ok(Self { gateway, _worker: worker, _stack: stack, address, ordinary, management, settled })
    }

    /// Does `harm` while somebody else calls, one call after the other: all of those have to be answered.
    async fn meanwhile<T>(&self, harm: impl Future<Output = Result<T>>) -> Result<T> {
        let is_done = Cell::new(false);
        let harm = async {
            let outcome = harm.await;
            is_done.set(true);
            outcome
        };
        let others = async {
            let mut calls = 0;
            while calls < ENOUGH_CALLS || !is_done.get() {
                let began = Instant::now();
                self.ordinary.hash(&format!("ordinary {calls}")).await.context("others are not served")?;
                let took = began.elapsed();
                ensure!(took < PATIENCE, "an ordinary call took {took:?}");
                calls += 1;
            }
            Ok(())
        };
        Ok(tokio::try_join!(harm, others)?.0)
    }

    /// That the gateway never held more than `mib` MiB beyond what ordinary work needs.
    fn never_grew_by(&self, mib: u64) -> Result<()> {
        let peak = procfs::peak_bytes(self.gateway.id().context("it runs")?)?;
        let (settled, grown) = (self.settled, peak.saturating_sub(self.settled));
        eprintln!("hostile: settled at {settled} bytes, at most {grown} bytes more");
        ensure!(grown < mib << 20, "resident memory grew by {grown} bytes from {settled} bytes");
        Ok(())
    }

    /// That nothing is left of what was done to it.
    async fn is_clean(&self) -> Result<()> {
        for name in ["gateway_pending_requests", "gateway_pending_bytes"] {
            wait::until_ok(name, async || {
                let value = self.management.metric(name).await?;
                ensure!(value == 0.0, "{value}");
                Ok(())
            })
            .await?;
        }
        Ok(())
    }
}
