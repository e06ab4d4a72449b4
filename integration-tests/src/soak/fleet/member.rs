//! One process of the fleet, and what its life is remembered by.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};
use parking_lot::Mutex;

use super::management::Management;
use crate::checker::{Death, Ending, Instance, Life, ReplyCounters, Sample, Service, Span, WorkCounters};
use crate::process::{Process, Signal};
use crate::procfs;
use crate::soak::clock::Clock;
use crate::soak::load::{Access, Door};

/// A process that was started, and may have ended since.
pub struct Member {
    /// Which process.
    pub instance: Instance,
    pub(super) process: tokio::sync::Mutex<Process>,
    pub(super) pid: u32,
    pub(super) management: Management,
    /// Where callers enter, if it is a gateway.
    pub(super) door: Option<Arc<Door>>,
    pub(super) claimed: AtomicBool,
    pub(super) clock: Clock,
    pub(super) story: Mutex<Story>,
}

/// What happened to it.
#[derive(Debug, Clone)]
pub(super) struct Story {
    pub(super) started: Duration,
    pub(super) death: Option<Death>,
    pub(super) freezes: Vec<Span>,
    pub(super) frozen_since: Option<Duration>,
    pub(super) clock_ahead_ms: i64,
    pub(super) counters: Option<(Duration, Counters)>,
}

/// What it counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counters {
    /// As a gateway.
    Replies(ReplyCounters),
    /// As a worker.
    Work(WorkCounters),
}

/// A member that one fault has to itself; dropping it lets others have it.
pub struct Claim(pub(super) Arc<Member>);

impl Member {
    /// Whether it has not ended.
    pub fn is_alive(&self) -> bool {
        self.story.lock().death.is_none()
    }

    /// Whether it runs at this moment.
    pub fn is_running(&self) -> bool {
        let story = self.story.lock();
        story.death.is_none() && story.frozen_since.is_none()
    }

    /// Takes it for a fault, unless another has it.
    pub(super) fn claim(self: &Arc<Self>) -> Option<Claim> {
        let free = self.is_running() && !self.claimed.swap(true, Ordering::AcqRel);
        free.then(|| Claim(self.clone()))
    }

    /// SIGKILL.
    ///
    /// # Errors
    /// It had ended by itself.
    pub async fn kill(&self) -> Result<()> {
        let began = self.clock.now();
        let mut process = self.process.lock().await;
        let killed = process.kill().await;
        let by = if killed.is_ok() { Ending::Killed } else { Ending::Failed };
        self.ends(began, by);
        killed
    }

    /// SIGTERM, after a last look at its counters; waits for its end. Callers notice a moment later, as a balancer
    /// that asks for `/health/ready` would make them.
    ///
    /// # Errors
    /// It ends with another status than 0, or not in time.
    pub async fn stop(&self, notice: Duration) -> Result<()> {
        self.count().await.context("its counters before it stops")?;
        let began = self.clock.now();
        let mut process = self.process.lock().await;
        let noticed = async {
            tokio::time::sleep(notice).await;
            if let Some(door) = &self.door {
                door.set(Access::Closing);
            }
        };
        let (ended, ()) = tokio::join!(process.terminate(), noticed);
        let by = if ended.as_ref().is_ok_and(std::process::ExitStatus::success) {
            Ending::Stopped
        } else {
            Ending::Failed
        };
        if ended.is_err() {
            // Nobody waits for it any longer.
            let _ = process.kill().await;
        }
        self.ends(began, by);
        let status = ended?;
        anyhow::ensure!(status.success(), "{} ended with {status}", self.instance);
        Ok(())
    }

    /// SIGSTOP.
    ///
    /// # Errors
    /// The signal cannot be sent.
    pub async fn freeze(&self) -> Result<()> {
        self.story.lock().frozen_since = Some(self.clock.now());
        self.process.lock().await.signal(Signal::Freeze).await
    }

