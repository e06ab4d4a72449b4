//! The end of a membership that is wanted.

use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::{Driver, now};
use crate::{
    group::{calls, state::Verdict},
    wire::{Connection, WireError, open_coordinator},
};

/// Even one who is late gets to say one word.
const SHORTEST_GOODBYE: Duration = Duration::from_millis(100);

impl Driver {
    /// Leaves the group, so that its other members need not wait for a session. Whatever comes of it, this is the end.
    pub(super) async fn say_goodbye(&mut self, deadline: Instant) {
        self.join.abandon();
        self.offsets.abandon();
        let member_id = self.membership.identity().member_id.clone();
        if member_id.is_empty() {
            return;
        }
        let limit = deadline.saturating_duration_since(now()).max(SHORTEST_GOODBYE);
        let said = timeout(limit, async {
            let first = match self.known_coordinator().await {
                Ok(mut coordinator) => self.tell(&mut coordinator, &member_id, limit).await,
                Err(error) => Err(error),
            };
            match first.as_ref().map_err(Verdict::from) {
                Err(Verdict::Elsewhere) => {
                    let mut coordinator =
                        open_coordinator(&self.kafka, &self.config.group_id, self.coordinator.as_deref())
                            .await?;
                    self.tell(&mut coordinator, &member_id, limit).await
                }
                _ => first,
            }
        });
        match said.await {
            Ok(Ok(())) => tracing::info!(member_id, "left the group"),
            Ok(Err(error)) => {
                tracing::warn!(member_id, error = &error as &dyn std::error::Error, "left without a goodbye");
            }
            Err(_) => tracing::warn!(member_id, "left without a goodbye: the coordinator does not answer"),
        }
    }

    async fn tell(&self, coordinator: &mut Connection, id: &str, limit: Duration) -> Result<(), WireError> {
        calls::leave(coordinator, &self.config.group_id, id, limit).await
    }

    async fn known_coordinator(&mut self) -> Result<Connection, WireError> {
        if let Some(connection) = self.beat.take_kept() {
            return Ok(connection);
        }
        match &self.coordinator {
            Some(address) => Connection::open(address, self.kafka.config()).await,
            None => open_coordinator(&self.kafka, &self.config.group_id, None).await,
        }
    }
}
