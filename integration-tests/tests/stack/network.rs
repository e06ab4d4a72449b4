//! A network between services and broker that resets, swallows, forgets and delays.
//!
//! Both services reach the broker through its proxy; the topics' last look does not.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use integration_tests::broker::{Choice, TestBroker};
use integration_tests::proxy::{Direction, Flow, Proxy};
use integration_tests::stack::{Running, TestStack};
use integration_tests::wait;
use libtest_mimic::Trial;
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::sleep;

use crate::honesty::{CALM, Felt, judge};
use crate::steady::{Steady, all_answered};
use crate::{Context, test};

/// Calls a second.
const RATE: u32 = 50;
/// Settings short enough for a test to see them pass.
const KAFKA_TIMEOUT: Duration = Duration::from_secs(2);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the network stays broken: longer than any call to Kafka waits.
const OUTAGE: Duration = Duration::from_secs(3);
/// After a fault there are more calls than could be under way when it ended.
const AFTERWARDS: usize = CALM + 250;

pub(crate) fn tests(context: &Context) -> Vec<Trial> {
    vec![
        test("connections_reset_inside_frames_are_made_again", context, cut_frames),
        test("a_network_that_swallows_everything_is_given_up_in_time", context, black_hole),
        test("lost_answers_alone_are_noticed_in_time", context, lost_answers),
        test("connections_that_a_nat_forgot_are_noticed_in_time", context, half_open),
        test("a_port_that_refuses_is_tried_until_it_opens", context, refused),
        test("a_cable_that_is_put_back_in_time_costs_no_answer", context, held),
        test("a_slow_network_costs_time_and_no_answer", context, slow),
    ]
}

/// A gateway and a worker behind the proxy, under steady calls.
struct Stand {
    load: Steady,
    gateway: Running,
    _processor: Running,
    /// Goes after those who say goodbye to it.
    broker: TestBroker,
    /// Tests that share a broker share its proxy.
    _turn: Option<MutexGuard<'static, ()>>,
}

static TURN: Mutex<()> = Mutex::const_new(());

impl Stand {
    /// None where no proxy can stand before the broker, which is said.
    async fn start(context: &Context) -> Result<Option<Self>> {
        let turn = match context.brokers.choice() {
            Choice::Embedded => None,
            Choice::Container => Some(TURN.lock().await),
            Choice::Address(_) => {
                eprintln!("skipped: no proxy stands before somebody else's broker");
                return Ok(None);
            }
        };
        let broker = context.brokers.any().await?.proxied()?;
        let stack = TestStack::new(broker.clone());
        let mut settings = stack.processor_settings();
        settings.kafka.timeout = KAFKA_TIMEOUT;
        let processor = stack.start_processor(settings)?;
        let mut settings = stack.gateway_settings();
        settings.kafka.timeout = KAFKA_TIMEOUT;
        settings.request_timeout = REQUEST_TIMEOUT;
        let gateway = stack.start_gateway(settings)?;
        processor.ready().await?;
        gateway.answering().await?;
        let mut load = Steady::start(RATE);
        load.add(gateway.port, gateway.management_port)?;
        load.more(CALM).await?;
        Ok(Some(Self { load, gateway, _processor: processor, broker, _turn: turn }))
    }

    fn proxy(&self) -> Result<&Proxy> {
        Ok(self.broker.proxies().first().context("the proxy was asked for")?)
    }

    /// Waits for calm after a fault that is over now, and judges every call since the start.
    async fn judge(self, name: &str) -> Result<Felt> {
        let ended = Instant::now();
        self.load.more(AFTERWARDS).await?;
        let felt = judge(self.load.stop().await?, REQUEST_TIMEOUT, ended)?;
        eprintln!("{name}: {felt}");
        self.gateway.answering().await?;
        Ok(felt)
    }
}

async fn cut_frames(context: Context) -> Result<()> {
    let Some(stand) = Stand::start(&context).await? else { return Ok(()) };
    // Inside the length, inside the header, and further on, of whatever frames come: heartbeats and records alike.
    for after in [2, 9, 60] {
        for direction in Direction::BOTH {
            let proxy = stand.proxy()?;
            proxy.cut_frames(direction, after, 4);
            wait::until("all cuts to be made", async || proxy.cuts_left(direction) == 0).await?;
            stand.load.more(CALM).await?;
        }
    }
    stand.judge("connections reset inside frames").await?;
    Ok(())
}

async fn black_hole(context: Context) -> Result<()> {
    let Some(stand) = Stand::start(&context).await? else { return Ok(()) };
    stand.proxy()?.black_hole();
    sleep(OUTAGE).await;
    stand.proxy()?.heal();
    stand.judge("black hole").await?.was_felt(OUTAGE)
}

async fn lost_answers(context: Context) -> Result<()> {
    let Some(stand) = Stand::start(&context).await? else { return Ok(()) };
    stand.proxy()?.lose_answers();
    sleep(OUTAGE).await;
    stand.proxy()?.heal();
    stand.judge("lost answers").await?.was_felt(OUTAGE)
}

async fn half_open(context: Context) -> Result<()> {
    let Some(stand) = Stand::start(&context).await? else { return Ok(()) };
    stand.proxy()?.forget_connections();
    let felt = stand.judge("half-open connections").await?;
    felt.was_felt(KAFKA_TIMEOUT)?;
    // Nothing tells of it but the silence: a call to Kafka has to be given up, and after it the next one works.
    let limit = REQUEST_TIMEOUT + 2 * KAFKA_TIMEOUT;
    ensure!(felt.recovery.is_none_or(|recovery| recovery < limit), "noticed too late: {felt}");
    Ok(())
}

async fn refused(context: Context) -> Result<()> {
    let Some(stand) = Stand::start(&context).await? else { return Ok(()) };
    stand.proxy()?.refuse();
    stand.proxy()?.reset_connections();
    sleep(OUTAGE).await;
    stand.proxy()?.heal();
    stand.judge("refused connections").await?.was_felt(OUTAGE)
}

async fn held(context: Context) -> Result<()> {
    let Some(stand) = Stand::start(&context).await? else { return Ok(()) };
    stand.proxy()?.hold();
    sleep(KAFKA_TIMEOUT / 4).await;
    stand.proxy()?.heal();
    stand.load.more(CALM).await?;
    let calls = stand.load.stop().await?;
    all_answered(&calls)?;
    Ok(())
}

async fn slow(context: Context) -> Result<()> {
    let Some(stand) = Stand::start(&context).await? else { return Ok(()) };
    let proxy = stand.proxy()?;
    let delay = Duration::from_millis(50);
    proxy.set_both(Flow::delayed(delay));
    stand.load.more(2 * CALM).await?;
    let limit = NonZeroU32::new(500_000).context("not zero")?;
    proxy.set_both(Flow { delay, ..Flow::limited(limit) });
    stand.load.more(2 * CALM).await?;
    proxy.heal();
    let calls = stand.load.stop().await?;
    all_answered(&calls)?;
    Ok(())
}
