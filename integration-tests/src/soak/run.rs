//! A run from its first process to its verdict.
//!
//! ```text
//!   broker ─▶ tail ─▶ workers, gateways ─▶ load ┬─▶ the plan's faults, one step after another ─▶ no more load
//!                                               └─▶ once a second: how it goes
//!   everything comes to rest ─▶ counters, samples, committed offsets ─▶ History ─▶ all processes stop ─▶ Report
//! ```

mod ending;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use futures::future::{join_all, try_join_all};
use parking_lot::Mutex;
use tokio::task::JoinSet;
use tokio::time::{sleep, sleep_until, timeout};

use super::by_hand::ByHand;
use super::clock::Clock;
use super::faults::{Injection, Subject};
use super::fleet::{Fleet, Orders};
use super::load::{Load, Rate};
use super::plan::{Plan, Step, WARM_UP};
use super::probe::Probe;
use super::progress::Progress;
use super::report::Report;
use super::settings::Settings;
use super::site::Site;
use super::stalls::Stalls;
use super::tail::Tail;
use super::topics::Names;
use crate::checker::{Fault, Sample, Service, Topic};
use crate::process::Environment;

/// The product's own default.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// Between two looks at whether everything has come to rest.
const PAUSE: Duration = Duration::from_millis(200);

/// Longest pause of the load for a sample at rest.
const BREATHER_LIMIT: Duration = Duration::from_secs(3);

/// From one sample at rest to the next.
const BREATHER_EVERY: Duration = Duration::from_secs(60);

/// A run under way.
struct Run {
    subject: Arc<Subject>,
    by_hand: Arc<ByHand>,
    stalls: Stalls,
    progress: Progress,
    faults: Mutex<Vec<Fault>>,
    samples: Mutex<Vec<Sample>>,
    complaints: Mutex<Vec<String>>,
}

/// Runs `plan` with `settings`; `say` gets one line a second.
///
/// # Errors
/// The stack cannot be started, or does not come to rest: there is nothing to judge.
pub async fn run(settings: &Settings, plan: &Plan, say: fn(&str)) -> Result<Report> {
    let clock = Clock::start();
    let run = Run::prepare(settings, clock).await?;
    // Ends with the run, whichever way that goes.
    let mut attendants = JoinSet::new();
    run.attend(&mut attendants, clock, say);
    let ended = tokio::select! {
        // Boxed: the layouts of all these futures inside one another are too much for the compiler.
        ended = Box::pin(run.work(settings, plan)) => ended,
        never = Box::pin(run.probe()) => match never {},
    };
    if let Err(error) = &ended {
        run.complain(format!("{error:#}"));
    }
    attendants.shutdown().await;
    run.report(settings).await
}

impl Run {
    async fn prepare(settings: &Settings, clock: Clock) -> Result<Self> {
        let site = Site::start(&settings.broker, settings.initial_rebalance_delay).await?;
        let name = format!("soak-{}-{}", settings.seed, std::process::id());
        let names = Names::of(&name);
        let rate = Rate { per_second: settings.per_second, limit: REQUEST_TIMEOUT, seed: settings.seed };
        let load = Arc::new(Load::new(rate, clock));
        let environment = environment(&names, &site.proxied().join(","), settings);
        let orders = Orders { environment, skew_ms: settings.skew_ms };
        let fleet = Arc::new(Fleet::new(orders, load.clone(), clock));
        let kafka = site.kafka();
        let tail = Arc::new(Tail::new(kafka.clone(), names.clone(), clock));
        let probe = Arc::new(Probe::new(kafka.clone(), &name, names.worker_group(), clock));
        let by_hand =
            ByHand::new(kafka.clone(), names.clone(), clock, settings.seed, settings.codecs.clone());
        Ok(Self {
            subject: Arc::new(Subject { fleet, load, tail, site, probe, names, kafka, clock }),
            by_hand: Arc::new(by_hand),
            stalls: Stalls::default(),
            progress: Progress::default(),
            faults: Mutex::default(),
            samples: Mutex::default(),
            complaints: Mutex::default(),
        })
    }

    fn attend(&self, attendants: &mut JoinSet<()>, clock: Clock, say: fn(&str)) {
        let (tail, fleet, load) =
            (self.subject.tail.clone(), self.subject.fleet.clone(), self.subject.load.clone());
        attendants.spawn(async move { tail.watch().await });
        attendants.spawn(async move { fleet.watch().await });
        attendants.spawn(self.stalls.clone().watch(clock));
        attendants.spawn(self.progress.clone().tell(load, clock, say));
    }

