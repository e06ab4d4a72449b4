//! API keys: a file of lines `name sha256-of-the-key-in-hex scope…`, read again when it changes.
//!
//! The file holds hashes alone, so who reads it cannot call. A key is 256 bits of chance, which no salt and no slow hash
//! would make harder to guess.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail, ensure};
use files::SmallFile;
use parking_lot::{Mutex, RwLock};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::Caller;
use crate::reload::{self, Source};

/// Largest file that is read, in bytes: some ten thousand keys, which a request is compared with one after the other.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// Longest name and longest scope, in bytes.
const MAX_WORD_BYTES: usize = 64;

/// The keys that are known now.
#[derive(Debug)]
pub(super) struct ApiKeys {
    file: SmallFile,
    ring: RwLock<Arc<Ring>>,
    /// What the ring was made from.
    text: Mutex<String>,
}

/// Keys and whose they are.
#[derive(Debug, Default)]
struct Ring(Vec<(Hash, Caller)>);

/// SHA-256 of a key.
type Hash = [u8; 32];

impl ApiKeys {
    /// Reads the file.
    ///
    /// # Errors
    /// If it cannot be read, or a line is not as it should be.
    pub(super) fn load(path: &Path) -> Result<Self> {
        let file = SmallFile::new(path, MAX_FILE_BYTES);
        let text = read(&file)?;
        let ring = Ring::parse(&text).with_context(|| path.display().to_string())?;
        tracing::info!(file = %path.display(), keys = ring.0.len(), "callers are known by API keys");
        Ok(Self { file, ring: RwLock::new(Arc::new(ring)), text: Mutex::new(text) })
    }

    /// Whose key `secret` is.
    pub(super) fn find(&self, secret: &str) -> Option<Caller> {
        let ring = self.ring.read().clone();
        ring.find(&hash(secret)).cloned()
    }

    /// Whether a key is somebody's of this name.
    pub(super) fn knows(&self, name: &str) -> bool {
        self.ring.read().0.iter().any(|(_, caller)| &**caller.name() == name)
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
        let ring = Ring::parse(&now).with_context(|| self.file.path().display().to_string())?;
        *self.ring.write() = Arc::new(ring);
        *text = now;
        Ok(true)
    }
}

impl Ring {
    /// A name may stand on several lines, so that a new key can be handed out before the old one goes. Errors name the
    /// line and do not show it: somebody may have written the key itself.
    fn parse(text: &str) -> Result<Self> {
        let mut ring = Self::default();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (hash, caller) = entry(line).with_context(|| format!("line {number}"))?;
            if ring.0.iter().any(|(known, _)| *known == hash) {
                bail!("line {number}: this key is there already");
            }
            ring.0.push((hash, caller));
        }
        Ok(ring)
    }

    /// Looks at every key, whichever fits, so that the time tells nothing.
    fn find(&self, hash: &Hash) -> Option<&Caller> {
        let mut found = None;
        for (known, caller) in &self.0 {
            if known.ct_eq(hash).into() {
                found = Some(caller);
            }
        }
        found
    }
}

fn entry(line: &str) -> Result<(Hash, Caller)> {
    let mut words = line.split_whitespace();
    let name = words.next().unwrap_or_default();
    ensure!(is_word(name), "the first word has to be a name, {WORD}");
    let hash = words.next().and_then(parse_hash);
    let hash = hash.context("the second word has to be the SHA-256 of the key, 64 hexadecimal digits")?;
    let scopes: Vec<String> = words.map(str::to_owned).collect();
    ensure!(scopes.iter().all(|scope| is_word(scope)), "each scope has to be a name, {WORD}");
    Ok((hash, Caller::new(name, scopes)))
}

/// What names and scopes look like.
pub(super) const WORD: &str = "1 to 64 characters out of a-z, A-Z, 0-9, `.`, `_`, `-`, `@` and `:`";

pub(super) fn is_word(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-@:".contains(&byte);
    (1..=MAX_WORD_BYTES).contains(&text.len()) && text.bytes().all(allowed)
}

pub(super) fn hash(secret: &str) -> Hash {
    Sha256::digest(secret).into()
}

fn parse_hash(text: &str) -> Option<Hash> {
    let digits = text.as_bytes();
    if digits.len() != 64 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let mut hash = Hash::default();
    for (byte, pair) in hash.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(hash)
}

fn read(file: &SmallFile) -> Result<String> {
    let bytes = reload::read(file, "the API keys")?;
    // The error must not hold what is in the file.
    let text = String::from_utf8(bytes).map_err(|error| error.utf8_error());
    text.with_context(|| format!("cannot read the API keys in {}", file.path().display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(name: &str, secret: &str, scopes: &str) -> String {
        let digits: String = hash(secret).iter().map(|byte| format!("{byte:02X}")).collect();
        format!("{name} {digits} {scopes}\n")
    }

    #[test]
    fn keys_are_found_by_their_hash() {
        let text = format!(
            "# ours\n\n{}{}{}",
            line("alice", "one", "hash length"),
            line("bob", "two", ""),
            line("alice", "three", "hash")
        );
        let ring = Ring::parse(&text).unwrap();
        let find = |secret| ring.find(&hash(secret));
        assert_eq!(&**find("one").unwrap().name(), "alice");
        let may = |secret, operation| find(secret).unwrap().demand(operation).is_ok();
        assert!(may("one", "length") && !may("one", "len") && !may("two", "hash"));
        assert_eq!(&**find("three").unwrap().name(), "alice");
        assert!(find("").is_none() && find("four").is_none());
    }

    #[test]
    fn a_broken_line_is_named_and_not_shown() {
        let good = line("alice", "one", "hash");
        for (text, expected) in [
            (format!("{good}bob hunter2 hash"), "line 2: the second word has to be the SHA-256 of the key"),
            (format!("{good}bob"), "line 2: the second word"),
            ("b/b x".to_owned(), "line 1: the first word has to be a name"),
            (good.replace("hash", "h\"sh"), "line 1: each scope has to be a name"),
            (format!("{good}{}", line("bob", "one", "")), "line 2: this key is there already"),
            (format!("bob {}", "é".repeat(32)), "line 1: the second word"),
        ] {
            let error = format!("{:#}", Ring::parse(&text).unwrap_err());
            assert!(error.starts_with(expected), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn a_change_counts_once_it_is_whole() {
        let path = std::env::temp_dir().join(format!("api-keys-{}", std::process::id()));
        std::fs::write(&path, line("alice", "one", "hash")).unwrap();
        let keys = ApiKeys::load(&path).unwrap();
        assert!(!keys.reload().unwrap());
        std::fs::write(&path, line("bob", "two", "hash")).unwrap();
        assert!(keys.reload().unwrap());
        assert!(keys.find("one").is_none() && keys.find("two").is_some());
        std::fs::write(&path, "nonsense").unwrap();
        assert!(keys.reload().is_err());
        std::fs::remove_file(&path).unwrap();
        assert!(keys.reload().is_err());
        assert!(keys.find("two").is_some(), "what was known stays known");
    }
}
