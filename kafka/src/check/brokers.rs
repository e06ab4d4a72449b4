//! Does each broker answer: those in the settings, and those that the cluster tells of.

use std::collections::BTreeMap;

use futures::future::join_all;

use super::{Report, causes, counted};
use crate::{
    Kafka,
    wire::{self, Connection, WireError},
};

/// Looks at all of them; gives a connection to one that answers, if any does.
pub(super) async fn look(kafka: &Kafka, report: &mut Report<'_>) -> Option<Connection> {
    let config = kafka.config();
    let opened = open_all(kafka, config.brokers.clone()).await;
    let any = opened.iter().any(|(_, opened)| opened.is_ok());
    let mut answering = BTreeMap::new();
    for (address, opened) in opened {
        let subject = format!("broker {address}");
        match opened {
            Ok(connection) => {
                report.ok(subject, "answers");
                answering.insert(address, connection);
            }
            Err(error) if any => {
                let text =
                    "does not answer, so others are asked first; mend it, or take it out of KAFKA_BROKERS";
                report.warn(subject, format!("{text} ({})", causes(&error)));
            }
            Err(error) => {
                let text = if error.barrier().is_some() {
                    "is there and keeps us out; look at KAFKA_SECURITY_PROTOCOL and the settings that belong to it"
                } else {
                    "does not answer; is KAFKA_BROKERS right, is Kafka running, is the way to it open?"
                };
                report.fail(subject, format!("{text} ({})", causes(&error)));
            }
        }
    }
    let (_, mut connection) = answering.pop_first()?;
    match wire::metadata(&mut connection, Some(&[]), config).await {
        Ok(view) => look_at_advertised(kafka, &view, report).await,
        Err(error) => {
            report.fail("cluster", format!("its brokers cannot be listed ({})", causes(&error)));
            return None;
        }
    }
    Some(connection)
}

/// Clients are sent to where brokers say they are, whatever address they came in by.
async fn look_at_advertised(kafka: &Kafka, view: &wire::Metadata, report: &mut Report<'_>) {
    let opened = open_all(kafka, view.brokers.iter().map(wire::Broker::address)).await;
    let mut unreachable = 0_usize;
    for (broker, (address, opened)) in view.brokers.iter().zip(opened) {
        if let Err(error) = opened {
            unreachable += 1;
            let text = format!(
                "the cluster sends clients to {address}, which does not answer from here; look at its \
                 advertised.listeners, at DNS and at firewalls ({})",
                causes(&error)
            );
            report.fail(format!("broker {}", broker.id), text);
        }
    }
    if unreachable == 0 {
        let at = |broker: &wire::Broker| broker.address();
        let all = view.brokers.iter().map(at).collect::<Vec<_>>().join(", ");
        let count = i64::try_from(view.brokers.len()).unwrap_or(i64::MAX);
        report.ok("cluster", format!("{}, reached at {all}", counted(count, "broker")));
    }
}

async fn open_all(
    kafka: &Kafka,
    addresses: impl IntoIterator<Item = String>,
) -> Vec<(String, Result<Connection, WireError>)> {
    let opening = addresses.into_iter().map(|address| async {
        let opened = Connection::open(&address, kafka.config()).await;
        (address, opened)
    });
    join_all(opening).await
}
