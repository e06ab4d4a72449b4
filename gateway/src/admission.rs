//! How much may be pending at once: a number of requests, and a number of bytes.
//!
//! A place is taken before a body is read, and bytes are reserved as they arrive: what a body announces and does not
//! send takes nothing from others. What it announces has to fit at that moment, though, so that in a crowd of large
//! uploads those who come too late are turned away at their first line.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// The part of a limit that makes a crowd: one in so many.
const CROWD: usize = 4;

/// The limits of one shard and what is taken of them.
#[derive(Debug)]
pub(crate) struct Admission {
    max_requests: usize,
    max_bytes: usize,
    requests: AtomicUsize,
    bytes: AtomicUsize,
    admitted: AtomicU64,
    shed_by_requests: AtomicU64,
    shed_by_bytes: AtomicU64,
}

/// Requests turned away so far, by the limit that they would have passed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Shed {
    pub(crate) requests: u64,
    pub(crate) bytes: u64,
}

/// The shard is full, in number or in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too much is pending")]
pub(crate) struct Full;

/// A place among the pending requests. Dropping it gives everything back.
#[derive(Debug)]
pub(crate) struct Place {
    admission: Arc<Admission>,
    bytes: usize,
}

impl Admission {
    /// At most `max_requests` places holding at most `max_bytes` bytes together.
    pub(crate) fn new(max_requests: usize, max_bytes: usize) -> Arc<Self> {
        Arc::new(Self {
            max_requests,
            max_bytes,
            requests: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            admitted: AtomicU64::new(0),
            shed_by_requests: AtomicU64::new(0),
            shed_by_bytes: AtomicU64::new(0),
        })
    }

    /// Takes a place for a request whose body announces `bytes` bytes (0 if it does not say). None of them is reserved
    /// yet: [`Place::grow`] does that.
    ///
    /// # Errors
    /// [`Full`] if either limit would be passed by what was announced; nothing is taken then.
    pub(crate) fn enter(self: &Arc<Self>, bytes: usize) -> Result<Place, Full> {
        take(&self.requests, 1, self.max_requests).inspect_err(|_| count(&self.shed_by_requests))?;
        let place = Place { admission: self.clone(), bytes: 0 };
        if self.bytes().saturating_add(bytes) > self.max_bytes {
            count(&self.shed_by_bytes);
            return Err(Full);
        }
        count(&self.admitted);
        Ok(place)
    }

    /// Whether a good part of either limit is taken: who waits in vain then has waited for others.
    pub(crate) fn is_crowded(&self) -> bool {
        self.requests() > self.max_requests / CROWD || self.bytes() > self.max_bytes / CROWD
    }

    /// Requests that hold a place now.
    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }

    /// Most requests that may hold a place.
    pub(crate) fn max_requests(&self) -> usize {
        self.max_requests
    }

    /// Most bytes that may be reserved.
    pub(crate) fn max_bytes(&self) -> usize {
        self.max_bytes
    }

    /// Requests that got a place so far, those that were turned away later for a body that did not fit included.
    pub(crate) fn admitted(&self) -> u64 {
        self.admitted.load(Ordering::Relaxed)
    }

    /// Requests that were turned away so far.
    pub(crate) fn shed(&self) -> Shed {
        Shed {
            requests: self.shed_by_requests.load(Ordering::Relaxed),
            bytes: self.shed_by_bytes.load(Ordering::Relaxed),
        }
    }

    /// Bytes that are reserved now.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }
}

impl Place {
    /// Bytes that it holds.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Reserves `bytes` more.
    ///
    /// # Errors
    /// [`Full`] if the limit would be passed; what was reserved before stays reserved.
    pub(crate) fn grow(&mut self, bytes: usize) -> Result<(), Full> {
        take(&self.admission.bytes, bytes, self.admission.max_bytes)
            .inspect_err(|_| count(&self.admission.shed_by_bytes))?;
        self.bytes += bytes;
        Ok(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.admission.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
        self.admission.requests.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Adds `n` to `counter` unless that passes `limit`.
fn take(counter: &AtomicUsize, n: usize, limit: usize) -> Result<(), Full> {
    let fits = |taken: usize| taken.checked_add(n).filter(|sum| *sum <= limit);
    counter.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).map(|_| ()).map_err(|_| Full)
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_is_bounded_and_given_back() {
        let admission = Admission::new(2, 100);
        let mut first = admission.enter(10).unwrap();
        first.grow(10).unwrap();
        let mut second = admission.enter(10).unwrap();
        second.grow(10).unwrap();
        assert_eq!(admission.enter(0).unwrap_err(), Full);
        drop(first);
        assert!(admission.enter(0).is_ok());
        assert_eq!((admission.requests(), admission.bytes()), (1, 10));
        assert_eq!((admission.admitted(), admission.shed()), (3, Shed { requests: 1, bytes: 0 }));
    }

    #[test]
    fn bytes_are_bounded_as_they_arrive() {
        let admission = Admission::new(10, 100);
        let mut place = admission.enter(100).unwrap();
        assert_eq!(admission.bytes(), 0, "what is only announced takes nothing");
        place.grow(60).unwrap();
        assert_eq!(admission.enter(41).unwrap_err(), Full);
        assert_eq!(admission.requests(), 1, "a refused request keeps no place");
        assert!(place.grow(40).is_ok());
        assert_eq!(place.grow(1), Err(Full));
        assert_eq!((admission.admitted(), admission.shed()), (1, Shed { requests: 0, bytes: 2 }));
        drop(place);
        assert_eq!((admission.requests(), admission.bytes()), (0, 0));
    }

    #[test]
    fn a_quarter_of_either_limit_is_a_crowd() {
        let admission = Admission::new(4, 100);
        let mut place = admission.enter(0).unwrap();
        assert!(!admission.is_crowded());
        place.grow(26).unwrap();
        assert!(admission.is_crowded());
        let many = Admission::new(4, 100);
        let _places = [many.enter(0).unwrap(), many.enter(0).unwrap()];
        assert!(many.is_crowded());
    }

    #[test]
    fn a_length_near_the_end_of_the_number_range_does_not_wrap() {
        let admission = Admission::new(10, 100);
        let mut place = admission.enter(1).unwrap();
        place.grow(1).unwrap();
        assert_eq!(place.grow(usize::MAX), Err(Full));
        assert_eq!(admission.enter(usize::MAX).unwrap_err(), Full);
    }
}
