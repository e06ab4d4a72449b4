//! Work that would hold up an event loop: files that may lie on a network, and keys that are dear to derive.
//!
//! Heartbeats and callers are served by the loop that logs in. So such work is done on a thread made for it, few at a time. One
//! that never ends (a file may be a pipe that nobody writes to) costs its thread and its place, and nobody waits for
//! it: neither a login, which gives it up, nor the end of the process.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
    sync::Arc,
    thread,
    time::Duration,
};

use tokio::{
    sync::{Semaphore, oneshot},
    time::timeout,
};

/// Threads at once.
const PLACES: usize = 4;
/// Longest wait for a file.
const READ_LIMIT: Duration = Duration::from_secs(1);
/// No password and no token is longer.
const MAX_SECRET_BYTES: u64 = 64 << 10;

/// Where it is done. Cheap to clone; all clones share their places.
#[derive(Clone, Debug)]
pub(crate) struct Aside {
    places: Arc<Semaphore>,
}

impl Default for Aside {
    fn default() -> Self {
        Self { places: Arc::new(Semaphore::new(PLACES)) }
    }
}

impl Aside {
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

    /// What a file holds, without white space at its end. The error names the file.
    pub(super) async fn secret(&self, path: &Path) -> io::Result<String> {
        let named = |error: io::Error| {
            io::Error::new(error.kind(), format!("cannot read {}: {error}", path.display()))
        };
        let of_work = path.to_owned();
        let read = timeout(READ_LIMIT, self.run(move || read(&of_work))).await;
        let late = |_| {
            let words = format!("it is not read within {READ_LIMIT:?}");
            Err(io::Error::new(io::ErrorKind::TimedOut, words))
        };
        let text = read.unwrap_or_else(late).and_then(|read| read).map_err(named)?;
        let secret = text.trim_end();
        if secret.is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, format!("{} is empty", path.display())));
        }
        Ok(secret.to_owned())
    }
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(MAX_SECRET_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_SECRET_BYTES {
        let words = format!("it holds more than {MAX_SECRET_BYTES} bytes");
        return Err(io::Error::new(io::ErrorKind::InvalidData, words));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        path::PathBuf,
        process::Command,
        sync::atomic::{AtomicU32, Ordering::Relaxed},
    };

    use super::*;

    /// A name of its own in the directory for such files; gone with it.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new() -> Self {
            static COUNT: AtomicU32 = AtomicU32::new(0);
            let name = format!("aside-{}-{}", std::process::id(), COUNT.fetch_add(1, Relaxed));
            Self(std::env::temp_dir().join(name))
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_file(&self.0);
        }
    }

    #[tokio::test]
    async fn a_file_is_read_each_time_and_a_bad_one_is_named() {
        let (aside, file) = (Aside::default(), Scratch::new());
        for held in ["first", "second"] {
            fs::write(&file.0, format!("{held}\n")).unwrap();
            assert_eq!(aside.secret(&file.0).await.unwrap(), held);
        }
        let too_long = "x".repeat(usize::try_from(MAX_SECRET_BYTES).unwrap() + 1);
        for (held, words) in [
            (Some("\n"), "is empty"),
            (Some(too_long.as_str()), "more than 65536 bytes"),
            (None, "cannot read"),
        ] {
            match held {
                Some(held) => fs::write(&file.0, held).unwrap(),
                None => fs::remove_file(&file.0).unwrap(),
            }
            let error = aside.secret(&file.0).await.unwrap_err().to_string();
            assert!(error.contains(words) && error.contains(&file.0.display().to_string()), "{error}");
        }
    }

    /// The runtime has one thread: had the read blocked it, no time would have passed and nothing else would have run.
    #[tokio::test]
    async fn a_file_that_blocks_holds_up_nobody_and_takes_no_more_than_its_places() {
        let (aside, pipe) = (Aside::default(), Scratch::new());
        assert!(Command::new("mkfifo").arg(&pipe.0).status().unwrap().success());
        let turns = tokio::spawn(async {
            for _ in 0..5 {
                tokio::time::sleep(READ_LIMIT / 10).await;
            }
        });
        let reads = (0..PLACES * 3).map(|_| aside.secret(&pipe.0));
        for read in futures::future::join_all(reads).await {
            let error = read.unwrap_err().to_string();
            assert!(error.ends_with("it is not read within 1s"), "{error}");
        }
        assert!(turns.is_finished(), "the loop stood still");
        assert_eq!(aside.places.available_permits(), 0);
        // Somebody opens the other end: what blocked ends, and so do those who waited for a place.
        drop(fs::OpenOptions::new().write(true).open(&pipe.0).unwrap());
        let free = async {
            while aside.places.available_permits() < PLACES {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(Duration::from_secs(15), free).await.expect("the places are free again");
    }

    #[tokio::test]
    async fn work_that_panics_is_an_error_and_gives_its_place_back() {
        let aside = Aside::default();
        for _ in 0..PLACES * 2 {
            assert!(aside.run(|| panic!("on purpose")).await.is_err());
        }
        assert_eq!(aside.run(|| 7).await.unwrap(), 7);
    }
}
