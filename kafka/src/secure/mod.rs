//! Kafka behind TLS and SASL.
//!
//! ```text
//!   wire::Connection ──▶ TCP ─▶ TLS ─▶ ApiVersions ─▶ SaslHandshake, SaslAuthenticate ─▶ calls     (sasl, session)
//!                                                                                     ▲
//!   rskafka client ─SOCKS5─▶ relay, on loopback, inside this process ──── the same ───┘            (relay)
//! ```
//!
//! There is one way to a broker, that of [`Connection::open`](crate::wire::Connection::open). Our own calls take it
//! directly. rskafka, whose TLS would compile C and which cannot renew a session, sees plain sockets: it dials through a
//! relay that opens such a connection, logs in, and from then on passes frames. So every mechanism, every error and the
//! renewal of sessions exist once. A plain connection knows nothing of any of this, and no relay is started for it.

mod aside;
mod credentials;
mod login;
mod refusals;
pub(crate) mod relay;
pub(crate) mod sasl;
mod secret_file;
mod session;
mod tls;
mod token;

use std::sync::Arc;

use ::tls::{ClientFiles, TlsError, client_config, rustls::ClientConfig};

pub(crate) use aside::Aside;
pub use credentials::Password;
pub(crate) use login::log_in;
pub(crate) use refusals::Refusals;
pub use sasl::{Sasl, ScramHash};
pub use secret_file::{SecretError, SecretFile};
pub(crate) use session::Session;
pub(crate) use tls::handshake;
pub use token::{Endpoint, EndpointError, TokenSource};

/// What connections to brokers are secured with. The default is nothing at all. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Security {
    tls: Option<Arc<ClientConfig>>,
    sasl: Option<Arc<Sasl>>,
    refusals: Arc<Refusals>,
    aside: Aside,
}

impl Security {
    /// The same over TLS with what `files` hold. The broker's certificate has to be for the name that it is dialled by.
    ///
    /// # Errors
    /// The processor cannot do it, a file cannot be read, or certificate and key do not belong together.
    pub fn with_tls(self, files: &ClientFiles) -> Result<Self, TlsError> {
        Ok(Self { tls: Some(client_config(files)?), ..self })
    }

    /// The same, logging in by `sasl`.
    #[must_use]
    pub fn with_sasl(self, sasl: Sasl) -> Self {
        Self { sasl: Some(Arc::new(sasl)), refusals: Arc::default(), ..self }
    }

    /// Whether connections are bare TCP.
    pub fn is_none(&self) -> bool {
        self.tls.is_none() && self.sasl.is_none()
    }

    pub(crate) fn tls(&self) -> Option<&Arc<ClientConfig>> {
        self.tls.as_ref()
    }

    pub(crate) fn sasl(&self) -> Option<&Arc<Sasl>> {
        self.sasl.as_ref()
    }

    /// What became of logins.
    pub(crate) fn refusals(&self) -> &Arc<Refusals> {
        &self.refusals
    }

    /// Where a login does what would hold up the event loop.
    pub(crate) fn aside(&self) -> &Aside {
        &self.aside
    }
}
