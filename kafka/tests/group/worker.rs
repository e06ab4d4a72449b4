//! An owner of a member that does as it is told and keeps a record of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use kafka::{
    Kafka,
    group::{Commits, Event, GroupConfig, Member, State, Status},
};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::timeout,
};

/// What a worker was told since it began.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log {
    /// What it may work on now.
    pub(crate) held: BTreeSet<i32>,
    /// Where each partition stood when it was last assigned.
    pub(crate) committed: BTreeMap<i32, Option<i64>>,
    pub(crate) revoked: Vec<i32>,
    pub(crate) lost: Vec<i32>,
    pub(crate) count: Option<i32>,
    pub(crate) ended: bool,
}

/// What its owner does with revoked partitions before they are done.
pub(crate) type Drain = Box<dyn Fn(&Commits, &[i32]) -> Duration + Send + Sync>;

enum Order {
    Leave(Duration, oneshot::Sender<()>),
    Vanish(oneshot::Sender<()>),
    /// Keep the member's thread busy.
    Freeze(Duration),
    Status(oneshot::Sender<Status>),
}

pub(crate) struct Worker {
    pub(crate) commits: Commits,
    log: watch::Receiver<Log>,
    orders: mpsc::Sender<Order>,
}

const PATIENCE: Duration = Duration::from_secs(20);

impl Worker {
    pub(crate) fn start(kafka: &Kafka, config: GroupConfig) -> Self {
        Self::draining(kafka, config, Box::new(|_, _| Duration::ZERO))
    }

    pub(crate) fn draining(kafka: &Kafka, config: GroupConfig, drain: Drain) -> Self {
        let member = Member::join(kafka.clone(), config).unwrap();
        let commits = member.offsets();
        let (log_sender, log) = watch::channel(Log::default());
        let (orders, order_receiver) = mpsc::channel(4);
        tokio::spawn(work(member, drain, log_sender, order_receiver));
        Self { commits, log, orders }
    }

    pub(crate) fn log(&self) -> Log {
        self.log.borrow().clone()
    }

    pub(crate) fn held(&self) -> BTreeSet<i32> {
        self.log.borrow().held.clone()
    }

    /// Waits for a state of the log; `what` is what the test waits for.
    pub(crate) async fn until(&mut self, what: &str, is_so: impl FnMut(&Log) -> bool) -> Log {
        let waited = timeout(PATIENCE, self.log.wait_for(is_so)).await;
        // A worker that has ended tells no more: what it told last is all there is.
        let told = waited.is_ok_and(|log| log.is_ok());
        if told {
            return self.log();
        }
        panic!("waited {PATIENCE:?} for {what}; there is {:?}", *self.log.borrow());
    }

    pub(crate) async fn status(&self) -> Status {
        let (answer, status) = oneshot::channel();
        self.order(Order::Status(answer)).await;
        status.await.unwrap()
    }

    /// Waits until the member is one like the others.
    pub(crate) async fn until_stable(&self) -> Status {
        let waited = timeout(PATIENCE, async {
            loop {
                let status = self.status().await;
                if status.state == State::Stable {
                    return status;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
        waited.await.unwrap_or_else(|_| panic!("waited {PATIENCE:?} for a stable member"))
    }

    pub(crate) async fn leave(&self, limit: Duration) {
        let (done, is_done) = oneshot::channel();
        self.order(Order::Leave(limit, done)).await;
        is_done.await.unwrap();
    }

    /// Dies without a word.
    pub(crate) async fn vanish(&self) {
        let (done, is_done) = oneshot::channel();
        self.order(Order::Vanish(done)).await;
        is_done.await.unwrap();
    }

    pub(crate) async fn freeze(&self, time: Duration) {
        self.order(Order::Freeze(time)).await;
    }

    async fn order(&self, order: Order) {
        assert!(self.orders.send(order).await.is_ok(), "the worker has ended");
    }
}

async fn work(mut member: Member, drain: Drain, log: watch::Sender<Log>, mut orders: mpsc::Receiver<Order>) {
    let commits = member.offsets();
    loop {
        tokio::select! {
            event = member.next_event() => match event {
                Some(event) => take(event, &commits, &drain, &log).await,
                None => break,
            },
            order = orders.recv() => match order {
                Some(Order::Leave(limit, done)) => {
                    member.leave(limit).await;
                    let _ = done.send(());
                    break;
                }
                Some(Order::Vanish(done)) => {
                    drop(member);
                    let _ = done.send(());
                    break;
                }
                Some(Order::Freeze(time)) => {
                    drop(member.runtime().spawn(async move { std::thread::sleep(time) }));
                }
                Some(Order::Status(answer)) => drop(answer.send(member.status())),
                None => break,
            },
        }
    }
    log.send_modify(|log| {
        log.held.clear();
        log.ended = true;
    });
}

async fn take(event: Event, commits: &Commits, drain: &Drain, log: &watch::Sender<Log>) {
    match event {
        Event::Assigned(new) => log.send_modify(|log| {
            for assigned in new {
                assert!(log.held.insert(assigned.partition), "assigned twice");
                log.committed.insert(assigned.partition, assigned.committed);
            }
        }),
        Event::Revoke { partitions, done } => {
            tokio::time::sleep(drain(commits, &partitions)).await;
            log.send_modify(|log| {
                log.held.retain(|p| !partitions.contains(p));
                log.revoked.extend(partitions);
            });
            done.finish();
        }
        Event::Lost { partitions } => log.send_modify(|log| {
            log.held.retain(|p| !partitions.contains(p));
            log.lost.extend(partitions);
        }),
        Event::PartitionsChanged(count) => log.send_modify(|log| log.count = Some(count)),
    }
}

/// Waits until `workers` together hold each of `0..partitions` exactly once, none more than one more than another.
pub(crate) async fn shared_out(workers: &mut [&mut Worker], partitions: i32) {
    let waited = timeout(PATIENCE, async {
        loop {
            let mut all: Vec<i32> = workers.iter().flat_map(|worker| worker.held()).collect();
            all.sort_unstable();
            let sizes = workers.iter().map(|worker| worker.held().len());
            let spread = sizes.clone().max().unwrap_or(0) - sizes.min().unwrap_or(0);
            if spread <= 1 && all == (0..partitions).collect::<Vec<_>>() {
                return;
            }
            let changes = workers.iter_mut().map(|worker| Box::pin(worker.log.changed()));
            let (changed, ..) = futures::future::select_all(changes).await;
            changed.expect("the workers live");
        }
    });
    if waited.await.is_err() {
        let held: Vec<_> = workers.iter().map(|worker| worker.held()).collect();
        panic!("waited {PATIENCE:?} for {partitions} partitions to be shared out; there is {held:?}");
    }
}
