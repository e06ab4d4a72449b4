//! The broker that coordinates a consumer group.

use std::time::Duration;

use futures::future::join_all;
use kafka_protocol::{
    ResponseError,
    messages::{FindCoordinatorRequest, FindCoordinatorResponse},
    protocol::StrBytes,
};
use tokio::{
    select,
    time::{Instant, sleep, timeout, timeout_at},
};

use super::{Broker, Connection, WireError, accepted};
use crate::{Config, Kafka};

/// From here on one request asks for several groups at once, in a field of its own.
const FIRST_BATCHED_VERSION: i16 = 4;
const NEWEST_VERSION: i16 = 6;
const KEY_TYPE_GROUP: i8 = 0;
/// The first group of a fresh cluster waits until the offsets topic has been created.
const RETRY_EVERY: Duration = Duration::from_millis(100);

/// While a connect takes longer than this it is asked again who the coordinator is.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How many other brokers are asked at most whether there is another coordinator, and for how long each.
const WITNESSES: usize = 4;
const WITNESS_LIMIT: Duration = Duration::from_secs(2);

/// A connection to the coordinator of `group_id`. One that has given cause for doubt, `in_question`, is the last to be
/// asked who that is: a broker that is cut off from the others goes on taking itself for the coordinator. While the
/// cluster has none ready it asks again, for the configured timeout in all; connecting comes on top, for as long again in
/// all. A coordinator that neither accepts nor refuses is given up as soon as the cluster names another.
pub async fn open_coordinator(
    kafka: &Kafka,
    group_id: &str,
    in_question: Option<&str>,
) -> Result<Connection, WireError> {
    let mut coordinator = find_ready(kafka, group_id, in_question).await?;
    let limit = kafka.config().timeout;
    let deadline = Instant::now() + limit;
    loop {
        let address = coordinator.address();
        let open = timeout_at(deadline, Connection::open(&address, kafka.config()));
        select! {
            biased;
            opened = open => return opened.unwrap_or_else(|_| {
                Err(WireError::Timeout { address, call: "connect".to_owned(), limit })
            }),
            another = another(kafka, group_id, &coordinator) => coordinator = another,
        }
    }
}

/// Whether the other brokers agree that another than the one at `address` coordinates the group. Some of them are asked,
/// each for at most [`WITNESS_LIMIT`].
pub(crate) async fn has_successor(kafka: &Kafka, group_id: &str, address: &str) -> bool {
    let ask = async |broker: String| {
        let answer = timeout(WITNESS_LIMIT, async {
            let mut connection = Connection::open(&broker, kafka.config()).await?;
            find(&mut connection, kafka.config(), group_id).await
        });
        Some(answer.await.ok()?.ok()?.address())
    };
    let witnesses: Vec<_> = kafka.brokers_beside(address).into_iter().take(WITNESSES).collect();
    let asked = witnesses.len();
    let answers = join_all(witnesses.into_iter().map(ask)).await;
    is_succeeded(address, asked, &answers.into_iter().flatten().collect::<Vec<_>>())
}

/// More than half of those who `answered` name the same other broker, and at least two of them where as many were
/// `asked`: one alone may be cut off, and tell of the past.
fn is_succeeded(address: &str, asked: usize, answered: &[String]) -> bool {
    let voices = |named: &String| answered.iter().filter(|other| *other == named).count();
    answered
        .iter()
        .any(|named| named != address && voices(named) >= asked.min(2) && voices(named) * 2 > answered.len())
}

/// Returns once another broker than `coordinator` is said to coordinate the group.
async fn another(kafka: &Kafka, group_id: &str, coordinator: &Broker) -> Broker {
    let address = coordinator.address();
    loop {
        sleep(LOOK_EVERY).await;
        let found = async {
            let mut connection = kafka.any_broker_beside(Some(&address)).await?;
            find(&mut connection, kafka.config(), group_id).await
        };
        if let Ok(found) = found.await
            && found.id != coordinator.id
        {
            return found;
        }
    }
}

async fn find_ready(kafka: &Kafka, group_id: &str, in_question: Option<&str>) -> Result<Broker, WireError> {
    let config = kafka.config();
    let deadline = Instant::now() + config.timeout;
    let mut connection = kafka.any_broker_beside(in_question).await?;
    loop {
        let error = match find(&mut connection, config, group_id).await {
            Ok(coordinator) => return Ok(coordinator),
            Err(error) => error,
        };
        let starting = matches!(
            error.kafka(),
            Some(ResponseError::CoordinatorNotAvailable | ResponseError::CoordinatorLoadInProgress)
        );
        if !starting || Instant::now() + RETRY_EVERY >= deadline {
            return Err(error);
        }
        sleep(RETRY_EVERY).await;
    }
}

async fn find(connection: &mut Connection, config: &Config, group_id: &str) -> Result<Broker, WireError> {
    let version = connection.version::<FindCoordinatorRequest>(NEWEST_VERSION)?;
    let key = StrBytes::from_string(group_id.to_owned());
    let request = FindCoordinatorRequest::default().with_key_type(KEY_TYPE_GROUP);
    let request = if version >= FIRST_BATCHED_VERSION {
        request.with_coordinator_keys(vec![key])
    } else {
        request.with_key(key)
    };
    let answer = connection.call(&request, version, config.timeout).await?;
    let (code, found) = read(answer, version);
    accepted(code, || format!("the look-up of the coordinator of group {group_id}"))?;
    found.ok_or_else(|| WireError::Broken {
        address: connection.address().to_owned(),
        reason: "the coordinator has no address".to_owned(),
    })
}

fn read(answer: FindCoordinatorResponse, version: i16) -> (i16, Option<Broker>) {
    let (code, id, host, port) = if version >= FIRST_BATCHED_VERSION {
        let Some(found) = answer.coordinators.into_iter().next() else { return (0, None) };
        (found.error_code, found.node_id, found.host, found.port)
    } else {
        (answer.error_code, answer.node_id, answer.host, answer.port)
    };
    let broker = u16::try_from(port).ok().map(|port| Broker { id: id.0, host: host.to_string(), port });
    (code, broker)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_who_agree_outvote_one_who_is_cut_off_and_one_who_is_silent() {
        let succeeded = |asked, answered: &[&str]| {
            is_succeeded("old", asked, &answered.iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        for (asked, answered, expected) in [
            (0, &[][..], false),
            (1, &["new"], true),
            (1, &["old"], false),
            (2, &["new"], false),
            (2, &["new", "new"], true),
            (2, &["new", "older"], false),
            (3, &["new", "older", "new"], true),
            (4, &["new", "new"], true),
            (4, &["new", "new", "old", "old"], false),
            (4, &["old", "old"], false),
        ] {
            assert_eq!(succeeded(asked, answered), expected, "{asked} asked, {answered:?}");
        }
    }
}
