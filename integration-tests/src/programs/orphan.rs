//! A process that nobody started any more has nothing left to do.

use std::io::Read as _;

/// Ends this process when its stdin does: whoever started it holds the other end, and is gone then, killed perhaps.
/// Started from a shell or without stdin, it stays.
pub(super) fn end_with_parent() {
    if std::env::var_os(super::ROLE_VARIABLE).is_none() {
        return;
    }
    // Without the thread the process merely stays.
    let _ = std::thread::Builder::new().name("orphan".to_owned()).spawn(|| {
        let mut byte = [0];
        while std::io::stdin().read(&mut byte).is_ok_and(|count| count > 0) {}
        std::process::exit(1);
    });
}
