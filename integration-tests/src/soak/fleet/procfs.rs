//! What a process holds, as the kernel tells it.

use std::fs;
use std::os::unix::fs::FileTypeExt as _;

/// Resident memory of process `pid` in bytes; none if it is gone.
pub(super) fn rss_bytes(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// How many sockets process `pid` has open; none if it is gone.
pub(super) fn sockets(pid: u32) -> Option<u64> {
    let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).ok()?;
    let is_socket = |entry: &fs::DirEntry| {
        // A descriptor may be closed between the listing and the look.
        fs::metadata(entry.path()).is_ok_and(|found| found.file_type().is_socket())
    };
    Some(descriptors.filter_map(Result::ok).filter(is_socket).count() as u64)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_process_is_seen_to_hold_what_it_holds() {
        let own = std::process::id();
        assert!(rss_bytes(own).unwrap() > 1 << 20);
        let before = sockets(own).unwrap();
        let held: Vec<_> = (0..5).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        // Other tests of this process may open and close sockets of their own.
        assert!(sockets(own).unwrap() + 3 >= before + 5);
        drop(held);
    }

    #[test]
    fn nobody_holds_nothing() {
        assert_eq!((rss_bytes(0), sockets(0)), (None, None));
    }
}
