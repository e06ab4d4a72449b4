//! Forged histories in a few lines.
//!
//! A fresh [`Run`] has gateway 1 and worker 1, three partitions of each topic and nothing wrong with it. Each method lets
//! something more happen, all of it consistent: logs have no holes, workers commit, gateways count. What a test wants to be
//! wrong it changes by hand.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::*;

/// The calls' deadline.
pub(super) const LIMIT: Duration = Duration::from_secs(10);

pub(super) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

pub(super) fn data(number: u64) -> Digest {
    Digest::of(&format!("call {number}"))
}

/// The id under which gateway `gateway` writes call `number`.
pub(super) fn id(gateway: u32, number: u64) -> Id {
    Id::from(&*format!("{gateway:08x}-0000-8000-8000-{number:012x}"))
}

pub(super) fn answer(gateway: u32, number: u64) -> Outcome {
    Outcome::Answered { id: id(gateway, number), hash: data(number) }
}

/// A documented error about no id.
pub(super) fn refusal(code: &str) -> Outcome {
    let (status, _) = guarantees::documented(code).unwrap();
    Outcome::Refused { status, code: code.into(), retry_safe: matches!(status, 429 | 503), id: None }
}

/// A documented error about the call's own id.
pub(super) fn refusal_of(gateway: u32, number: u64, code: &str) -> Outcome {
    let (status, _) = guarantees::documented(code).unwrap();
    let id = Some(id(gateway, number));
    Outcome::Refused { status, code: code.into(), retry_safe: matches!(status, 429 | 503), id }
}

pub(super) struct Run {
    pub(super) history: History,
    /// The next thing happens now.
    pub(super) now: Duration,
    /// The response partition that each gateway names.
    pub(super) names: BTreeMap<u32, i32>,
    incarnations: BTreeMap<Topic, u32>,
    calls: u64,
}

impl Run {
    pub(super) fn new() -> Self {
        let mut run = Self {
            history: History::default(),
            now: Duration::ZERO,
            names: BTreeMap::new(),
            incarnations: BTreeMap::new(),
            calls: 0,
        };
        for topic in [Topic::Requests, Topic::Responses, Topic::DeadLetters] {
            run.tail(topic);
        }
        run.start_gateway(1);
        run.start_worker(1);
        run
    }

    fn tail(&mut self, topic: Topic) {
        let incarnation = self.incarnation(topic);
        let log = |partition| Log { topic, incarnation, partition, begin: 0, end: 0 };
        self.history.logs.extend((0..3).map(log));
    }

    pub(super) fn start_gateway(&mut self, number: u32) {
        let life = self.life(Instance::gateway(number), ReplyCounters::default());
        self.history.gateways.push(life);
        self.names.insert(number, 0);
    }

    pub(super) fn start_worker(&mut self, number: u32) {
        let life = self.life(Instance::worker(number), WorkCounters::default());
        self.history.workers.push(life);
    }

    fn life<C>(&mut self, instance: Instance, counters: C) -> Life<C> {
        self.sample(instance);
        let counters = Some((self.now, counters));
        Life { instance, started: self.now, death: None, freezes: vec![], clock_ahead_ms: 0, counters }
    }

    fn sample(&mut self, instance: Instance) {
        let (at, rss_bytes) = (self.now, 20 << 20);
        let sample = Sample { instance, at, is_quiet: true, pending: 0, sockets: 12, rss_bytes };
        self.history.samples.push(sample);
    }

    pub(super) fn gateway(&mut self, number: u32) -> &mut Life<ReplyCounters> {
        let instance = Instance::gateway(number);
        self.history.gateways.iter_mut().find(|life| life.instance == instance).unwrap()
    }

    pub(super) fn worker(&mut self, number: u32) -> &mut Life<WorkCounters> {
        let instance = Instance::worker(number);
        self.history.workers.iter_mut().find(|life| life.instance == instance).unwrap()
    }

    pub(super) fn counters(&mut self, gateway: u32) -> &mut ReplyCounters {
        self.gateway(gateway).counters.as_mut().map(|(_, counters)| counters).unwrap()
    }

    pub(super) fn expired(&mut self, worker: u32) -> &mut u64 {
        self.worker(worker).counters.as_mut().map(|(_, counters)| &mut counters.expired).unwrap()
    }

    /// A call to gateway 1 that ends 20 ms later, and no record.
    pub(super) fn call(&mut self, outcome: Outcome) -> u64 {
        self.calls += 1;
        self.call_as(1, self.calls, outcome)
    }

