//! What a server's files are like, for somebody who wants to know before clients do.

use chrono::{DateTime, Utc};

use crate::error::TlsError;
use crate::server::{Server, ServerFiles};
use crate::validity::validity;

/// What is seen in files that a server could use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// From when every certificate of the chain counts.
    pub valid_from: DateTime<Utc>,
    /// Until when every one of them does.
    pub valid_until: DateTime<Utc>,
    /// Authorities of clients' certificates; none where clients are asked for none.
    pub authorities: Option<usize>,
}

/// Reads the files and judges them as a server does that is to use them. That a certificate has ended is no error.
///
/// # Errors
/// As [`Server::load`]; also if a certificate does not say when it counts.
pub fn look(files: &ServerFiles) -> Result<Seen, TlsError> {
    Server::load(files.clone())?.seen()
}

impl Server {
    /// What there is to see in what it uses now, as it was last read.
    ///
    /// # Errors
    /// If a certificate does not say when it counts.
    pub fn seen(&self) -> Result<Seen, TlsError> {
        let (chain, mut all) = (self.certificate(), None);
        for certificate in chain.certificates()? {
            let valid = validity(&certificate);
            let (from, until) = valid.ok_or_else(|| chain.wrong("has a certificate without dates"))?;
            all = match all {
                None => Some((from, until)),
                Some((latest, earliest)) => Some((from.max(latest), until.min(earliest))),
            };
        }
        let (valid_from, valid_until) = all.ok_or_else(|| chain.wrong("has no certificate"))?;
        let authorities = self.authorities().map(|read| read.certificates()).transpose()?;
        Ok(Seen { valid_from, valid_until, authorities: authorities.map(|all| all.len()) })
    }
}
