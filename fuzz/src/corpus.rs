//! Inputs on disk: those that are kept with the source, and what a run leaves behind.

use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

/// Where the inputs of a target are.
#[derive(Debug)]
pub(crate) struct Corpus {
    kept: PathBuf,
    found: PathBuf,
}

impl Corpus {
    pub(crate) fn of(name: &str) -> Self {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let target =
            std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| here.join("../target"), PathBuf::from);
        Self { kept: here.join("corpus").join(name), found: target.join("fuzz").join(name) }
    }

    /// What is kept with the source, each with its path.
    ///
    /// # Panics
    /// If there is none: random bytes alone reach nothing behind a decoder's first check.
    pub(crate) fn kept(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let inputs = files(&self.kept);
        assert!(!inputs.is_empty(), "no corpus in {}", self.kept.display());
        inputs
    }

    /// What earlier runs found beside it.
    pub(crate) fn found(&self) -> Vec<Vec<u8>> {
        files(&self.found.join("found")).into_iter().map(|(_, bytes)| bytes).collect()
    }

    /// Leaves one that reached what no other had reached, for the next run.
    pub(crate) fn keep(&self, bytes: &[u8]) {
        // Without it the next run begins with less, and that is all.
        drop(self.write(Path::new("found").join(name(bytes)), bytes));
    }

    /// Leaves one that failed; where it is, or why it is nowhere.
    pub(crate) fn failed(&self, bytes: &[u8]) -> String {
        match self.write(PathBuf::from(format!("failed-{}", name(bytes))), bytes) {
            Ok(path) => path.display().to_string(),
            Err(error) => format!("(it cannot be written: {error})"),
        }
    }

    /// A place for the one that is tried next, for what ends the whole process.
    pub(crate) fn running(&self) -> std::io::Result<Running> {
        fs::create_dir_all(&self.found)?;
        fs::File::create(self.found.join("running")).map(Running)
    }

    fn write(&self, name: impl AsRef<Path>, bytes: &[u8]) -> std::io::Result<PathBuf> {
        let path = self.found.join(name);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&path, bytes)?;
        Ok(path)
    }
}

/// Holds the input that is being tried, and stays behind with it if the process ends.
#[derive(Debug)]
pub(crate) struct Running(fs::File);

impl Running {
    pub(crate) fn put(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.0.seek(SeekFrom::Start(0))?;
        self.0.write_all(bytes)?;
        self.0.set_len(bytes.len() as u64)
    }
}

/// In the order of their names, which is the same everywhere.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<_> = entries.map(|entry| entry.path()).filter(|path| path.is_file()).collect();
    paths.sort();
    let read = |path: PathBuf| {
        let bytes = fs::read(&path).unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()));
        (path, bytes)
    };
    paths.into_iter().map(read).collect()
}

fn name(bytes: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}