    fn call_as(&mut self, gateway: u32, number: u64, outcome: Outcome) -> u64 {
        self.history.calls.push(Call {
            number,
            gateway: Instance::gateway(gateway),
            connection: Connection::Fresh,
            data: data(number),
            sent: self.now,
            ended: self.now + ms(20),
            limit: LIMIT,
            provokes: None,
            outcome,
        });
        self.now += ms(30);
        number
    }

    pub(super) fn of(&mut self, number: u64) -> &mut Call {
        self.history.calls.iter_mut().find(|call| call.number == number).unwrap()
    }

    /// A call whose request is written 5 ms after it was sent, and nothing more.
    pub(super) fn asked(&mut self, gateway: u32, outcome: impl FnOnce(u64) -> Outcome) -> u64 {
        self.calls += 1;
        let number = self.calls;
        let outcome = outcome(number);
        self.now += ms(5);
        self.request_of(gateway, number);
        self.now -= ms(5);
        self.call_as(gateway, number, outcome)
    }

    /// A call that is answered as it should be by the gateway of this number.
    pub(super) fn answered_by(&mut self, gateway: u32) -> u64 {
        let number = self.asked(gateway, |number| answer(gateway, number));
        self.now -= ms(15);
        self.reply(number, Content::Hash(data(number)));
        self.now += ms(15);
        number
    }

    /// The same by gateway 1.
    pub(super) fn answered(&mut self) -> u64 {
        self.answered_by(1)
    }

    /// A call to gateway 1 that got no reply in time and expires on worker 1: both have counted it, HTTP has said 504.
    pub(super) fn expires(&mut self) -> u64 {
        let number = self.unanswered();
        *self.expired(1) += 1;
        number
    }

    /// A call to gateway 1 that got no reply by its deadline, and whose request was written.
    pub(super) fn unanswered(&mut self) -> u64 {
        let number = self.asked(1, |number| refusal_of(1, number, "outcome_unknown"));
        self.of(number).ended += LIMIT;
        number
    }

    /// Writes the call's request, once more if it was.
    pub(super) fn request(&mut self, number: u64) -> Coordinates {
        let Instance { number: gateway, .. } = self.of(number).gateway;
        self.request_of(gateway, number)
    }

    fn request_of(&mut self, gateway: u32, number: u64) -> Coordinates {
        let content =
            Content::Request { data: data(number), reply_partition: self.names.get(&gateway).copied() };
        let partition = i32::try_from(number % 3).unwrap();
        self.record(Topic::Requests, partition, Some(id(gateway, number)), content)
    }

    /// Writes a reply to the call where its gateway wants it now.
    pub(super) fn reply(&mut self, number: u64, content: Content) -> Coordinates {
        let Instance { number: gateway, .. } = self.of(number).gateway;
        let partition = self.names.get(&gateway).copied().unwrap();
        self.record(Topic::Responses, partition, Some(id(gateway, number)), content)
    }

    pub(super) fn dead_letter(&mut self, number: u64, request: Coordinates) -> Coordinates {
        let Coordinates { partition, offset, .. } = request;
        let origin = Some(Position { partition, offset });
        let content = Content::DeadLetter { reason: "failed".into(), origin };
        let Instance { number: gateway, .. } = self.of(number).gateway;
        self.record(Topic::DeadLetters, 0, Some(id(gateway, number)), content)
    }

    pub(super) fn record(
        &mut self,
        topic: Topic,
        partition: i32,
        id: Option<Id>,
        content: Content,
    ) -> Coordinates {
        let incarnation = self.incarnation(topic);
        let is_its = |log: &&mut Log| {
            log.topic == topic && log.incarnation == incarnation && log.partition == partition
        };
        let log = self.history.logs.iter_mut().find(is_its).unwrap();
        let at = Coordinates { topic, incarnation, partition, offset: log.end };
        log.end += 1;
        self.history.records.push(Seen { at, seen: self.now, id, content });
        at
    }

    /// The first record of the call in this topic.
    pub(super) fn found(&self, topic: Topic, number: u64) -> Coordinates {
        let call = self.history.calls.iter().find(|call| call.number == number).unwrap();
        let id = id(call.gateway.number, number);
        let is_its = |record: &&Seen| record.at.topic == topic && record.id.as_ref() == Some(&id);
        self.history.records.iter().find(is_its).unwrap().at
    }

