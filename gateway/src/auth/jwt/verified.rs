//! Tokens that were verified a moment ago: callers show the same one again and again, and a signature takes longer than all
//! the rest of what the gateway does for a request.
//!
//! Only tokens that count get in, so nobody fills it with others. One leaves when its time is over, when the issuer's
//! keys are other ones, or when so many came after it that there is no room; then it is verified once more.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::claims::Valid;
use super::keys::Keys;
use crate::auth::Caller;
use crate::auth::digest::Digest;

/// Most tokens that are remembered. What is kept of one is its digest, a name of 255 bytes at most, and as many scopes as there
/// are operations: half a kilobyte, however long it is, so all of them take some 2 MiB.
const CAPACITY: usize = 4096;

/// By the digest of the whole token, its signature included.
#[derive(Debug)]
pub(super) struct Verified {
    remembered: Mutex<Remembered>,
    /// Most in each of the two halves.
    half: usize,
}

/// Two halves: what is asked for goes to the young one, and when that is full the old one is dropped and the young one is
/// the old one. So what is dropped was not asked for since half of all others were.
#[derive(Debug, Default)]
struct Remembered {
    /// What all of them were verified by.
    keys: Arc<Keys>,
    young: HashMap<Digest, Entry>,
    old: HashMap<Digest, Entry>,
}

#[derive(Debug, Clone)]
struct Entry {
    caller: Caller,
    valid: Valid,
}

impl Verified {
    fn with_room_for(capacity: usize) -> Self {
        Self { remembered: Mutex::default(), half: capacity / 2 }
    }

    /// Whose token it is, if it was verified by `keys` and counts at `now`, the time since the Unix epoch.
    pub(super) fn find(&self, token: &Digest, keys: &Arc<Keys>, now: Duration) -> Option<Caller> {
        let mut remembered = self.remembered.lock();
        remembered.keep_to(keys);
        if let Some(entry) = remembered.young.get(token) {
            return entry.at(now);
        }
        let entry = remembered.old.remove(token)?;
        let caller = entry.at(now)?;
        remembered.add(*token, entry, self.half);
        Some(caller)
    }

    /// Remembers a token that was verified by `keys`; nothing if there are others by now.
    pub(super) fn keep(&self, token: Digest, keys: &Arc<Keys>, caller: Caller, valid: Valid) {
        let mut remembered = self.remembered.lock();
        if Arc::ptr_eq(&remembered.keys, keys) {
            remembered.add(token, Entry { caller, valid }, self.half);
        }
    }
}

impl Default for Verified {
    fn default() -> Self {
        Self::with_room_for(CAPACITY)
    }
}

impl Remembered {
    /// Forgets everything if `keys` are others.
    fn keep_to(&mut self, keys: &Arc<Keys>) {
        if !Arc::ptr_eq(&self.keys, keys) {
            *self = Self { keys: keys.clone(), ..Self::default() };
        }
    }

    fn add(&mut self, token: Digest, entry: Entry, half: usize) {
        if self.young.len() >= half {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(token, entry);
    }
}

impl Entry {
    fn at(&self, now: Duration) -> Option<Caller> {
        self.valid.judge(now).is_ok().then(|| self.caller.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1_000);

    fn token(number: usize) -> Digest {
        Digest::of(&number.to_string())
    }

    fn alice() -> Caller {
        Caller::new("alice", ["hash".to_owned()])
    }

    fn for_seconds(seconds: u32) -> Valid {
        Valid::between(NOW.as_secs_f64(), NOW.as_secs_f64() + f64::from(seconds))
    }

    /// One that has seen these keys.
    fn of(keys: &Arc<Keys>, capacity: usize) -> Verified {
        let verified = Verified::with_room_for(capacity);
        assert!(verified.find(&token(0), keys, NOW).is_none());
        verified
    }

    #[test]
    fn one_counts_until_it_is_over_and_not_before_it_begins() {
        let keys = Arc::default();
        let verified = of(&keys, 8);
        verified.keep(token(1), &keys, alice(), for_seconds(10));
        let found = |now| verified.find(&token(1), &keys, now).is_some();
        assert!(found(NOW) && found(NOW + Duration::from_secs(9)));
        assert!(!found(NOW + Duration::from_secs(10)) && !found(NOW - Duration::from_secs(1)));
        assert!(verified.find(&token(2), &keys, NOW).is_none());
    }

    #[test]
    fn other_keys_make_it_forget() {
        let (before, after) = (Arc::default(), Arc::default());
        let verified = of(&before, 8);
        verified.keep(token(1), &before, alice(), for_seconds(10));
        assert!(verified.find(&token(1), &before, NOW).is_some());
        assert!(verified.find(&token(1), &after, NOW).is_none());
        // Verified by keys that were replaced meanwhile.
        verified.keep(token(2), &before, alice(), for_seconds(10));
        assert!(verified.find(&token(2), &after, NOW).is_none());
        assert!(verified.find(&token(1), &before, NOW).is_none(), "it is forgotten for good");
    }

    #[test]
    fn it_is_bounded_and_drops_what_nobody_asks_for() {
        let keys = Arc::default();
        let verified = of(&keys, 8);
        for number in 0..100 {
            verified.keep(token(number), &keys, alice(), for_seconds(10));
            assert!(
                verified.find(&token(0), &keys, NOW).is_some(),
                "asked for all the time, gone at {number}"
            );
            let remembered = verified.remembered.lock();
            assert!(remembered.young.len() <= 4 && remembered.old.len() <= 4);
        }
        assert!(verified.find(&token(50), &keys, NOW).is_none());
    }
}
