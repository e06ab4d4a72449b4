//! Values of options that are more than a number: what they look like, and what they may be.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};

/// Another gateway that is driven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rival {
    /// What the report calls it.
    pub name: String,
    /// `host:port`.
    pub address: String,
    /// The path that is posted to.
    pub path: String,
}

impl FromStr for Rival {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        // A URL may have an equals sign, too, but not before its scheme.
        let (name, url) = match text.split_once('=') {
            Some((name, url)) if !name.contains("://") => (name, url),
            _ => ("", text),
        };
        let rest = url.strip_prefix("http://").context("expected [NAME=]http://HOST[:PORT][/PATH]")?;
        let (host, path) = rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash));
        ensure!(!host.is_empty(), "the URL has no host");
        let address = if host.contains(':') { host.to_owned() } else { format!("{host}:80") };
        let path = if matches!(path, "" | "/") { "/hash" } else { path };
        let name = if name.is_empty() { address.clone() } else { name.to_owned() };
        Ok(Self { name, address, path: path.to_owned() })
    }
}

/// Another pair of ours that is driven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variant {
    /// What the report calls it.
    pub name: String,
    /// Where its programs are; this program's own if there is none.
    pub folder: Option<PathBuf>,
    /// Its settings, by environment variable.
    pub settings: Vec<(String, String)>,
}

impl FromStr for Variant {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let (name, rest) = text.split_once('=').context("expected NAME=FOLDER,KEY=VALUE,…")?;
        let mut parts = rest.split(',');
        let folder = match parts.next() {
            None | Some("") => None,
            Some(path) => Some(folder(path)?),
        };
        let settings = parts.map(setting).collect::<Result<Vec<_>>>()?;
        ensure!(!name.is_empty(), "the pair needs a name");
        if folder.is_none() && settings.is_empty() {
            bail!("neither folder nor setting: this pair would be the first one again");
        }
        Ok(Self { name: name.to_owned(), folder, settings })
    }
}

/// Absolute: programs are started in another working directory.
pub(super) fn folder(path: &str) -> Result<PathBuf> {
    std::fs::canonicalize(path).with_context(|| format!("no folder {path}"))
}

pub(super) fn setting(text: &str) -> Result<(String, String)> {
    let (key, value) = text.split_once('=').context("expected KEY=VALUE")?;
    ensure!(!key.is_empty(), "the setting has no name");
    Ok((key.to_owned(), value.to_owned()))
}

pub(super) fn seconds(text: &str) -> Result<Duration> {
    let seconds = Duration::try_from_secs_f64(text.parse()?)?;
    ensure!(
        (Duration::from_millis(50)..=Duration::from_secs(3600)).contains(&seconds),
        "expected 0.05 to 3600 seconds"
    );
    Ok(seconds)
}

pub(super) fn in_flight(text: &str) -> Result<usize> {
    let number = text.parse()?;
    ensure!((1..=10_000).contains(&number), "expected 1 to 10000 requests");
    Ok(number)
}

pub(super) fn payload(text: &str) -> Result<usize> {
    let bytes = text.parse()?;
    // What the gateway takes, less `{"data":""}`.
    ensure!(bytes <= api_gateway::MAX_BODY_BYTES - 11, "the gateway takes no such body");
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_may_have_a_name_and_a_path() {
        let rival = |text: &str| {
            let Rival { name, address, path } = text.parse().unwrap();
            (name, address, path)
        };
        let expected = |a: &str, b: &str, c: &str| (a.to_owned(), b.to_owned(), c.to_owned());
        assert_eq!(rival("http://h:81/"), expected("h:81", "h:81", "/hash"));
        assert_eq!(rival("a=http://h/x?y=1"), expected("a", "h:80", "/x?y=1"));
        assert_eq!(rival("http://h/x?y=1"), expected("h:80", "h:80", "/x?y=1"));
        for wrong in ["", "a=", "https://h", "http://", "a=b"] {
            assert!(wrong.parse::<Rival>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_pair_has_a_folder_or_settings() {
        let variant: Variant = "shards=,SERVICE_1_SHARDS=2".parse().unwrap();
        assert_eq!(variant.folder, None);
        assert_eq!(variant.settings, [("SERVICE_1_SHARDS".to_owned(), "2".to_owned())]);
        assert_eq!("old=/".parse::<Variant>().unwrap().folder, Some(PathBuf::from("/")));
        for wrong in ["", "x", "x=", "=/", "x=/does/not/exist", "x=/,KEY"] {
            assert!(wrong.parse::<Variant>().is_err(), "{wrong}");
        }
    }
}
