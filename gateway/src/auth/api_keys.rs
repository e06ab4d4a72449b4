//! API keys: a file that is read again when it changes.
//!
//! The file holds digests alone, so who reads it cannot call. A key is 256 bits of chance, which no salt and no slow hash
//! would make harder to guess.

use std::path::Path;

use anyhow::{Context as _, Result};
use files::SmallFile;
use parking_lot::{Mutex, RwLock};

use super::Caller;
use super::digest::Digest;
use super::ring::Ring;
use crate::reload::{self, Source};

/// Largest file that is read, in bytes: some ten thousand keys.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// The keys that are known now.
#[derive(Debug)]
pub(crate) struct ApiKeys {
    file: SmallFile,
    ring: RwLock<Ring>,
    /// What the ring was made from.
    text: Mutex<String>,
}

impl ApiKeys {
    /// Reads the file.
    ///
    /// # Errors
    /// If it cannot be read, or a line is not as it should be.
    pub(crate) fn load(path: &Path) -> Result<Self> {
        let file = SmallFile::new(path, MAX_FILE_BYTES);
        let text = read(&file)?;
        let ring = parse(&file, &text)?;
        Ok(Self { file, ring: RwLock::new(ring), text: Mutex::new(text) })
    }

    /// Whose key has this digest.
    pub(super) fn find(&self, digest: &Digest) -> Option<Caller> {
        self.ring.read().find(digest).cloned()
    }

    /// Whether a key is somebody's of this name.
    pub(super) fn knows(&self, name: &str) -> bool {
        self.ring.read().knows(name)
    }

    /// How many keys there are, and names that they belong to.
    pub(crate) fn count(&self) -> (usize, usize) {
        let ring = self.ring.read();
        (ring.keys(), ring.names())
    }

    /// Scopes that open nothing here, of whosever keys.
    pub(crate) fn unknown_scopes(&self) -> Vec<String> {
        self.ring.read().unknown_scopes().into_iter().map(str::to_owned).collect()
    }
}

impl Source for ApiKeys {
    fn name(&self) -> &'static str {
        "the API keys"
    }

    fn reload(&self) -> Result<bool> {
        let now = read(&self.file)?;
        let mut text = self.text.lock();
        if *text == now {
            return Ok(false);
        }
        *self.ring.write() = parse(&self.file, &now)?;
        *text = now;
        Ok(true)
    }
}

fn read(file: &SmallFile) -> Result<String> {
    let bytes = reload::read(file, "the API keys")?;
    // The error must not hold what is in the file.
    let text = String::from_utf8(bytes).map_err(|error| error.utf8_error());
    text.with_context(|| format!("cannot read the API keys in {}", file.path().display()))
}

fn parse(file: &SmallFile, text: &str) -> Result<Ring> {
    Ring::parse(text).with_context(|| file.path().display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(name: &str, secret: &str) -> String {
        format!("{name} {} hash\n", Digest::of(secret).hexadecimal())
    }

    #[test]
    fn a_change_counts_once_it_is_whole() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("keys");
        std::fs::write(&path, line("alice", "one")).unwrap();
        let keys = ApiKeys::load(&path).unwrap();
        let finds = |secret| keys.find(&Digest::of(secret)).is_some();
        assert!(!keys.reload().unwrap());
        std::fs::write(&path, line("bob", "two")).unwrap();
        assert!(keys.reload().unwrap());
        assert!(!finds("one") && finds("two") && keys.knows("bob") && !keys.knows("alice"));
        assert_eq!(keys.count(), (1, 1));
        for broken in ["nonsense", "", "# emptied\n"] {
            std::fs::write(&path, broken).unwrap();
            assert!(keys.reload().is_err(), "{broken:?}");
            assert!(finds("two"), "what was known stays known");
        }
        std::fs::remove_file(&path).unwrap();
        assert!(keys.reload().is_err());
        assert!(finds("two"), "what was known stays known");
        std::fs::write(&path, "nobody\n").unwrap();
        assert!(keys.reload().unwrap());
        assert!(!finds("two"), "the last key can be taken back");
    }
}