    /// Lets a record never have been: later ones move up.
    pub(super) fn undo(&mut self, at: Coordinates) {
        self.history.records.retain(|record| record.at != at);
        let same_log = |topic, incarnation, partition| {
            (topic, incarnation, partition) == (at.topic, at.incarnation, at.partition)
        };
        for place in self.history.records.iter_mut().map(|record| &mut record.at) {
            if same_log(place.topic, place.incarnation, place.partition) && place.offset > at.offset {
                place.offset -= 1;
            }
        }
        for log in &mut self.history.logs {
            if same_log(log.topic, log.incarnation, log.partition) {
                log.end -= 1;
            }
        }
    }

    /// A fault of a second, from now on, that excuses errors for two more.
    pub(super) fn fault(&mut self) {
        self.fault_with(Some(seconds(2)));
    }

    pub(super) fn fault_with(&mut self, bound: Option<Duration>) {
        let (name, target, began) = ("broker frozen", "the broker".into(), self.now);
        let ended = began + seconds(1);
        self.history.faults.push(Fault { name, target, began, ended, since: Since::Ended, bound });
    }

    /// A topic is deleted, and back within a second.
    pub(super) fn delete(&mut self, topic: Topic) {
        let during = Span { from: self.now, to: self.now + seconds(1) };
        let incarnation = self.incarnation(topic);
        self.history.losses.push(Loss { topic, incarnation, during });
        self.incarnations.insert(topic, incarnation + 1);
        self.now += seconds(1);
        self.tail(topic);
    }

    fn incarnation(&self, topic: Topic) -> u32 {
        self.incarnations.get(&topic).copied().unwrap_or(0)
    }

    /// The process ends now.
    pub(super) fn death(&self, by: Ending) -> Option<Death> {
        Some(Death { began: self.now, ended: self.now + ms(1), by })
    }

    /// Long after everything the workers have committed and all are measured.
    pub(super) fn rest(&mut self) {
        self.now += seconds(100);
        let incarnation = self.incarnation(Topic::Requests);
        let is_there = |log: &&Log| log.topic == Topic::Requests && log.incarnation == incarnation;
        let committed = |log: &Log| Position { partition: log.partition, offset: log.end };
        self.history.committed = self.history.logs.iter().filter(is_there).map(committed).collect();
        let gateways = self.history.gateways.iter().map(|life| (life.instance, life.death));
        let workers = self.history.workers.iter().map(|life| (life.instance, life.death));
        let alive: Vec<_> = gateways.chain(workers).filter(|(_, death)| death.is_none()).collect();
        for (instance, _) in alive {
            self.sample(instance);
        }
    }

    /// Lets it come to rest, and judges it.
    pub(super) fn verdict(mut self) -> Verdict {
        self.rest();
        judge(&self.history)
    }

    /// Lets it come to rest, and expects that everything holds.
    #[track_caller]
    pub(super) fn holds(self) -> Figures {
        let verdict = self.verdict();
        assert!(verdict.holds(), "{verdict}");
        verdict.figures
    }

    /// Lets it come to rest, and expects exactly one violation, of this guarantee.
    #[track_caller]
    pub(super) fn breaks(self, guarantee: Guarantee) -> Violation {
        let verdict = self.verdict();
        let [violation] = verdict.violations() else { panic!("not one violation:\n{verdict}") };
        assert_eq!(violation.guarantee, guarantee, "{verdict}");
        violation.clone()
    }

    /// Lets it come to rest, and expects a violation of this guarantee, maybe among others that follow from it.
    #[track_caller]
    pub(super) fn also_breaks(self, guarantee: Guarantee) -> Violation {
        let verdict = self.verdict();
        let found = verdict.violations().iter().find(|violation| violation.guarantee == guarantee);
        found.unwrap_or_else(|| panic!("no violation of {guarantee}:\n{verdict}")).clone()
    }

    /// Lets it come to rest, and expects one violation that is none any more after this change. Returns it.
    #[track_caller]
    pub(super) fn breaks_unless(mut self, change: impl FnOnce(&mut Self)) -> Violation {
        self.rest();
        let verdict = judge(&self.history);
        let [violation] = verdict.violations() else { panic!("not one violation:\n{verdict}") };
        change(&mut self);
        let without = judge(&self.history);
        assert!(without.holds(), "{without}");
        violation.clone()
    }
}
