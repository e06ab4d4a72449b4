//! Into the cluster by whichever address answers.

use std::time::Duration;

use futures::{StreamExt, stream::FuturesUnordered};
use tokio::time::sleep;

use super::{Connection, WireError};
use crate::Config;

/// A bootstrap address that says nothing for this long no longer keeps the next one from being tried.
const NEXT_ADDRESS_AFTER: Duration = Duration::from_millis(250);

/// A connection to the first of the bootstrap addresses that answers. They are tried in their order; one that is
/// silent holds up the next by a quarter of a second only. Ends within `config.timeout` plus those quarters.
pub async fn bootstrap(config: &Config) -> Result<Connection, WireError> {
    first_to_answer(&config.brokers, config).await
}

/// The same of any addresses.
pub(crate) async fn first_to_answer(addresses: &[String], config: &Config) -> Result<Connection, WireError> {
    let mut waiting = addresses.iter();
    let mut opening = FuturesUnordered::new();
    let mut last_error = None;
    loop {
        let next = waiting.next();
        let exhausted = next.is_none();
        opening.extend(next.map(|address| Connection::open(address, config)));
        tokio::select! {
            opened = opening.next() => match opened {
                Some(Ok(connection)) => return Ok(connection),
                Some(Err(error)) => last_error = Some(Box::new(error)),
                None => {
                    // One and the same message, in whichever turn they were tried.
                    let mut addresses = addresses.to_vec();
                    addresses.sort();
                    return Err(WireError::NoBroker { addresses: addresses.join(", "), source: last_error });
                }
            },
            () = sleep(NEXT_ADDRESS_AFTER), if !exhausted => {}
        }
    }
}
