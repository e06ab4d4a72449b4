//! A file that holds a password or a token, and nothing else.
//!
//! Somebody else keeps it and may put it anywhere: on a mount whose server is away it would be waited for without an end. So it
//! is read by [`SmallFile`], which takes regular files alone and has one thread at most in a file that hangs, however many
//! logins want it.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use files::{ReadError, SmallFile};
use tokio::time::timeout;

use super::Aside;

/// Longest wait for it, in a login that has more to do.
const LIMIT: Duration = Duration::from_secs(1);
/// No password and no token is longer.
const MAX_BYTES: u64 = 64 << 10;

/// One of them, read again at each login. Cheap to clone; clones are the same file.
#[derive(Clone, Debug)]
pub struct SecretFile(Arc<SmallFile>);

/// Why there is no secret. Names the file, and shows nothing of what is in it.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file is not read.
    #[error("cannot read {}: {reason}", .path.display())]
    Unread {
        /// Where it is.
        path: PathBuf,
        /// Why not.
        reason: ReadError,
    },
    /// It is no text.
    #[error("{} is not UTF-8", .0.display())]
    NotText(PathBuf),
    /// It has white space at most.
    #[error("{} is empty", .0.display())]
    Empty(PathBuf),
}

impl SecretFile {
    /// The one at `path`. Nothing is read yet.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self(Arc::new(SmallFile::new(path, MAX_BYTES)))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// What it holds now, without white space at its end.
    pub(crate) async fn read(&self, aside: &Aside) -> Result<String, SecretError> {
        let (path, file) = (self.path().to_owned(), self.0.clone());
        let deadline = Instant::now() + LIMIT;
        // The wait for a place counts, so that nobody holds one for a login that is over.
        let read = aside.run(move || file.read_within(deadline.saturating_duration_since(Instant::now())));
        let read = timeout(LIMIT, read).await;
        let bytes = match read {
            Ok(Ok(read)) => read,
            Ok(Err(error)) => Err(error.into()),
            Err(_) => Err(ReadError::TimedOut(LIMIT)),
        };
        let bytes = bytes.map_err(|reason| SecretError::Unread { path: path.clone(), reason })?;
        let Ok(text) = str::from_utf8(&bytes) else { return Err(SecretError::NotText(path)) };
        match text.trim_end() {
            "" => Err(SecretError::Empty(path)),
            secret => Ok(secret.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, process::Command};

    use tempfile::TempDir;

    use super::*;

    #[tokio::test]
    async fn a_file_is_read_each_time_and_a_bad_one_is_named() {
        let (aside, folder) = (Aside::default(), TempDir::new().unwrap());
        let path = folder.path().join("secret");
        let file = SecretFile::at(&path);
        for held in ["first", "second"] {
            fs::write(&path, format!("{held}\n")).unwrap();
            assert_eq!(file.read(&aside).await.unwrap(), held);
        }
        let too_long = "x".repeat(usize::try_from(MAX_BYTES).unwrap() + 1);
        for (held, words) in [
            (Some(&b"\n"[..]), "is empty"),
            (Some(b"\xff"), "is not UTF-8"),
            (Some(too_long.as_bytes()), "more than 65536 bytes"),
            (None, "cannot read"),
        ] {
            match held {
                Some(held) => fs::write(&path, held).unwrap(),
                None => fs::remove_file(&path).unwrap(),
            }
            let error = file.read(&aside).await.unwrap_err().to_string();
            assert!(error.contains(words) && error.contains(&path.display().to_string()), "{error}");
        }
    }

    #[tokio::test]
    async fn a_pipe_is_refused_and_takes_no_place_for_good() {
        let (aside, folder) = (Aside::default(), TempDir::new().unwrap());
        let path = folder.path().join("pipe");
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        let file = SecretFile::at(&path);
        for _ in 0..Aside::PLACES * 3 {
            let error = file.read(&aside).await.unwrap_err().to_string();
            assert!(error.ends_with("it is no regular file"), "{error}");
        }
        // Other logins have their turn.
        assert_eq!(aside.run(|| 7).await.unwrap(), 7);
    }
}
