//! The keys of the issuer: from a file that is read again when it changes, or fetched and kept.
//!
//! Keys from an address are fetched (`fetching`) at the start, every quarter of an hour, and when a token names one that is not
//! known (`renewal`); the last at most once a minute, however many such tokens come.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use files::SmallFile;
use parking_lot::{Mutex, RwLock};
use tokio::time::Instant;

use super::fetch::Address;
use super::keys::Keys;
use super::renewal::Renewal;
use crate::reload::{self, Source};

/// Largest file, in bytes.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// The keys as they are now.
#[derive(Debug)]
pub(crate) struct KeySet {
    place: Place,
    /// Replaced only by others: as long as they are the same, so is what was verified by them.
    keys: RwLock<Arc<Keys>>,
    /// What they were made from.
    text: Mutex<Vec<u8>>,
    fetched: Mutex<Fetched>,
    renewal: Renewal,
}

#[derive(Debug)]
enum Place {
    File(SmallFile),
    Web(Address),
}

/// How the last fetch ended.
#[derive(Debug, Default)]
enum Fetched {
    /// It has not, and there was none before.
    #[default]
    NotYet,
    Well,
    /// For this reason.
    Badly(String),
}

impl KeySet {
    /// When those who were refused for want of keys may come again.
    pub(crate) const RETRY_AFTER_SECONDS: u32 = 2;

    /// Those at `place`, a file or an address. Those of an address come with [`keep_fetched`](super::keep_fetched).
    ///
    /// # Errors
    /// If it is a file that cannot be used, or an address that cannot.
    pub(super) fn at(place: &str, authorities: Option<&Path>) -> Result<Self> {
        let (place, text, keys) = match Address::read(place, authorities)? {
            Some(address) => (Place::Web(address), Vec::new(), Keys::default()),
            None => {
                let file = SmallFile::new(place, MAX_FILE_BYTES);
                let text = read(&file)?;
                let keys = Keys::parse(&text).with_context(|| place.to_owned())?;
                (Place::File(file), text, keys)
            }
        };
        Ok(Self {
            place,
            keys: RwLock::new(Arc::new(keys)),
            text: Mutex::new(text),
            fetched: Mutex::default(),
            renewal: Renewal::default(),
        })
    }

    /// Whether they are in a file.
    pub(super) fn is_file(&self) -> bool {
        matches!(self.place, Place::File(_))
    }

    /// The keys as they are now.
    pub(super) fn current(&self) -> Arc<Keys> {
        self.keys.read().clone()
    }

    /// Whether there may be keys that are not here because they cannot be fetched.
    pub(super) fn are_lacking(&self) -> bool {
        !self.is_file() && !matches!(*self.fetched.lock(), Fetched::Well)
    }

    /// What is to be shown of keys that are fetched: how many there are, and why there are no newer ones.
    pub(crate) fn report(&self) -> serde_json::Value {
        let trouble = match &*self.fetched.lock() {
            Fetched::Badly(reason) => Some(reason.clone()),
            Fetched::NotYet | Fetched::Well => None,
        };
        serde_json::json!({ "count": self.keys.read().len(), "last_error": trouble })
    }

    /// Waits until the keys were fetched once more, if it is time for that; until `deadline` at most. False if there may be
    /// newer ones, because that has not ended.
    pub(super) async fn renewed(&self, deadline: Instant) -> bool {
        self.is_file() || self.renewal.ask(deadline).await
    }

    /// How those who fetch them are asked to.
    pub(super) fn renewal(&self) -> &Renewal {
        &self.renewal
    }

    /// Fetches them once.
    ///
    /// # Errors
    /// If they do not come, or are none; those of before stay.
    pub(crate) async fn fetch(&self) -> Result<()> {
        let Place::Web(address) = &self.place else { return Ok(()) };
        self.take(address.fetch().await?.to_vec()).with_context(|| address.to_string())?;
        Ok(())
    }

    /// Uses the set that `now` is, if it is another than the one of before.
    fn take(&self, now: Vec<u8>) -> Result<bool> {
        let mut text = self.text.lock();
        if *text == now {
            return Ok(false);
        }
        let keys = Keys::parse(&now)?;
        *self.keys.write() = Arc::new(keys);
        *text = now;
        Ok(true)
    }

    /// Notes how a fetch ended, and says what is new about that.
    pub(super) fn tell(&self, ended: Result<()>) {
        let mut fetched = self.fetched.lock();
        match (&*fetched, ended.map_err(|error| format!("{error:#}"))) {
            (Fetched::Well, Ok(())) => {}
            (Fetched::NotYet, Ok(())) => {
                tracing::info!(keys = self.current().len(), "the keys of tokens were fetched");
            }
            (Fetched::Badly(_), Ok(())) => {
                tracing::info!(keys = self.current().len(), "the keys of tokens can be fetched again");
            }
            (Fetched::Badly(known), Err(reason)) if *known == reason => return,
            (_, Err(reason)) => {
                tracing::warn!(error = reason, "the keys of tokens cannot be fetched, trying again");
                *fetched = Fetched::Badly(reason);
                return;
            }
        }
        *fetched = Fetched::Well;
    }
}

impl Source for KeySet {
    fn name(&self) -> &'static str {
        "the keys of tokens"
    }

    fn reload(&self) -> Result<bool> {
        let Place::File(file) = &self.place else { return Ok(false) };
        self.take(read(file)?).with_context(|| file.path().display().to_string())
    }
}

fn read(file: &SmallFile) -> Result<Vec<u8>> {
    reload::read(file, "the keys of tokens")
}
