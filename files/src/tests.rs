use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::channel;

use super::*;

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("files-{}-{count}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left in the directory for temporary files harms nobody.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_file_is_read_up_to_its_bound_and_again() {
    let folder = Folder::new();
    let path = folder.write("letters", "abc");
    let file = SmallFile::new(&path, 3);
    assert_eq!(file.read().unwrap(), b"abc");
    folder.write("letters", "xyz");
    assert_eq!(file.read().unwrap(), b"xyz");
    folder.write("letters", "abcd");
    assert!(matches!(file.read(), Err(ReadError::TooLarge(3))));
    std::fs::remove_file(&path).unwrap();
    assert!(matches!(file.read(), Err(ReadError::Io(error)) if error.kind() == io::ErrorKind::NotFound));
}

#[test]
fn a_link_is_followed_and_only_a_regular_file_is_read() {
    let folder = Folder::new();
    let (link, pipe) = (folder.0.join("link"), folder.0.join("pipe"));
    std::os::unix::fs::symlink(folder.write("letters", "abc"), &link).unwrap();
    assert_eq!(SmallFile::new(link, 3).read().unwrap(), b"abc");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for path in [pipe, folder.0.clone(), "/dev/zero".into()] {
        assert!(matches!(SmallFile::new(&path, 3).read(), Err(ReadError::NotRegular)), "{}", path.display());
    }
}

#[test]
fn one_that_hangs_is_waited_for_once_more_and_not_begun_again() {
    let file = SmallFile::new("somewhere", 3);
    let (go_on, told) = channel::<()>();
    let hangs = move || {
        told.recv().unwrap();
        Ok(b"abc".to_vec())
    };
    let soon = Duration::from_millis(20);
    assert!(matches!(file.read_by(soon, hangs), Err(ReadError::TimedOut(_))));
    let never = || -> Result<_, ReadError> { unreachable!("the first is still under way") };
    assert!(matches!(file.read_by(soon, never), Err(ReadError::TimedOut(_))));
    go_on.send(()).unwrap();
    assert_eq!(file.read_by(LIMIT, never).unwrap(), b"abc");
    assert_eq!(file.read_by(LIMIT, || Ok(b"xyz".to_vec())).unwrap(), b"xyz");
}

#[test]
fn a_read_that_panics_is_an_error() {
    let file = SmallFile::new("somewhere", 3);
    assert!(matches!(file.read_by(LIMIT, || panic!("on purpose")), Err(ReadError::Io(_))));
    assert_eq!(file.read_by(LIMIT, || Ok(b"xyz".to_vec())).unwrap(), b"xyz");
}
