//! What is read again while the gateway runs: files of keys and certificates.
//!
//! The content is compared and not the time of change: that also sees a file that was replaced through a link, as
//! Kubernetes replaces mounted secrets, and none of them is large.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

/// Between two looks.
const INTERVAL: Duration = Duration::from_secs(1);

/// Something that is made from files.
pub(crate) trait Source: Send + Sync {
    /// What it is, in words that begin a sentence.
    fn name(&self) -> &'static str;

    /// Uses what is new, if anything is. Blocks as files do.
    ///
    /// # Errors
    /// If what is there cannot be used; what was used before stays in use.
    fn reload(&self) -> Result<bool>;
}

/// What the file at `path` holds, which is `what`.
///
/// # Errors
/// If it cannot be read, or has more than `max_bytes` bytes.
pub(crate) fn read(path: &Path, what: &str, max_bytes: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(max_bytes + 1).read_to_end(&mut bytes))
        .with_context(|| format!("cannot read {what} in {}", path.display()))?;
    let fits = u64::try_from(bytes.len()).is_ok_and(|length| length <= max_bytes);
    ensure!(fits, "{} has more than {max_bytes} bytes, which is all that is read", path.display());
    Ok(bytes)
}

/// Looks after the sources for as long as it is kept.
#[derive(Debug)]
pub(crate) struct Reloading(Option<JoinHandle<()>>);

impl Reloading {
    /// Starts on the current runtime; does nothing where there is nothing to look after.
    pub(crate) fn start(sources: Vec<Arc<dyn Source>>) -> Self {
        Self((!sources.is_empty()).then(|| tokio::spawn(watch(sources))))
    }
}

impl Drop for Reloading {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}

async fn watch(sources: Vec<Arc<dyn Source>>) {
    let mut ticks = interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // What was last said of each, so that one trouble is told once.
    let mut troubles = vec![None; sources.len()];
    loop {
        ticks.tick().await;
        for (source, trouble) in sources.iter().zip(&mut troubles) {
            let reloading = source.clone();
            let Ok(reloaded) = tokio::task::spawn_blocking(move || reloading.reload()).await else {
                tracing::error!("{} panicked while they were read again", source.name());
                continue;
            };
            tell(source.name(), reloaded, trouble);
        }
    }
}

fn tell(name: &str, reloaded: Result<bool>, trouble: &mut Option<String>) {
    match reloaded {
        Ok(true) => tracing::info!("{name} have changed and were read again"),
        Ok(false) if trouble.is_some() => tracing::info!("{name} are as they were again"),
        Ok(false) => {}
        Err(error) => {
            let error = format!("{error:#}");
            if trouble.as_ref() != Some(&error) {
                tracing::warn!(error, "{name} cannot be read again, going on with those of before");
            }
            *trouble = Some(error);
            return;
        }
    }
    *trouble = None;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_up_to_its_bound() {
        let path = std::env::temp_dir().join(format!("bounded-{}", std::process::id()));
        std::fs::write(&path, "abc").unwrap();
        assert_eq!(read(&path, "letters", 3).unwrap(), b"abc");
        assert!(read(&path, "letters", 2).unwrap_err().to_string().contains("more than 2 bytes"));
        std::fs::remove_file(&path).unwrap();
        assert!(read(&path, "letters", 3).unwrap_err().to_string().starts_with("cannot read letters in"));
    }
}
