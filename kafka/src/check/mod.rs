//! Whether a cluster is as a program needs it, said line by line, each with what to do.
//!
//! ```text
//!   Needs ─▶ brokers: does each answer? ─▶ topics: there, as wanted, allowed? ─▶ groups: seen, allowed, who is in them?
//!                  │ none does: the end                                           └─▶ clock: is a record from the future?
//! ```
//!
//! Asks and changes nothing. Everything is bounded: each network call by the configured timeout, all of it by
//! [`Needs::limit`].

mod brokers;
mod clock;
mod groups;
mod topics;

use std::{error::Error, fmt, time::Duration};

use tokio::time::timeout;

use crate::{Kafka, permissions::Operation, topics::TopicSpec};

/// What a program needs of a cluster.
#[derive(Clone, Debug)]
pub struct Needs {
    /// Its topics.
    pub topics: Vec<TopicNeed>,
    /// The groups that it joins or watches.
    pub groups: Vec<GroupNeed>,
    /// Whether it creates topics that are missing.
    pub creates_topics: bool,
    /// Longest time for all of it.
    pub limit: Duration,
}

/// What a program needs of a topic.
#[derive(Clone, Debug)]
pub struct TopicNeed {
    /// The topic as the settings want it.
    pub spec: TopicSpec,
    /// What the program does with it.
    pub operations: &'static [Operation],
    /// The largest record that the program writes to it, in bytes; 0 if none is large.
    pub largest_record: u64,
}

/// What a program needs of a group.
#[derive(Clone, Debug)]
pub struct GroupNeed {
    /// The group.
    pub id: String,
    /// The topic that it reads.
    pub topic: String,
    /// What the program does to it.
    pub operations: &'static [Operation],
    /// What it means that nobody is in it, if that is worth a warning.
    pub if_empty: Option<&'static str>,
}

/// How bad a finding is. In rising order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// As it should be.
    Ok,
    /// It works, but somebody should know.
    Warn,
    /// It does not work, or will not.
    Fail,
}

/// One line of the result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub level: Level,
    /// What was looked at, such as `topic hash_requests`.
    pub subject: String,
    /// What was found, and what to do where anything is to be done.
    pub text: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.level {
            Level::Ok => "ok",
            Level::Warn => "warn",
            Level::Fail => "FAIL",
        };
        write!(formatter, "{level:<5} {}: {}", self.subject, self.text)
    }
}

/// Looks at the cluster and hands each finding to `tell` as soon as it is there; gives the worst level.
pub async fn check(kafka: &Kafka, needs: &Needs, tell: &mut dyn FnMut(Finding)) -> Level {
    let mut report = Report { tell, worst: Level::Ok };
    if timeout(needs.limit, look(kafka, needs, &mut report)).await.is_err() {
        report.fail("kafka", format!("not all could be looked at within {:?}; try again", needs.limit));
    }
    report.worst
}

async fn look(kafka: &Kafka, needs: &Needs, report: &mut Report<'_>) {
    let Some(mut connection) = brokers::look(kafka, report).await else {
        return;
    };
    let existing = topics::look(kafka, &mut connection, needs, report).await;
    for group in &needs.groups {
        groups::look(kafka, group, &existing, report).await;
    }
    clock::look(kafka, &existing, report).await;
}

/// Takes findings, and knows the worst of them.
struct Report<'a> {
    tell: &'a mut dyn FnMut(Finding),
    worst: Level,
}

impl Report<'_> {
    fn ok(&mut self, subject: impl Into<String>, text: impl Into<String>) {
        self.add(Level::Ok, subject, text);
    }

    fn warn(&mut self, subject: impl Into<String>, text: impl Into<String>) {
        self.add(Level::Warn, subject, text);
    }

    fn fail(&mut self, subject: impl Into<String>, text: impl Into<String>) {
        self.add(Level::Fail, subject, text);
    }

    fn add(&mut self, level: Level, subject: impl Into<String>, text: impl Into<String>) {
        self.worst = self.worst.max(level);
        (self.tell)(Finding { level, subject: subject.into(), text: text.into() });
    }
}

/// A topic that is there, and how many partitions it has.
struct Existing {
    name: String,
    partitions: Vec<i32>,
}

/// The operations as a person writes them into a rule of access.
fn in_words(operations: &[Operation]) -> String {
    operations.iter().map(|operation| operation.name()).collect::<Vec<_>>().join(" and ")
}

/// So many of something: `1 broker`, `3 brokers`.
fn counted(count: impl Into<i64>, what: &str) -> String {
    match count.into() {
        1 => format!("1 {what}"),
        count => format!("{count} {what}s"),
    }
}

/// An error and its causes in one line.
fn causes(error: &dyn Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        words = format!("{words}: {cause}");
        source = cause.source();
    }
    words
}
