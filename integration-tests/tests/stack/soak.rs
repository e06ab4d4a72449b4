//! Short rounds of the soak tool: seeded, on whatever broker the tests run on. They hold the stack to outcomes; how long
//! recovery takes is for longer runs on a quiet machine to judge.

use std::time::Duration;

use anyhow::{Result, ensure};
use integration_tests::broker;
use integration_tests::checker::{Guarantee, Violation};
use integration_tests::soak::faults::{Kind, Needs};
use integration_tests::soak::plan::Plan;
use integration_tests::soak::run::run;
use integration_tests::soak::settings::Settings;
use integration_tests::soak::site::Choice;
use kafka_protocol::records::Compression;
use libtest_mimic::Trial;

use crate::{Context, test};

/// Enough that something is always under way.
const PER_SECOND: u32 = 50;

struct Round {
    name: &'static str,
    seed: u64,
    seconds: u64,
    kinds: &'static [Kind],
    needs: Needs,
}

const ROUNDS: [Round; 5] = [
    Round {
        name: "killed_and_replaced_processes_keep_every_guarantee",
        seed: 3,
        seconds: 45,
        kinds: &[Kind::WorkerKilled, Kind::GatewayKilled, Kind::WorkerReplaced, Kind::GatewayReplaced],
        needs: Needs::AnyBroker,
    },
    Round {
        name: "frozen_and_burning_processes_keep_every_guarantee",
        seed: 3,
        seconds: 35,
        kinds: &[Kind::WorkerFrozen, Kind::HandlerBurns],
        needs: Needs::OwnBroker,
    },
    Round {
        name: "topics_and_offsets_that_go_keep_every_guarantee",
        seed: 4,
        seconds: 45,
        kinds: &[Kind::OffsetsLost, Kind::RequestsDeleted, Kind::PartitionsAdded],
        needs: Needs::Embedded,
    },
    Round {
        name: "a_broker_that_misbehaves_keeps_every_guarantee",
        seed: 5,
        seconds: 35,
        kinds: &[
            Kind::AcknowledgementLost,
            Kind::ReplicasMissingAfterAppend,
            Kind::LeaderUnsure,
            Kind::DiskFull,
        ],
        needs: Needs::Embedded,
    },
    Round {
        name: "a_broker_that_is_lost_to_the_network_keeps_every_guarantee",
        seed: 83,
        seconds: 35,
        kinds: &[Kind::BrokerRestarted, Kind::FramesCut, Kind::AnswersLost],
        needs: Needs::OneBroker,
    },
];

pub(crate) fn tests(context: &Context) -> Vec<Trial> {
    let choice = match broker::Choice::from_environment() {
        broker::Choice::Embedded => Choice::Embedded,
        broker::Choice::Container => Choice::Container(1),
        broker::Choice::Address(address) => Choice::Address(address),
    };
    let possible = ROUNDS.into_iter().filter(|round| choice.offers(round.needs));
    let trial = |round: Round| {
        let choice = choice.clone();
        test(round.name, context, async move |_| round.hold(choice).await)
    };
    possible.map(trial).collect()
}

impl Round {
    async fn hold(&self, broker: Choice) -> Result<()> {
        let settings = Settings {
            seed: self.seed,
            length: Duration::from_secs(self.seconds),
            gateways: 2,
            workers: 2,
            partitions: 3,
            per_second: PER_SECOND,
            broker,
            kinds: self.kinds.to_vec(),
            codecs: vec![Compression::Gzip, Compression::Zstd],
            initial_rebalance_delay: Duration::ZERO,
            skew_ms: 30_000,
            logs: std::env::temp_dir().join(format!("soak-{}-{}", self.name, std::process::id())),
        };
        let plan = Plan::of(settings.seed, settings.length, &settings.kinds);
        ensure!(!plan.steps.is_empty(), "nothing goes wrong in so short a time");
        let report = run(&settings, &plan, |_| {}).await?;
        // Of these, many have seconds in them.
        let in_time = |violation: &&Violation| violation.guarantee == Guarantee::G7Recovery;
        let broken = report.verdict.violations().iter().find(|violation| !in_time(violation));
        ensure!(broken.is_none(), "{broken:?}:\n{plan}\n{report}");
        ensure!(report.complaints.is_empty(), "not as planned:\n{plan}\n{report}");
        let recovered = report.table.incidents.iter().all(|incident| incident.recovery.is_some());
        ensure!(recovered, "no answer after a fault:\n{plan}\n{report}");
        Ok(())
    }
}
