//! Small files that somebody else keeps: keys, certificates, secrets. Read whole, within bounds of size and time.
//!
//! The name of a file that a setting gives can lead to anything. A named pipe waits for somebody who writes, a device never
//! ends, and a network mount waits for its server, in the kernel, where no timeout of ours reaches. So only regular files
//! are read, and by a thread that nobody has to wait for.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError, sync_channel};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Longest that a read is waited for: a disk takes milliseconds, a network that is there at all not much longer.
pub const LIMIT: Duration = Duration::from_secs(5);

/// A file that may be read again and again.
#[derive(Debug)]
pub struct SmallFile {
    path: PathBuf,
    max_bytes: u64,
    /// A read that took too long. The next one waits for it and begins no other, so a file that hangs costs one thread.
    under_way: Mutex<Option<Answer>>,
}

/// What comes of a read.
type Answer = Receiver<Result<Vec<u8>, ReadError>>;

/// Why a file was not read. No text of these shows what is in it.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The system refused.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It is a folder, a pipe, a socket or a device.
    #[error("it is no regular file")]
    NotRegular,
    /// It is longer than what is read of such a file.
    #[error("it has more than {0} bytes, which is all that is read")]
    TooLarge(u64),
    /// It did not come in time.
    #[error("it could not be read within {0:?}; is it on a mount whose server is away?")]
    TimedOut(Duration),
}

impl SmallFile {
    /// The one at `path`, of which at most `max_bytes` bytes are read. Nothing is read yet.
    pub fn new(path: impl Into<PathBuf>, max_bytes: u64) -> Self {
        Self { path: path.into(), max_bytes, under_way: Mutex::new(None) }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it holds now. Blocks, for [`LIMIT`] at most.
    ///
    /// # Errors
    /// It cannot be read, is no regular file, is too large, or does not come in time.
    pub fn read(&self) -> Result<Vec<u8>, ReadError> {
        self.read_within(LIMIT)
    }

    /// The same for those who have less time: blocks for `limit` at most, others who read the same file included.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_within(&self, limit: Duration) -> Result<Vec<u8>, ReadError> {
        let (path, max_bytes) = (self.path.clone(), self.max_bytes);
        self.read_by(limit, move || read(&path, max_bytes))
    }

    fn read_by(
        &self,
        limit: Duration,
        read: impl FnOnce() -> Result<Vec<u8>, ReadError> + Send + 'static,
    ) -> Result<Vec<u8>, ReadError> {
        let deadline = Instant::now() + limit;
        // Whoever holds it waits for the file.
        let Some(mut under_way) = self.under_way.try_lock_until(deadline) else {
            return Err(ReadError::TimedOut(limit));
        };
        // One that has come since nobody waited is what the file held then.
        let answer = match under_way.take() {
            Some(answer) if matches!(answer.try_recv(), Err(TryRecvError::Empty)) => answer,
            _ => begin(read)?,
        };
        match answer.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(read) => read,
            Err(RecvTimeoutError::Timeout) => {
                *under_way = Some(answer);
                Err(ReadError::TimedOut(limit))
            }
            Err(RecvTimeoutError::Disconnected) => {
                Err(io::Error::other("the thread that read it has ended").into())
            }
        }
    }
}

/// Nobody joins the thread: one that hangs in the kernel must not keep the process from ending.
fn begin(read: impl FnOnce() -> Result<Vec<u8>, ReadError> + Send + 'static) -> io::Result<Answer> {
    let (sender, answer) = sync_channel(1);
    std::thread::Builder::new().name("read-file".to_owned()).spawn(move || {
        // Nobody may be there any more to take it.
        let _ = sender.send(read());
    })?;
    Ok(answer)
}

fn read(path: &Path, max_bytes: u64) -> Result<Vec<u8>, ReadError> {
    // Without blocking: to open a pipe waits for somebody who writes.
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
    // What was opened is looked at, not what the name leads to by now.
    if !file.metadata()?.is_file() {
        return Err(ReadError::NotRegular);
    }
    whole(&file, max_bytes)
}

fn whole(file: &File, max_bytes: u64) -> Result<Vec<u8>, ReadError> {
    let mut bytes = Vec::new();
    file.take(max_bytes.saturating_add(1)).read_to_end(&mut bytes)?;
    let fits = u64::try_from(bytes.len()).is_ok_and(|length| length <= max_bytes);
    if fits { Ok(bytes) } else { Err(ReadError::TooLarge(max_bytes)) }
}

#[cfg(test)]
mod tests;
