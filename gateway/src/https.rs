//! HTTPS on the port for requests: TLS 1.2 and 1.3, HTTP/1.1 and HTTP/2 as the client chooses by ALPN.
//!
//! Files that change are read again, for the connections to come. The management port stays plain: it is for the
//! network that probes and scrapers are in.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use chrono::{DateTime, TimeDelta, Utc};
use kafka::check::Level;
use service::metrics::Metrics;
use service::settings::HttpsSettings;
use tls::rustls::ServerConfig;
use tls::{ClientCertificates, KeyPair, Server, ServerFiles, TlsError};

use crate::metrics::as_float;
use crate::reload::Source;

/// A certificate that ends within this time should have been renewed.
const SOON: TimeDelta = TimeDelta::days(14);

/// What connections begin with.
#[derive(Debug)]
pub(crate) struct Https {
    server: Server,
    certificate: PathBuf,
}

impl Https {
    /// What `settings` ask for; none where HTTP is plain.
    ///
    /// # Errors
    /// If this processor cannot do it, or a file cannot be used.
    pub(crate) fn from_settings(settings: Option<&HttpsSettings>) -> Result<Option<Arc<Self>>> {
        let Some(settings) = settings else { return Ok(None) };
        let server = Server::load(files(settings)).context("HTTPS cannot be served")?;
        let https = Self { server, certificate: settings.certificate.clone() };
        https.warn_of_the_end();
        Ok(Some(Arc::new(https)))
    }

    /// The configuration of every connection; the server adds the protocols inside.
    ///
    /// # Errors
    /// If there can be none.
    pub(crate) fn config(&self) -> Result<ServerConfig> {
        self.server.config().context("HTTPS cannot be served")
    }

    /// When the certificate that is shown ends, or one above it that is shown with it: in seconds since 1970, none where it
    /// does not say.
    fn end(&self) -> Option<i64> {
        self.server.seen().ok().map(|seen| seen.valid_until.timestamp())
    }

    /// Of a certificate that has ended, will soon, or has not begun: it is shown all the same, and clients refuse it.
    fn warn_of_the_end(&self) {
        let Ok(seen) = self.server.seen() else { return };
        let (level, text) = expiry(seen.valid_from, seen.valid_until, Utc::now());
        if level != Level::Ok {
            tracing::warn!(certificate = %self.certificate.display(), "HTTPS has a certificate {text}");
        }
    }
}

/// Shows until when clients take the certificate: warnings are only logged when it is read.
pub(crate) fn show(https: &Arc<Https>, registry: &Metrics) {
    let https = https.clone();
    registry.gauge_of(
        "gateway_certificate_expiry_timestamp_seconds",
        "When the certificate for HTTPS ends, in seconds since 1970; NaN where it does not say",
        move || https.end().map_or(f64::NAN, as_float),
    );
}

/// What is read again.
pub(crate) fn sources(https: &Arc<Https>) -> Vec<Arc<dyn Source>> {
    let part = |name, reload| -> Arc<dyn Source> { Arc::new(Part { https: https.clone(), name, reload }) };
    let mut sources = vec![part("certificate and key for HTTPS", Server::reload_identity)];
    if https.server.asks_for_certificates() {
        sources.push(part("the authorities of clients", Server::reload_authorities));
    }
    sources
}

/// Where it is made from.
pub(crate) fn files(settings: &HttpsSettings) -> ServerFiles {
    let identity = KeyPair { certificate: settings.certificate.clone(), key: settings.key.clone() };
    let clients = match settings.client_authorities.clone() {
        None => ClientCertificates::NotAsked,
        Some(file) if settings.client_certificate_required => ClientCertificates::Required(file),
        Some(file) => ClientCertificates::Optional(file),
    };
    ServerFiles { identity, clients }
}

/// What the gateway shows, or whom it lets in. Each is looked after by itself: nothing that is wrong with a certificate may keep
/// one in who is trusted no longer.
struct Part {
    https: Arc<Https>,
    name: &'static str,
    reload: fn(&Server) -> Result<bool, TlsError>,
}

impl Source for Part {
    fn name(&self) -> &'static str {
        self.name
    }

    fn reload(&self) -> Result<bool> {
        let changed = (self.reload)(&self.https.server)?;
        if changed {
            self.https.warn_of_the_end();
        }
        Ok(changed)
    }
}

/// What to say of a certificate with these dates.
pub(crate) fn expiry(from: DateTime<Utc>, until: DateTime<Utc>, now: DateTime<Utc>) -> (Level, String) {
    if now < from {
        return (Level::Fail, format!("which counts from {from} only: clients refuse it; is a clock wrong?"));
    }
    if until < now {
        return (Level::Fail, format!("which ended {until}: clients refuse it; renew it"));
    }
    if until - now < SOON {
        return (Level::Warn, format!("which ends {until}: renew it"));
    }
    (Level::Ok, format!("which counts until {until}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_judged_by_its_dates() {
        let now = Utc::now();
        let level =
            |from: i64, until: i64| expiry(now + TimeDelta::days(from), now + TimeDelta::days(until), now).0;
        assert_eq!(level(-1, 90), Level::Ok);
        assert_eq!(level(-90, 13), Level::Warn);
        assert_eq!(level(-90, -1), Level::Fail);
        assert_eq!(level(1, 90), Level::Fail);
    }
}
