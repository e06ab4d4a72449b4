//! Logging in by SASL, apart from how the messages travel.
//!
//! Each mechanism is a conversation: the client begins, the server answers with a challenge, and so on until the server
//! says that it is over. [`wire::Connection`](crate::wire::Connection) carries it.

mod bearer;
mod plain;
mod scram;

use std::time::Duration;

use bearer::Bearer;
use scram::Scram;
pub use scram::ScramHash;

use super::{Aside, Password, TokenSource};

/// How to log in, and as whom.
#[derive(Debug)]
pub enum Sasl {
    /// Name and password as they are: only over TLS is it safe.
    Plain {
        /// The user.
        username: String,
        /// Its password.
        password: Password,
    },
    /// A proof that the client knows the password, and that the server does (RFC 5802, RFC 7677).
    Scram {
        /// The mechanism's hash.
        hash: ScramHash,
        /// The user.
        username: String,
        /// Its password.
        password: Password,
        /// What was derived from the password last.
        #[doc(hidden)]
        derived: scram::Derived,
    },
    /// A token from an authorization server (RFC 7628). Only over TLS is it safe.
    OauthBearer(TokenSource),
}

/// Why a login cannot go on, in words. Never holds a secret.
pub(crate) type Refusal = String;

/// One login under way.
#[derive(Debug)]
pub(crate) enum Conversation<'a> {
    /// All is said with the first message.
    Once(Option<Vec<u8>>),
    Scram(Box<Scram<'a>>),
    Bearer(Bearer),
}

impl Sasl {
    /// PLAIN: name and password as they are. Without TLS everybody on the way can read them.
    pub fn plain(username: impl Into<String>, password: Password) -> Self {
        Self::Plain { username: username.into(), password }
    }

    /// SCRAM-SHA-256 or SCRAM-SHA-512.
    pub fn scram(hash: ScramHash, username: impl Into<String>, password: Password) -> Self {
        Self::Scram { hash, username: username.into(), password, derived: scram::Derived::default() }
    }

    /// The mechanism's registered name.
    pub fn mechanism(&self) -> &'static str {
        match self {
            Self::Plain { .. } => "PLAIN",
            Self::Scram { hash: ScramHash::Sha256, .. } => "SCRAM-SHA-256",
            Self::Scram { hash: ScramHash::Sha512, .. } => "SCRAM-SHA-512",
            Self::OauthBearer(_) => "OAUTHBEARER",
        }
    }

    /// Whether the secret goes to the broker as it is, so that it needs TLS.
    pub fn shows_its_secret(&self) -> bool {
        matches!(self, Self::Plain { .. } | Self::OauthBearer(_))
    }

    /// Does not use the same token again: it may have been taken back before its end.
    pub(crate) fn was_refused(&self) {
        if let Self::OauthBearer(source) = self {
            source.forget();
        }
    }

    /// Begins to log in, with the password or the token that is to be used now. A new token has to be there within
    /// `limit`.
    pub(crate) async fn begin(&self, aside: &Aside, limit: Duration) -> Result<Conversation<'_>, Refusal> {
        let read = async |password: &Password| password.read(aside).await.map_err(|error| error.to_string());
        Ok(match self {
            Self::Plain { username, password } => {
                Conversation::Once(Some(plain::message(username, &read(password).await?)))
            }
            Self::Scram { hash, username, password, derived } => {
                let scram = Scram::begin(*hash, username, read(password).await?, derived)?;
                Conversation::Scram(Box::new(scram))
            }
            Self::OauthBearer(source) => {
                Conversation::Bearer(Bearer::begin(&source.token(aside, limit).await?))
            }
        })
    }
}

impl Conversation<'_> {
    /// What to say after the server's `challenge`, which is empty before the first message. None once nothing is left to
    /// say and the server has proved what it has to prove.
    pub(crate) async fn answer(
        &mut self,
        challenge: &[u8],
        aside: &Aside,
    ) -> Result<Option<Vec<u8>>, Refusal> {
        match self {
            Self::Once(message) => Ok(message.take()),
            Self::Scram(scram) => scram.answer(challenge, aside).await,
            Self::Bearer(bearer) => bearer.answer(challenge),
        }
    }
}
