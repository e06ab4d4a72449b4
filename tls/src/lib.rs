//! TLS 1.2 and 1.3 without C, for the gateway's callers and for the way to Kafka.
//!
//! ```text
//!  provider     cryptography in Rust and checked assembler; says which processor it needs before it is used
//!  pem          certificates and keys from files; errors name the file and never its content
//!  authorities  whom to trust: a file, or what the system trusts
//!  client       a configuration for those who connect
//!  server       a configuration for those who listen; its files can be read again while it is in use
//!  look         what a server's files are like, for those who check them (validity: from when until when)
//!  throw_away   an authority for tests (feature `throw-away`)
//! ```
//!
//! Nothing here is global: no default provider is installed, every configuration names its own.

mod authorities;
mod client;
mod error;
mod look;
mod pem;
mod provider;
mod server;
#[cfg(any(test, feature = "throw-away"))]
pub mod throw_away;

#[cfg(test)]
mod tests;
mod validity;

pub use authorities::Authorities;
pub use client::{ClientFiles, client_config};
pub use error::TlsError;
pub use look::{Seen, look};
pub use pem::KeyPair;
pub use provider::{check_processor, provider};
pub use rustls;
pub use server::{ClientCertificates, Server, ServerFiles};