    /// SIGCONT.
    ///
    /// # Errors
    /// The signal cannot be sent.
    pub async fn thaw(&self) -> Result<()> {
        self.process.lock().await.signal(Signal::Thaw).await?;
        let mut story = self.story.lock();
        if let Some(from) = story.frozen_since.take() {
            story.freezes.push(Span { from, to: self.clock.now() });
        }
        Ok(())
    }

    /// Lets callers in or keeps them out, if it is a gateway.
    pub fn admit(&self, access: Access) {
        if let Some(door) = &self.door {
            door.set(access);
        }
    }

    /// Asks for its counters, which are part of its life from then on. Returns them.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn count(&self) -> Result<Counters> {
        let page = self.management.metrics().await?;
        let counters = match self.instance.service {
            Service::Gateway => Counters::Replies(ReplyCounters {
                late: page.sum("gateway_late_replies_total", "")?,
                duplicate: page.sum("gateway_duplicate_replies_total", "")?,
                unknown: page.sum("gateway_unknown_replies_total", "")?,
            }),
            Service::Worker => Counters::Work(WorkCounters {
                expired: page.sum("processor_requests_total", "outcome=\"expired\"")?,
            }),
        };
        self.story.lock().counters = Some((self.clock.now(), counters));
        Ok(counters)
    }

    /// How often a worker has lost partitions because its group had forgotten it.
    ///
    /// # Errors
    /// It does not answer, or is no worker.
    pub async fn losses(&self) -> Result<u64> {
        let page = self.management.metrics().await?;
        page.sum("processor_rebalances_total", "change=\"lost\"")
    }

    /// What it holds now; none if it does not run.
    ///
    /// # Errors
    /// It does not say.
    pub async fn sample(&self, is_quiet: bool) -> Result<Option<Sample>> {
        if !self.is_running() {
            return Ok(None);
        }
        let page = self.management.metrics().await?;
        let pending = match self.instance.service {
            Service::Gateway => page.sum("gateway_pending_requests", "")?,
            Service::Worker => page.sum("processor_in_flight", "")?,
        };
        let (instance, at) = (self.instance, self.clock.now());
        // It may end meanwhile.
        let (Ok(rss_bytes), Ok(sockets)) = (procfs::resident_bytes(self.pid), procfs::sockets(self.pid))
        else {
            return Ok(None);
        };
        Ok(Some(Sample { instance, at, is_quiet, pending, sockets: sockets as u64, rss_bytes }))
    }

    /// The last lines that it logged.
    pub async fn log(&self) -> String {
        self.process.lock().await.log()
    }

    /// Notices an end that nobody asked for. Says so if there is one.
    pub(super) async fn look(&self, last_seen: Duration) -> Option<String> {
        if !self.is_alive() {
            return None;
        }
        // Whoever holds it is ending it.
        let mut process = self.process.try_lock().ok()?;
        let status = process.ended().ok().flatten()?;
        drop(process);
        self.ends(last_seen, Ending::Failed);
        Some(format!("{} ended by itself: {status}", self.instance))
    }

    fn ends(&self, began: Duration, by: Ending) {
        self.admit(Access::Shut);
        let mut story = self.story.lock();
        let ended = self.clock.now();
        if let Some(from) = story.frozen_since.take() {
            story.freezes.push(Span { from, to: ended });
        }
        story.death = Some(Death { began, ended, by });
    }

    pub(super) fn life<C>(&self, counters: impl FnOnce(Counters) -> Option<C>) -> Life<C> {
        let Story { started, death, freezes, clock_ahead_ms, counters: counted, .. } =
            self.story.lock().clone();
        let counters = counted.and_then(|(at, counted)| Some((at, counters(counted)?)));
        Life { instance: self.instance, started, death, freezes, clock_ahead_ms, counters }
    }
}

impl std::ops::Deref for Claim {
    type Target = Member;

    fn deref(&self) -> &Member {
        &self.0
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.0.claimed.store(false, Ordering::Release);
    }
}
