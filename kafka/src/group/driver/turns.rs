//! What each end of a wait means for the state machine.

use super::{BeatEnd, Driver, JoinEnd, OffsetsEnd, beat_limit, complaint::Complaint, now};
use crate::{
    Health,
    group::state::{Input, Verdict},
    wire::{Connection, WireError},
};

/// What ended the wait.
pub(super) enum Turn {
    Join(JoinEnd),
    Beat(BeatEnd),
    Offsets(OffsetsEnd),
    Seek(Result<Connection, WireError>),
    Topic((Option<Connection>, Result<i32, WireError>)),
    Successor(bool),
    Drained,
    Order,
    Time,
}

impl Driver {
    pub(super) fn take_in(&mut self, turn: Turn) {
        match turn {
            Turn::Beat(BeatEnd { by, sent, answer }) => {
                let answer = verdict(answer, &mut self.complaints.beat, self.kafka.health());
                self.feed(Input::Beat { by, sent, answer });
            }
            Turn::Join(JoinEnd::Joined(answer)) => {
                let answer = verdict(answer, &mut self.complaints.join, self.kafka.health());
                self.feed(Input::Joined(answer));
            }
            Turn::Join(JoinEnd::Synced { sent, answer }) => {
                let answer = verdict(answer, &mut self.complaints.join, self.kafka.health());
                if answer.is_ok() {
                    self.joined_at = None;
                }
                self.feed(Input::Synced { sent, answer });
            }
            Turn::Offsets(OffsetsEnd::Fetched(answer)) => {
                let answer = verdict(answer, &mut self.complaints.fetch, self.kafka.health());
                self.feed(Input::Offsets(answer));
            }
            Turn::Offsets(OffsetsEnd::Committed(end)) => self.committed(end),
            Turn::Seek(found) => {
                let found = verdict(found, &mut self.complaints.seek, self.kafka.health());
                let found = found.map(|connection| self.found(connection));
                self.feed(Input::Coordinator(found));
            }
            Turn::Topic((kept, count)) => self.counted(kept, count),
            Turn::Successor(is_replaced) => self.asked_for_a_successor(is_replaced),
            Turn::Drained => self.feed(Input::Drained(self.shared.finished.newest())),
            Turn::Order | Turn::Time => self.feed(Input::Tick),
        }
    }

    fn found(&mut self, connection: Connection) {
        tracing::debug!(coordinator = connection.address(), "found the group's coordinator");
        let found = Some(connection.address().to_owned());
        if std::mem::replace(&mut self.coordinator, found.clone()) != found {
            self.turn_away_from_former(now());
        }
        self.seek_limit = beat_limit(&self.config, self.kafka.config().timeout);
        // Something was wrong, or we would not have looked: do not trust the connections of before.
        drop((self.beat.take_kept(), self.offsets.take_kept()));
        if self.join.is_idle() {
            self.join.keep(connection);
        }
    }

    fn counted(&mut self, kept: Option<Connection>, count: Result<i32, WireError>) {
        self.topic_kept = kept;
        let count = verdict(count, &mut self.complaints.topic, self.kafka.health());
        let missing = count == Ok(0);
        if missing && !self.complaints.topic_missing {
            tracing::warn!(topic = self.config.topic, "the topic does not exist; waiting for it");
        }
        self.complaints.topic_missing = missing;
        let wait = match count {
            Ok(_) => {
                self.topic_backoff.reset();
                self.config.partition_poll_interval
            }
            Err(_) => self.topic_backoff.next_pause(),
        };
        self.topic_at = now() + wait;
        match count {
            Ok(count) => self.feed(Input::Partitions(count)),
            Err(_) => self.feed(Input::Tick),
        }
    }
}

fn verdict<T>(
    answer: Result<T, WireError>,
    complaint: &mut Complaint,
    health: &Health,
) -> Result<T, Verdict> {
    match answer {
        Ok(answer) => {
            complaint.settled();
            Ok(answer)
        }
        Err(error) => Err(complaint.judge(&error, health)),
    }
}
