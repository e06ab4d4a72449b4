//! The gateways and workers of a run, each a process of its own.

mod management;
mod member;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use futures::future::join_all;
use parking_lot::Mutex;
use tokio::time::sleep;

use super::clock::Clock;
use super::load::Load;
use crate::checker::{Instance, Life, ReplyCounters, Sample, Service, WorkCounters};
use crate::process::{Environment, Process, Program};
use crate::programs::{HANDLER_VARIABLE, SKEW_VARIABLE};
use management::Management;
use member::Story;
pub use member::{Claim, Counters, Member};

/// From a process's start until it is ready, on a busy machine with a broker that is being tormented.
const READY_LIMIT: Duration = Duration::from_secs(60);

/// Between two looks at a process.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How processes of a run are started.
pub struct Orders {
    /// What every process is told.
    pub environment: Environment,
    /// By how many milliseconds clocks are apart: the first gateway's is ahead by so much and the second's behind, the
    /// first worker's behind and the second's ahead, and so on.
    pub skew_ms: i64,
}

/// All processes that were started.
pub struct Fleet {
    orders: Orders,
    load: Arc<Load>,
    clock: Clock,
    members: Mutex<Vec<Arc<Member>>>,
    next: [AtomicU32; 2],
    complaints: Mutex<Vec<String>>,
}

impl Fleet {
    /// Nobody yet.
    pub fn new(orders: Orders, load: Arc<Load>, clock: Clock) -> Self {
        let (members, next, complaints) = (Mutex::default(), Default::default(), Mutex::default());
        Self { orders, load, clock, members, next, complaints }
    }

    /// Starts one more process of `service`, and returns when it is ready and callers know of it.
    ///
    /// # Errors
    /// It cannot be started, ends, or does not become ready.
    pub async fn start(&self, service: Service) -> Result<Arc<Member>> {
        let next = match service {
            Service::Gateway => &self.next[0],
            Service::Worker => &self.next[1],
        };
        let instance = Instance { service, number: next.fetch_add(1, Relaxed) + 1 };
        let clock_ahead_ms = self.skew_ms(instance);
        let environment = self.environment(instance, clock_ahead_ms);
        let program = match service {
            Service::Gateway => Program::Gateway,
            Service::Worker => Program::Processor,
        };
        let started = self.clock.now();
        let process = Process::start(program, &environment.pairs())?;
        let pid = process.id().context("it was started just now")?;
        let management = Management::at(process.management().await?)?;
        let address = match service {
            Service::Gateway => Some(process.listening().await?.parse::<SocketAddr>()?),
            Service::Worker => None,
        };
        // Known before it is ready, so that it is missed if it ends.
        let story = Story {
            started,
            death: None,
            freezes: Vec::new(),
            frozen_since: None,
            clock_ahead_ms,
            counters: None,
        };
        let member = Arc::new(Member {
            instance,
            process: tokio::sync::Mutex::new(process),
            pid,
            management,
            door: address.map(|address| self.load.doors.open_later(instance, address)),
            claimed: AtomicBool::new(false),
            clock: self.clock,
            story: Mutex::new(story),
        });
        self.members.lock().push(member.clone());
        self.ready(&member).await?;
        member.admit(super::load::Access::Open);
        Ok(member)
    }

    /// Calls each running gateway once more. An answer proves that its gateway has read every reply before it.
    pub async fn call_once_more(&self) {
        let gateways = self.running(Service::Gateway);
        let doors = gateways.iter().filter_map(|gateway| gateway.door.as_ref());
        join_all(doors.map(|door| self.load.call_at(door))).await;
    }

    /// Takes a running process of `service` for a fault, the `pick`th of those that no other fault has; none if there is
    /// none.
    pub fn claim(&self, service: Service, pick: usize) -> Option<Claim> {
        let running = self.running(service);
        let mut turns = (0..running.len()).map(|turn| (pick.wrapping_add(turn)) % running.len());
        turns.find_map(|turn| running.get(turn).and_then(Member::claim))
    }

    /// Takes this one, unless another fault has it or it has ended.
    pub fn claim_this(&self, member: &Arc<Member>) -> Option<Claim> {
        member.claim()
    }

    /// The processes of `service` that run at this moment.
    pub fn running(&self, service: Service) -> Vec<Arc<Member>> {
        self.find(|member| member.instance.service == service && member.is_running())
    }

    /// What all running processes hold.
    pub async fn sample(&self, is_quiet: bool) -> Vec<Sample> {
        let running = self.find(Member::is_running);
        let samples = join_all(running.iter().map(|member| member.sample(is_quiet))).await;
        // One that is ended or frozen while it is asked does not answer, and is no sample.
        samples.into_iter().filter_map(|sample| sample.ok().flatten()).collect()
    }

    /// Notices processes that end by themselves, until dropped.
    pub async fn watch(&self) {
        let mut last_seen = self.clock.now();
        loop {
            let now = self.clock.now();
            for member in self.find(Member::is_alive) {
                if let Some(complaint) = member.look(last_seen).await {
                    self.complaints.lock().push(complaint);
                }
            }
            last_seen = now;
            sleep(LOOK_EVERY).await;
        }
    }

    /// The lives of all gateways.
    pub fn gateways(&self) -> Vec<Life<ReplyCounters>> {
        let replies = |counters| match counters {
            Counters::Replies(replies) => Some(replies),
            Counters::Work(_) => None,
        };
        let gateways = self.find(|member| member.instance.service == Service::Gateway);
        gateways.iter().map(|member| member.life(replies)).collect()
    }

    /// The lives of all workers.
    pub fn workers(&self) -> Vec<Life<WorkCounters>> {
        let work = |counters| match counters {
            Counters::Work(work) => Some(work),
            Counters::Replies(_) => None,
        };
        let workers = self.find(|member| member.instance.service == Service::Worker);
        workers.iter().map(|member| member.life(work)).collect()
    }

    /// What all processes logged last, by their names.
    pub async fn logs(&self) -> Vec<(Instance, String)> {
        let members = self.find(|_| true);
        join_all(members.iter().map(async |member| (member.instance, member.log().await))).await
    }

    /// What no run should show.
    pub fn complaints(&self) -> Vec<String> {
        self.complaints.lock().clone()
    }

    async fn ready(&self, member: &Member) -> Result<()> {
        let began = self.clock.now();
        loop {
            let reason = match member.management.ready().await {
                Ok(()) => return Ok(()),
                Err(reason) => reason,
            };
            if !member.is_alive() {
                bail!("{} ended before it was ready:\n{}", member.instance, member.log().await);
            }
            if self.clock.now().saturating_sub(began) > READY_LIMIT {
                bail!("{} does not become ready: {reason:#}\n{}", member.instance, member.log().await);
            }
            sleep(LOOK_EVERY).await;
        }
    }

    fn environment(&self, instance: Instance, clock_ahead_ms: i64) -> Environment {
        // Both places where a handler can run.
        let handler = if instance.number.is_multiple_of(2) { "heavy" } else { "short" };
        self.orders.environment.clone().with(SKEW_VARIABLE, clock_ahead_ms).with(HANDLER_VARIABLE, handler)
    }

    fn skew_ms(&self, instance: Instance) -> i64 {
        let ahead = instance.number.is_multiple_of(2) == (instance.service == Service::Worker);
        if ahead { self.orders.skew_ms } else { -self.orders.skew_ms }
    }

    fn find(&self, fits: impl Fn(&Member) -> bool) -> Vec<Arc<Member>> {
        self.members.lock().iter().filter(|member| fits(member)).cloned().collect()
    }
}
