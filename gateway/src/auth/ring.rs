//! Keys and whose they are: lines `name sha256-of-the-key-in-hex scope…`.

use std::collections::hash_map::{Entry, HashMap};
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail, ensure};

use super::Caller;
use super::digest::Digest;
use super::scopes;

/// Longest name and longest scope, in bytes.
const MAX_WORD_BYTES: usize = 64;

/// The one line of a file that is to let nobody in.
const NOBODY: &str = "nobody";

/// What names and scopes look like.
pub(super) const WORD: &str = "1 to 64 characters out of a-z, A-Z, 0-9, `.`, `_`, `-`, `@` and `:`";

/// The callers that have keys.
#[derive(Debug, Default)]
pub(super) struct Ring {
    callers: HashMap<Digest, Caller>,
    names: HashSet<Arc<str>>,
}

impl Ring {
    /// A name may stand on several lines, so that a new key can be handed out before the old one goes. Errors name the
    /// line and do not show it: somebody may have written the key itself.
    ///
    /// # Errors
    /// If a line is none of these, or there is no key. Files are emptied by accident, by a full disk or by a writer that
    /// begins anew, and that must not lock everybody out; so who wants to says it.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let (mut ring, mut nobody) = (Self::default(), false);
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if line == NOBODY {
                nobody = true;
                continue;
            }
            ring.add(line).with_context(|| format!("line {number}"))?;
        }
        ensure!(!nobody || ring.callers.is_empty(), "it has keys, and the line `{NOBODY}` beside them");
        ensure!(
            nobody || !ring.callers.is_empty(),
            "it has no keys; if nobody is to get in, say so by the one line `{NOBODY}`"
        );
        Ok(ring)
    }

    /// Whose key has this digest.
    pub(super) fn find(&self, digest: &Digest) -> Option<&Caller> {
        self.callers.get(digest)
    }

    /// Whether a key is somebody's of this name.
    pub(super) fn knows(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// Keys.
    pub(super) fn keys(&self) -> usize {
        self.callers.len()
    }

    /// Names.
    pub(super) fn names(&self) -> usize {
        self.names.len()
    }

    /// Scopes of theirs that open nothing here, in order, each once.
    pub(super) fn unknown_scopes(&self) -> BTreeSet<&str> {
        self.callers.values().flat_map(|caller| scopes::unknown(caller.scopes())).collect()
    }

    fn add(&mut self, line: &str) -> Result<()> {
        let (digest, caller) = read(line)?;
        match self.callers.entry(digest) {
            Entry::Occupied(_) => bail!("this key is there already"),
            Entry::Vacant(place) => {
                self.names.insert(caller.name().clone());
                place.insert(caller);
                Ok(())
            }
        }
    }
}

fn read(line: &str) -> Result<(Digest, Caller)> {
    let mut words = line.split_whitespace();
    let name = words.next().unwrap_or_default();
    ensure!(is_word(name), "the first word has to be a name, {WORD}");
    let digest = words.next().and_then(Digest::parse);
    let digest = digest.context("the second word has to be the SHA-256 of the key, 64 hexadecimal digits")?;
    let scopes: Vec<String> = words.map(str::to_owned).collect();
    ensure!(scopes.iter().all(|scope| is_word(scope)), "each scope has to be a name, {WORD}");
    Ok((digest, Caller::new(name, scopes)))
}

/// Whether `text` can be a name or a scope.
pub(super) fn is_word(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-@:".contains(&byte);
    (1..=MAX_WORD_BYTES).contains(&text.len()) && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(name: &str, secret: &str, scopes: &str) -> String {
        format!("{name} {} {scopes}\n", Digest::of(secret).hexadecimal())
    }

    #[test]
    fn keys_are_found_by_their_digest() {
        let text = format!(
            "# ours\n\n{}{}{}",
            line("alice", "one", "hash length"),
            line("bob", "two", ""),
            line("alice", "three", "hash").to_uppercase().replace("ALICE", "alice").replace("HASH", "hash")
        );
        let ring = Ring::parse(&text).unwrap();
        let find = |secret| ring.find(&Digest::of(secret));
        assert_eq!(&**find("one").unwrap().name(), "alice");
        let may = |secret, operation| find(secret).unwrap().demand(operation).is_ok();
        assert!(may("one", "length") && !may("one", "len") && !may("two", "hash"));
        assert_eq!(&**find("three").unwrap().name(), "alice");
        assert!(find("").is_none() && find("four").is_none());
        assert!(ring.knows("alice") && ring.knows("bob") && !ring.knows("carol"));
        assert_eq!((ring.keys(), ring.names()), (3, 2));
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
            (format!("{good}nobody"), "it has keys, and the line `nobody` beside them"),
        ] {
            let error = format!("{:#}", Ring::parse(&text).unwrap_err());
            assert!(error.starts_with(expected), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn no_keys_are_an_accident_unless_somebody_says_otherwise() {
        for text in ["", "\n", " \n\t\n", "# our keys\n"] {
            let error = Ring::parse(text).unwrap_err().to_string();
            assert!(error.starts_with("it has no keys; "), "{error}");
        }
        assert_eq!(Ring::parse("# for now\nnobody\n").unwrap().keys(), 0);
        // It can still be somebody's name.
        assert!(Ring::parse(&line("nobody", "one", "hash")).unwrap().knows("nobody"));
    }
}
