//! What a process holds, as Linux tells it in `/proc`.

use std::fs;
use std::os::unix::fs::FileTypeExt as _;

use anyhow::{Context as _, Result};

/// Memory of process `pid` that is resident now, in bytes.
///
/// # Errors
/// There is no such process, or this is no Linux.
pub fn resident_bytes(pid: u32) -> Result<u64> {
    memory(pid, "VmRSS:")
}

/// The most memory that was ever resident in process `pid`, in bytes.
///
/// # Errors
/// As of [`resident_bytes`].
pub fn peak_bytes(pid: u32) -> Result<u64> {
    memory(pid, "VmHWM:")
}

/// How many sockets process `pid` has open.
///
/// # Errors
/// There is no such process, it is somebody else's, or this is no Linux.
pub fn sockets(pid: u32) -> Result<usize> {
    let path = format!("/proc/{pid}/fd");
    let descriptors = fs::read_dir(&path).with_context(|| format!("cannot read {path}"))?;
    let is_socket = |entry: &fs::DirEntry| {
        // A descriptor may be closed between the listing and the look.
        fs::metadata(entry.path()).is_ok_and(|found| found.file_type().is_socket())
    };
    Ok(descriptors.filter_map(Result::ok).filter(is_socket).count())
}

/// What `/proc/PID/FILE` says of process `pid`.
///
/// # Errors
/// As of [`resident_bytes`].
pub fn read(pid: u32, file: &str) -> Result<String> {
    let path = format!("/proc/{pid}/{file}");
    fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))
}

fn memory(pid: u32, name: &str) -> Result<u64> {
    bytes(&read(pid, "status")?, name).with_context(|| format!("/proc/PID/status has no {name} in kB"))
}

fn bytes(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn memory_is_in_bytes() {
        let status = "Name:\tx\nVmHWM:\t    4096 kB\nVmRSS:\t    2048 kB\nThreads:\t1\n";
        assert_eq!((bytes(status, "VmRSS:"), bytes(status, "VmHWM:")), (Some(2 << 20), Some(4 << 20)));
        assert_eq!((bytes(status, "Threads:"), bytes(status, "VmSwap:")), (None, None));
    }

    #[test]
    fn a_process_is_seen_to_hold_what_it_holds() {
        let own = std::process::id();
        assert!(resident_bytes(own).unwrap() > 1 << 20);
        assert!(peak_bytes(own).unwrap() > 1 << 20);
        let before = sockets(own).unwrap();
        let held: Vec<_> = (0..5).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        // Other tests of this process may open and close sockets of their own.
        assert!(sockets(own).unwrap() + 3 >= before + 5);
        drop(held);
    }

    #[test]
    fn nobody_holds_nothing() {
        assert!(resident_bytes(0).is_err() && sockets(0).is_err());
    }
}
