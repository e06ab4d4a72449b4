//! What a gateway reads beside its settings: API keys, keys of tokens, certificates. What is said of them is what callers may
//! know as well: how many there are, their names, until when they count.

use anyhow::Result;
use chrono::{DateTime, Utc};
use kafka::check::{Finding, Level};
use service::settings::{CallerSettings, GatewaySettings, HttpsSettings, JwtSettings};

use crate::auth::{ApiKeys, Tokens};
use crate::https;

/// Looks at all of them. Reads files, and asks the issuer of tokens for its keys.
pub(super) async fn look(settings: &GatewaySettings, tell: &mut impl FnMut(Finding)) {
    let GatewaySettings { callers, https, .. } = settings;
    for finding in look_at_callers(callers).await {
        tell(finding);
    }
    if let Some(https) = https {
        look_at_https(https, Utc::now(), tell);
    }
}

async fn look_at_callers(settings: &CallerSettings) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(path) = &settings.api_keys_file {
        let subject = format!("API keys {}", path.display());
        findings.push(judged(subject, ApiKeys::load(path).map(|keys| count(&keys))));
    }
    if let Some(jwt) = &settings.jwt {
        let subject = format!("keys of tokens {}", jwt.keys);
        findings.push(judged(subject, look_at_tokens(jwt).await));
    }
    if findings.is_empty() {
        let text = "anybody may call: neither SERVICE_1_API_KEYS_FILE nor SERVICE_1_JWT_ISSUER is set";
        findings.push(finding(Level::Warn, "callers", text));
    }
    findings
}

fn count(known: &ApiKeys) -> (Level, String) {
    let (keys, callers) = known.count();
    if keys == 0 {
        return (Level::Warn, "nobody gets in, as the file says".to_owned());
    }
    let told = format!("{} of {}", counted(keys, "key"), counted(callers, "caller"));
    let unknown = known.unknown_scopes().join(", ");
    if unknown.is_empty() {
        return (Level::Ok, told);
    }
    (Level::Warn, format!("{told}; nothing here goes by the scope {unknown}: is it misspelt?"))
}

async fn look_at_tokens(settings: &JwtSettings) -> Result<(Level, String)> {
    let tokens = Tokens::from_settings(settings, service::WallClock::system())?;
    if let Some(keys) = tokens.to_fetch() {
        keys.fetch().await?;
    }
    let (total, names) = tokens.key_names();
    if names.is_empty() {
        let text = format!(
            "{}, none for an algorithm out of SERVICE_1_JWT_ALGORITHMS ({}), so no token counts",
            counted(total, "key"),
            settings.algorithms.join(", ")
        );
        return Ok((Level::Fail, text));
    }
    // Quoted: they are whatever the issuer likes.
    let name =
        |name: &Option<String>| name.as_ref().map_or("one without a name".to_owned(), |id| format!("{id:?}"));
    let list: Vec<_> = names.iter().map(name).collect();
    let told = format!("{}: {}", counted(names.len(), "key"), list.join(", "));
    if settings.keys.starts_with("http://") {
        let text =
            format!("{told}; whoever can change what this address answers can sign tokens: use https://");
        return Ok((Level::Warn, text));
    }
    Ok((Level::Ok, told))
}

fn look_at_https(settings: &HttpsSettings, now: DateTime<Utc>, tell: &mut impl FnMut(Finding)) {
    let subject = format!("HTTPS {}", settings.certificate.display());
    let seen = match tls::look(&https::files(settings)) {
        Ok(seen) => seen,
        Err(error) => return tell(judged(subject, Err(error.into()))),
    };
    let (level, text) = https::expiry(seen.valid_from, seen.valid_until, now);
    tell(finding(level, subject, format!("the key is the certificate's, {text}")));
    if let (Some(path), Some(count)) = (&settings.client_authorities, seen.authorities) {
        let subject = format!("client certificates {}", path.display());
        let authorities = if count == 1 { "1 authority".to_owned() } else { format!("{count} authorities") };
        tell(finding(Level::Ok, subject, authorities));
    }
}

fn judged(subject: String, result: Result<(Level, String)>) -> Finding {
    let (level, text) = result.unwrap_or_else(|error| (Level::Fail, format!("{error:#}")));
    finding(level, subject, text)
}

fn finding(level: Level, subject: impl Into<String>, text: impl Into<String>) -> Finding {
    Finding { level, subject: subject.into(), text: text.into() }
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
