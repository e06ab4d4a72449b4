use std::process::Command;
use std::sync::mpsc::{channel, sync_channel};

use tempfile::TempDir;

use super::*;

#[test]
fn a_file_is_read_up_to_its_bound_and_again() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("letters");
    let file = SmallFile::new(&path, 3);
    for letters in ["abc", "xyz"] {
        std::fs::write(&path, letters).unwrap();
        assert_eq!(file.read().unwrap(), letters.as_bytes());
    }
    std::fs::write(&path, "abcd").unwrap();
    assert!(matches!(file.read(), Err(ReadError::TooLarge(3))));
    std::fs::remove_file(&path).unwrap();
    assert!(matches!(file.read(), Err(ReadError::Io(error)) if error.kind() == io::ErrorKind::NotFound));
}

#[test]
fn a_link_is_followed_and_only_a_regular_file_is_read() {
    let folder = TempDir::new().unwrap();
    let [letters, link, pipe] = ["letters", "link", "pipe"].map(|name| folder.path().join(name));
    std::fs::write(&letters, "abc").unwrap();
    std::os::unix::fs::symlink(&letters, &link).unwrap();
    assert_eq!(SmallFile::new(link, 3).read().unwrap(), b"abc");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for path in [pipe, folder.path().to_owned(), "/dev/zero".into()] {
        assert!(matches!(SmallFile::new(&path, 3).read(), Err(ReadError::NotRegular)), "{}", path.display());
    }
}

#[test]
fn one_that_hangs_is_waited_for_again_and_not_begun_again() {
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
    drop(go_on);
}

#[test]
fn what_came_when_nobody_waited_any_more_is_not_handed_out() {
    let file = SmallFile::new("somewhere", 3);
    let (coming, late) = sync_channel(1);
    coming.send(Ok(b"abc".to_vec())).unwrap();
    *file.under_way.lock() = Some(late);
    assert_eq!(file.read_by(LIMIT, || Ok(b"xyz".to_vec())).unwrap(), b"xyz");
}

#[test]
fn who_comes_while_somebody_waits_waits_no_longer_than_its_own_time() {
    let file = SmallFile::new("somewhere", 3);
    let (begun, beginning) = channel();
    let (go_on, told) = channel::<()>();
    std::thread::scope(|scope| {
        let file = &file;
        let first = scope.spawn(move || {
            file.read_by(LIMIT * 12, move || {
                begun.send(()).unwrap();
                told.recv().unwrap();
                Ok(b"abc".to_vec())
            })
        });
        beginning.recv().unwrap();
        let never = || -> Result<_, ReadError> { unreachable!("the first is still under way") };
        // Were the first one's end waited for, there would be none.
        let soon = Duration::from_millis(20);
        assert!(matches!(file.read_by(soon, never), Err(ReadError::TimedOut(limit)) if limit == soon));
        go_on.send(()).unwrap();
        assert_eq!(first.join().unwrap().unwrap(), b"abc");
    });
}

#[test]
fn a_read_that_panics_is_an_error() {
    let file = SmallFile::new("somewhere", 3);
    assert!(matches!(file.read_by(LIMIT, || panic!("on purpose")), Err(ReadError::Io(_))));
    assert_eq!(file.read_by(LIMIT, || Ok(b"xyz".to_vec())).unwrap(), b"xyz");
}
