//! Work that would hold up an event loop: files that may lie on a network, and keys that are dear to derive.
//!
//! Heartbeats and callers are served by the loop that logs in. So such work is done on a thread made for it, few at a time.
//! It has to come to an end by itself, which gives its place to the next; but nobody has to wait for that: neither a login,
//! which may give it up, nor the end of the process.

use std::{io, sync::Arc, thread};

use tokio::sync::{Semaphore, oneshot};

/// Where it is done. Cheap to clone; all clones share their places.
#[derive(Clone, Debug)]
pub(crate) struct Aside {
    places: Arc<Semaphore>,
}

impl Default for Aside {
    fn default() -> Self {
        Self { places: Arc::new(Semaphore::new(Self::PLACES)) }
    }
}

impl Aside {
    /// Threads at once.
    pub(super) const PLACES: usize = 4;

    /// Does it. Waits for a place, and then for the work, as long as they take. Fails if there is no thread, or the work
    /// panics.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<T> {
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(io::Error::other)?;
        let (done, doing) = oneshot::channel();
        thread::Builder::new().name("login".to_owned()).spawn(move || {
            // Whoever has given it up hears nothing.
            drop(done.send(work()));
            drop(place);
        })?;
        doing.await.map_err(io::Error::other)
    }

    /// Every place, until it is dropped.
    #[cfg(test)]
    pub(super) fn take_all(&self) -> tokio::sync::OwnedSemaphorePermit {
        let all = u32::try_from(Self::PLACES).unwrap();
        Arc::clone(&self.places).try_acquire_many_owned(all).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use futures::future::join_all;

    use super::*;

    /// The runtime has one thread: were the work done on it, nobody would be there to let it end.
    #[tokio::test]
    async fn work_holds_up_nobody_and_leaves_its_place_to_the_next() {
        let aside = Aside::default();
        let (began, mut beginning) = tokio::sync::mpsc::unbounded_channel();
        let (let_go, endings): (Vec<_>, Vec<_>) = (0..Aside::PLACES * 2).map(|_| channel::<()>()).unzip();
        let works = endings.into_iter().map(|ending| {
            let began = began.clone();
            aside.run(move || {
                began.send(()).unwrap();
                ending.recv().unwrap();
            })
        });
        let watching = async {
            for _ in 0..Aside::PLACES {
                beginning.recv().await.unwrap();
            }
            assert_eq!(aside.places.available_permits(), 0);
            assert!(beginning.try_recv().is_err(), "more than its places");
            for let_go in &let_go {
                let_go.send(()).unwrap();
            }
        };
        let (ended, ()) = tokio::join!(join_all(works), watching);
        assert!(ended.iter().all(Result::is_ok));
    }

    #[tokio::test]
    async fn work_that_panics_is_an_error_and_gives_its_place_back() {
        let aside = Aside::default();
        for _ in 0..Aside::PLACES * 2 {
            assert!(aside.run(|| panic!("on purpose")).await.is_err());
        }
        assert_eq!(aside.run(|| 7).await.unwrap(), 7);
    }
}
