//! Any well-behaved run is accepted, and any damage to it is found and laid at the right door.

use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::Index;

use super::super::*;
use super::run::{LIMIT, Run, data, refusal, refusal_of, seconds};
use Guarantee::*;

/// What a stack that keeps its guarantees may do.
#[derive(Debug, Clone, Copy)]
enum Deed {
    Answer,
    AnswerTwice,
    AppendTwice,
    Refuse,
    Expire,
    ReplyLate,
    KeepAsDeadLetter,
    RejectTooLarge,
    MoveReplyPartition,
    SeverByFreeze,
    SeverByKill,
    CutIdle,
    HideExpired,
    LoseRequests,
    LoseReplies,
}

/// Those that leave everything decidable.
const DEEDS: [Deed; 12] = [
    Deed::Answer,
    Deed::AnswerTwice,
    Deed::AppendTwice,
    Deed::Refuse,
    Deed::Expire,
    Deed::ReplyLate,
    Deed::KeepAsDeadLetter,
    Deed::RejectTooLarge,
    Deed::MoveReplyPartition,
    Deed::SeverByFreeze,
    Deed::SeverByKill,
    Deed::CutIdle,
];

/// Those after which something cannot be decided any more.
const BLINDING: [Deed; 3] = [Deed::HideExpired, Deed::LoseRequests, Deed::LoseReplies];

/// What breaks them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Damage {
    NoResponse,
    LateResponse,
    WrongHash,
    StolenId,
    NoReply,
    NoRequest,
    Vanished,
    Uncommitted,
    SentAfterAll,
    RetrySafeUnknown,
    Contradiction,
    CountedTooMuch,
    CountedTooLittle,
    LateError,
    Leak,
    Overlooked,
}

const DAMAGES: [(Damage, Guarantee); 16] = [
    (Damage::NoResponse, G1Totality),
    (Damage::LateResponse, G1Totality),
    (Damage::WrongHash, G2NoWrongAnswer),
    (Damage::StolenId, G2NoWrongAnswer),
    (Damage::NoReply, G3NoPhantom),
    (Damage::NoRequest, G3NoPhantom),
    (Damage::Vanished, G4NoLoss),
    (Damage::Uncommitted, G4NoLoss),
    (Damage::SentAfterAll, G5HonestErrors),
    (Damage::RetrySafeUnknown, G5HonestErrors),
    (Damage::Contradiction, G6HarmlessDuplicates),
    (Damage::CountedTooMuch, G6HarmlessDuplicates),
    (Damage::CountedTooLittle, G6HarmlessDuplicates),
    (Damage::LateError, G7Recovery),
    (Damage::Leak, G7Recovery),
    (Damage::Overlooked, Evidence),
];

fn deed(run: &mut Run, deed: Deed) {
    match deed {
        Deed::Answer => {
            run.answered();
        }
        Deed::AnswerTwice | Deed::AppendTwice => {
            let number = run.answered();
            if matches!(deed, Deed::AppendTwice) {
                run.request(number);
            }
            run.reply(number, Content::Hash(data(number)));
            run.counters(1).duplicate += 1;
        }
        Deed::Refuse => {
            run.call(refusal("no_workers"));
        }
        Deed::Expire => {
            run.expires();
        }
        Deed::ReplyLate => {
            let number = run.unanswered();
            run.now += LIMIT;
            run.reply(number, Content::Hash(data(number)));
            run.counters(1).late += 1;
        }
        Deed::KeepAsDeadLetter => {
            let number = run.asked(1, |number| refusal_of(1, number, "worker_failed"));
            let request = run.found(Topic::Requests, number);
            run.dead_letter(number, request);
            run.reply(number, Content::Error("failed".into()));
        }
        Deed::RejectTooLarge => {
            let number = run.call(refusal("payload_too_large"));
            run.of(number).provokes = Some("payload_too_large");
        }
        Deed::MoveReplyPartition => {
            run.answered();
            let named = run.names.get_mut(&1).unwrap();
            *named = (*named + 1) % 3;
        }
        Deed::SeverByFreeze => {
            let number = run.answered();
            run.of(number).ended += seconds(12);
            let frozen = run.of(number).span();
            run.gateway(1).freezes.push(frozen);
            run.now += seconds(13);
        }
        Deed::SeverByKill => {
            let gateway = another_gateway(run);
            run.answered_by(gateway);
            let number = run.asked(gateway, |_| Outcome::Broken("reset".into()));
            run.now -= Duration::from_millis(20);
            run.gateway(gateway).death = run.death(Ending::Killed);
            run.now += seconds(1);
            run.reply(number, Content::Hash(data(number)));
        }
        Deed::CutIdle => {
            let gateway = another_gateway(run);
            let number = run.answered_by(gateway);
            let idle_since = run.of(number).ended;
            let (began, ended) = (run.now, run.now + seconds(1));
            run.gateway(gateway).death = Some(Death { began, ended, by: Ending::Stopped });
            run.now += Duration::from_millis(550);
            let number = run.call(Outcome::Broken("reset".into()));
            let call = run.of(number);
            call.gateway = Instance::gateway(gateway);
            call.connection = Connection::KeptAlive { idle_since };
            run.now += seconds(1);
        }
        Deed::HideExpired => {
            let worker = 2 + u32::try_from(run.history.workers.len()).unwrap();
            run.start_worker(worker);
            run.unanswered();
            run.now += seconds(12);
            run.worker(worker).death = run.death(Ending::Killed);
        }
        Deed::LoseRequests => {
            run.unanswered();
            run.delete(Topic::Requests);
        }
        Deed::LoseReplies => {
            run.unanswered();
            run.delete(Topic::Responses);
        }
    }
}

