//! What processes take of the machine, as Linux accounts for it in `/proc`.

use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::procfs;

/// Clock ticks a second in `/proc/PID/stat`: `USER_HZ`, 100 on every architecture that runs here.
const TICKS_PER_SECOND: u64 = 100;

/// One process at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// CPU time since its start, in user and in kernel mode, of all threads; exact to 10 ms.
    pub cpu: Duration,
    /// Resident memory in bytes.
    pub resident: u64,
}

/// Looks at process `pid`.
///
/// # Errors
/// There is no such process, or this is no Linux.
pub fn of_process(pid: u32) -> Result<Usage> {
    let cpu = cpu(&procfs::read(pid, "stat")?).context("/proc/PID/stat is not as expected")?;
    Ok(Usage { cpu, resident: procfs::resident_bytes(pid)? })
}

/// Fields 14 and 15 (utime, stime). The second field is the program's name, which may hold spaces and parentheses.
fn cpu(stat: &str) -> Option<Duration> {
    let (_, behind_name) = stat.rsplit_once(") ")?;
    let mut fields = behind_name.split(' ').skip(11);
    let (user, system): (u64, u64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some(Duration::from_millis((user + system) * 1000 / TICKS_PER_SECOND))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_found_behind_a_strange_name() {
        let stat = "30 (a (b) c) S 1 30 30 0 -1 4194304 99 0 0 0 125 75 7 8 20 0 1 0 62 3133440 410";
        assert_eq!(cpu(stat), Some(Duration::from_secs(2)));
    }

    #[test]
    fn this_process_has_memory() {
        assert!(of_process(std::process::id()).unwrap().resident > 100_000);
    }
}
