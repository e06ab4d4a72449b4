//! One request at a time, on a socket of its own.

use std::{future::pending, pin::Pin, time::Duration};

use tokio::time::{Instant, timeout};

use crate::{
    Config,
    wire::{Connection, WireError},
};

/// A connection that was not used for longer is not trusted: brokers close idle ones (after 10 minutes by default),
/// and routers forget them. A new one costs a millisecond or two.
const TRUSTED_FOR: Duration = Duration::from_secs(30);

/// Work that is under way, if any. It goes on while nobody waits for it.
pub(super) struct Slot<T> {
    work: Option<Pin<Box<dyn Future<Output = T>>>>,
}

impl<T> Slot<T> {
    pub(super) fn idle() -> Self {
        Self { work: None }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.work.is_none()
    }

    /// Begins `work`; what was under way is given up.
    pub(super) fn begin(&mut self, work: impl Future<Output = T> + 'static) {
        self.work = Some(Box::pin(work));
    }

    pub(super) fn abandon(&mut self) {
        self.work = None;
    }

    /// The end of what is under way; never returns if nothing is. A dropped call loses nothing.
    pub(super) async fn ended(&mut self) -> T {
        let Some(work) = &mut self.work else { return pending().await };
        let ended = work.await;
        self.work = None;
        ended
    }
}

/// A socket to the coordinator and the request that is under way on it.
pub(super) struct Lane<T> {
    slot: Slot<(Option<Connection>, T)>,
    kept: Option<(Connection, Instant)>,
}

impl<T> Lane<T> {
    pub(super) fn idle() -> Self {
        Self { slot: Slot::idle(), kept: None }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.slot.is_idle()
    }

    /// Gives up what is under way, and its socket with it.
    pub(super) fn abandon(&mut self) {
        self.slot.abandon();
    }

    /// A connection to the coordinator that nobody uses, for the next call.
    pub(super) fn keep(&mut self, connection: Connection) {
        self.kept = Some((connection, Instant::now()));
    }

    /// The connection that waits for the next call, if there is one.
    pub(super) fn take_kept(&mut self) -> Option<Connection> {
        let (connection, since) = self.kept.take()?;
        (since.elapsed() < TRUSTED_FOR).then_some(connection)
    }

    /// Asks the broker at `address`, connecting first if need be, all within `limit`. `read` makes of the answer what
    /// [`Self::ended`] gives out.
    pub(super) fn call<A>(
        &mut self,
        (address, config, limit): (&str, &Config, Duration),
        ask: impl AsyncFnOnce(&mut Connection) -> Result<A, WireError> + 'static,
        read: impl FnOnce(Result<A, WireError>) -> T + 'static,
    ) {
        let kept = self.take_kept().filter(|connection| connection.address() == address);
        let (address, config) = (address.to_owned(), config.clone());
        self.slot.begin(async move {
            let asked = timeout(limit, async {
                let mut connection = match kept {
                    Some(connection) => connection,
                    None => Connection::open(&address, &config).await?,
                };
                let answer = ask(&mut connection).await;
                // After an error code the connection is as good as before; after anything else it is spent.
                match answer {
                    Ok(answer) => Ok((connection, Ok(answer))),
                    Err(error @ WireError::Kafka { .. }) => Ok((connection, Err(error))),
                    Err(error) => Err(error),
                }
            });
            match asked.await {
                Ok(Ok((connection, answer))) => (Some(connection), read(answer)),
                Ok(Err(error)) => (None, read(Err(error))),
                Err(_) => {
                    let call = "a request of the group".to_owned();
                    (None, read(Err(WireError::Timeout { address, call, limit })))
                }
            }
        });
    }

    pub(super) async fn ended(&mut self) -> T {
        let (connection, answer) = self.slot.ended().await;
        self.kept = connection.map(|connection| (connection, Instant::now()));
        answer
    }
}