fn another_gateway(run: &mut Run) -> u32 {
    let number = 2 + u32::try_from(run.history.gateways.len()).unwrap();
    run.start_gateway(number);
    number
}

/// Deeds during a fault, and a rest in which all is well.
fn well_behaved(deeds: &[Deed]) -> Run {
    let mut run = Run::new();
    run.answered();
    run.fault();
    for it in deeds {
        deed(&mut run, *it);
    }
    run.history.faults[0].ended = run.now + LIMIT;
    run.now += seconds(30);
    run.answered();
    run.answered();
    run
}

/// Makes one thing wrong with a run that has come to rest.
fn damage(run: &mut Run, damage: Damage, which: Index) {
    let answered =
        |call: &&mut Call| matches!(call.outcome, Outcome::Answered { .. }) && call.ended - call.sent < LIMIT;
    let mut whole: Vec<_> = run.history.calls.iter_mut().filter(answered).collect();
    let place = which.index(whole.len());
    let other = whole[(place + 1) % whole.len()].id().cloned().unwrap();
    let call = &mut whole[place];
    let (number, own) = (call.number, call.id().cloned().unwrap());
    match damage {
        Damage::NoResponse => call.outcome = Outcome::TimedOut,
        // The last one, or a freeze that followed might excuse it.
        Damage::LateResponse => run.history.calls.last_mut().unwrap().ended += seconds(11),
        Damage::WrongHash => call.outcome = Outcome::Answered { id: own, hash: data(0) },
        Damage::StolenId => call.outcome = Outcome::Answered { id: other, hash: data(number) },
        // All of them: while one is left, the answer has not come out of nowhere.
        Damage::NoReply => undo_all(run, Topic::Responses, &own),
        Damage::NoRequest => undo_all(run, Topic::Requests, &own),
        Damage::Vanished => {
            run.unanswered();
        }
        Damage::Uncommitted => {
            let number = run.expires();
            let request = run.found(Topic::Requests, number);
            let committed = Position { partition: request.partition, offset: request.offset };
            run.history.committed.retain(|position| position.partition != request.partition);
            run.history.committed.push(committed);
        }
        Damage::SentAfterAll => {
            let number = run.call(refusal("overloaded"));
            run.request(number);
            run.reply(number, Content::Hash(data(number)));
        }
        Damage::RetrySafeUnknown => {
            let mut outcome = refusal_of(1, 1_000, "outcome_unknown");
            if let Outcome::Refused { retry_safe, .. } = &mut outcome {
                *retry_safe = true;
            }
            run.call(outcome);
        }
        Damage::Contradiction => {
            run.reply(number, Content::Error("failed".into()));
        }
        Damage::CountedTooMuch => run.counters(1).unknown += 1_000,
        Damage::CountedTooLittle => {
            // The last call proves that what came before it was read.
            let number = run.answered();
            run.reply(number, Content::Hash(data(number)));
            run.answered();
        }
        Damage::LateError => {
            run.call(refusal("kafka_unavailable"));
        }
        Damage::Leak => run.history.samples.iter_mut().last().unwrap().pending += 1,
        Damage::Overlooked => {
            let place = which.index(run.history.records.len());
            run.history.records.swap_remove(place);
        }
    }
}

fn undo_all(run: &mut Run, topic: Topic, id: &Id) {
    let is_its = |record: &&Seen| record.at.topic == topic && record.id.as_ref() == Some(id);
    while let Some(record) = run.history.records.iter().find(is_its) {
        run.undo(record.at);
    }
}

fn any_deed() -> impl Strategy<Value = Deed> {
    prop::sample::select([&DEEDS[..], &BLINDING].concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_well_behaved_run_is_accepted(deeds in prop::collection::vec(any_deed(), 0..40)) {
        let verdict = well_behaved(&deeds).verdict();
        prop_assert!(verdict.holds(), "{}", verdict);
    }

    #[test]
    fn one_damage_is_found(
        deeds in prop::collection::vec(prop::sample::select(&DEEDS), 0..40),
        (wrong, guarantee) in prop::sample::select(&DAMAGES),
        which in any::<Index>(),
    ) {
        let mut run = well_behaved(&deeds);
        run.rest();
        damage(&mut run, wrong, which);
        let verdict = judge(&run.history);
        prop_assert!(verdict.count(guarantee) > 0, "{wrong:?} was not found:\n{}", verdict);
    }
}