    /// Tries the brokers, where a node of them can be lost.
    async fn probe(&self) -> Infallible {
        if self.subject.site.cluster().is_ok() {
            self.subject.probe.watch().await;
        }
        std::future::pending().await
    }

    async fn work(&self, settings: &Settings, plan: &Plan) -> Result<()> {
        let Subject { fleet, load, clock, .. } = &*self.subject;
        let workers = (0..settings.workers).map(|_| fleet.start(Service::Worker));
        let gateways = (0..settings.gateways).map(|_| fleet.start(Service::Gateway));
        // Workers first, so that the first call already finds one.
        self.progress.enter("starting");
        try_join_all(workers).await?;
        try_join_all(gateways).await?;
        self.progress.leave("starting");
        let began = clock.now();
        let end = clock.instant(began + settings.length).into();
        let driven = {
            let load = load.clone();
            tokio::spawn(async move { load.drive().await })
        };
        let by_hand = self.by_hand.clone();
        // Ends when it is dropped.
        let mut writing = JoinSet::new();
        writing.spawn(async move { by_hand.write().await });
        sleep(WARM_UP.min(settings.length)).await;
        let mut last_breather = clock.now();
        self.breathe().await;
        for step in &plan.steps {
            if tokio::time::Instant::now() >= end {
                break;
            }
            self.take(step).await;
            if clock.now().saturating_sub(last_breather) > BREATHER_EVERY {
                last_breather = clock.now();
                self.breathe().await;
            }
            sleep(step.quiet).await;
        }
        sleep_until(end).await;
        load.finish();
        self.progress.enter("coming to rest");
        drop(writing);
        driven.await.context("the load's task died")?;
        timeout(ending::REST_LIMIT, self.rest()).await.context("the stack does not come to rest")??;
        Ok(())
    }

    /// One step of the plan, and its rest.
    async fn take(&self, step: &Step) {
        let injected = step.faults.iter().map(|injection| self.inject(injection));
        join_all(injected).await;
        let rest = step.rest;
        self.progress.enter("recovering");
        sleep(rest).await;
        self.progress.leave("recovering");
    }

    async fn inject(&self, injection: &Injection) {
        sleep(injection.after).await;
        let name = injection.kind.row().name;
        self.progress.enter(name);
        match injection.inject(&self.subject).await {
            Ok(fault) => self.faults.lock().push(fault),
            Err(error) => self.complain(format!("{error:#}")),
        }
        self.progress.leave(name);
    }

    /// Lets all calls end and takes a sample, for comparison with the last one.
    async fn breathe(&self) {
        let Subject { load, fleet, .. } = &*self.subject;
        load.pause();
        let idle = async {
            while load.in_flight() > 0 {
                sleep(Duration::from_millis(20)).await;
            }
        };
        if timeout(BREATHER_LIMIT, idle).await.is_ok() {
            self.sample(fleet, load).await;
        }
        load.resume();
    }

    /// What the processes hold for themselves: without connections that callers keep.
    async fn sample(&self, fleet: &Fleet, load: &Load) {
        load.doors.close_idle();
        sleep(PAUSE).await;
        let samples = fleet.sample(true).await;
        self.samples.lock().extend(samples);
    }

    fn complain(&self, complaint: String) {
        self.complaints.lock().push(complaint);
    }
}

/// Product defaults but for names, addresses and ports.
fn environment(names: &Names, bootstrap: &str, settings: &Settings) -> Environment {
    Environment::default()
        .with("KAFKA_BROKERS", bootstrap)
        .with("KAFKA_REQUEST_TOPIC", names.topic(Topic::Requests))
        .with("KAFKA_RESPONSE_TOPIC", names.topic(Topic::Responses))
        .with("KAFKA_PARTITIONS", settings.partitions)
        .with("SERVICE_1_GROUP_ID", names.gateway_group())
        .with("SERVICE_2_GROUP_ID", names.worker_group())
        .with("SERVICE_1_HOST", "127.0.0.1")
        .with("SERVICE_1_PORT", 0)
        .with("SERVICE_1_MANAGEMENT_PORT", 0)
        .with("SERVICE_2_MANAGEMENT_PORT", 0)
}
