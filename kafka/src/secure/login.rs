//! Logging in over a connection, for the first time and again.

use bytes::Bytes;
use kafka_protocol::{
    ResponseError,
    messages::{
        SaslAuthenticateRequest, SaslAuthenticateResponse, SaslHandshakeRequest, SaslHandshakeResponse,
    },
    protocol::StrBytes,
};
use std::time::Duration;
use tokio::time::Instant;

use super::{Aside, Refusals, Sasl, Session};
use crate::wire::{Connection, WireError};

/// From version 1 on the conversation goes on in requests of its own; before, it was bytes without a frame of Kafka's.
const HANDSHAKE_VERSION: i16 = 1;
/// From version 1 on the answer says how long the session lasts.
const NEWEST_AUTHENTICATE_VERSION: i16 = 2;
/// No mechanism has so many messages.
const MAX_MESSAGES: usize = 8;

/// Of a broker's own words no more is passed on.
const MAX_WORDS: usize = 500;

/// Logs in by `sasl`. Awaits the broker for as long as it likes: the caller gives up at `deadline`. A token that is to be
/// fetched has to be there some time before, so that it is known what was waited for. For a while after a refusal nobody
/// is asked, and the answer is the same.
pub(crate) async fn log_in(
    connection: &mut Connection,
    sasl: &Sasl,
    refusals: &Refusals,
    aside: &Aside,
    deadline: Instant,
) -> Result<Session, WireError> {
    refusals.try_again(Instant::now()).map_err(|reason| refused(connection, sasl, reason))?;
    let session = converse(connection, sasl, aside, deadline).await;
    match &session {
        Ok(_) => refusals.accepted(),
        Err(WireError::Login { address, mechanism, reason }) => {
            sasl.was_refused();
            refusals.refused(address, mechanism, reason, Instant::now());
        }
        // The connection failed, which says nothing of the secret.
        Err(_) => {}
    }
    session
}

async fn converse(
    connection: &mut Connection,
    sasl: &Sasl,
    aside: &Aside,
    deadline: Instant,
) -> Result<Session, WireError> {
    let version = connection.version_within::<SaslAuthenticateRequest>(0..=NEWEST_AUTHENTICATE_VERSION)?;
    let refused = |connection: &Connection, reason| refused(connection, sasl, reason);
    // First, as it may take long: a broker that has agreed on a mechanism waits for nothing else on this connection.
    let for_token = deadline.saturating_duration_since(Instant::now()) * 3 / 4;
    let begun = sasl.begin(aside, for_token).await;
    let mut conversation = begun.map_err(|reason| refused(connection, reason))?;
    handshake(connection, sasl).await?;
    let (mut challenge, mut lifetime) = (Bytes::new(), Duration::ZERO);
    for _ in 0..MAX_MESSAGES {
        let message = conversation.answer(&challenge, aside).await;
        let message = message.map_err(|reason| refused(connection, reason))?;
        let Some(message) = message else { return Ok(Session::lasting(lifetime, Instant::now())) };
        let request = SaslAuthenticateRequest::default().with_auth_bytes(message.into());
        let answer: SaslAuthenticateResponse = connection.exchange_one(&request, version).await?;
        if let Some(error) = ResponseError::try_from_code(answer.error_code) {
            let words = answer.error_message.filter(|words| !words.is_empty());
            return Err(refused(
                connection,
                words.map_or_else(|| error.to_string(), |words| words.to_string()),
            ));
        }
        challenge = answer.auth_bytes;
        lifetime = u64::try_from(answer.session_lifetime_ms).map_or(Duration::ZERO, Duration::from_millis);
    }
    Err(refused(connection, "the broker does not come to an end".to_owned()))
}

/// Agrees on the mechanism.
async fn handshake(connection: &mut Connection, sasl: &Sasl) -> Result<(), WireError> {
    connection.version_within::<SaslHandshakeRequest>(HANDSHAKE_VERSION..=HANDSHAKE_VERSION)?;
    let mechanism = StrBytes::from_static_str(sasl.mechanism());
    let request = SaslHandshakeRequest::default().with_mechanism(mechanism);
    let answer: SaslHandshakeResponse = connection.exchange_one(&request, HANDSHAKE_VERSION).await?;
    let reason = match ResponseError::try_from_code(answer.error_code) {
        None => return Ok(()),
        Some(ResponseError::UnsupportedSaslMechanism) => {
            let offered = answer.mechanisms.iter().map(ToString::to_string).collect::<Vec<_>>();
            format!("this listener offers {}", offered.join(", "))
        }
        Some(ResponseError::IllegalSaslState) => "this listener knows no SASL".to_owned(),
        Some(error) => error.to_string(),
    };
    Err(refused(connection, sasl, reason))
}

fn refused(connection: &Connection, sasl: &Sasl, mut reason: String) -> WireError {
    if let Some((end, _)) = reason.char_indices().nth(MAX_WORDS) {
        reason.truncate(end);
        reason.push('…');
    }
    WireError::Login { address: connection.address().to_owned(), mechanism: sasl.mechanism(), reason }
}
