//! What a process logs: the last lines of it.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::ChildStderr;

use crate::logs;

/// Lines kept; older ones make room.
const KEPT: usize = 4_000;

/// The first lines, kept for good: they say where the process listens.
const FIRST: usize = 50;

/// Lines of stderr. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Log {
    lines: Arc<Mutex<Lines>>,
}

#[derive(Default)]
struct Lines {
    first: Vec<String>,
    last: VecDeque<String>,
    dropped: usize,
}

impl Log {
    /// Takes lines from `stderr` until it ends. They are the process's of this name.
    pub(super) async fn fill(self, stderr: ChildStderr, name: String) {
        let mut lines = BufReader::new(stderr).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            logs::keep(format!("{name} | {line}"));
            self.lines.lock().push(line);
        }
    }

    /// What follows `words` in the first line that has them.
    pub(super) fn find(&self, words: &str) -> Option<String> {
        let lines = self.lines.lock();
        let mut rests = lines.first.iter().filter_map(|line| line.split_once(words));
        rests.next().map(|(_, rest)| rest.trim().to_owned())
    }

    /// Everything that is kept.
    pub(super) fn text(&self) -> String {
        let lines = self.lines.lock();
        let mut text = lines.first.join("\n");
        if lines.dropped > 0 {
            text.push_str(&format!("\n… {} lines …", lines.dropped));
        }
        for line in &lines.last {
            text.push('\n');
            text.push_str(line);
        }
        text
    }
}

impl Lines {
    fn push(&mut self, line: String) {
        if self.first.len() < FIRST {
            self.first.push(line);
            return;
        }
        if self.last.len() == KEPT {
            self.last.pop_front();
            self.dropped += 1;
        }
        self.last.push_back(line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_and_the_last_lines_are_kept() {
        let log = Log::default();
        for n in 0..FIRST + KEPT + 2 {
            log.lines.lock().push(format!("line {n} of many"));
        }
        let text = log.text();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), FIRST + 1 + KEPT);
        assert_eq!(lines[0], "line 0 of many");
        assert_eq!(lines[FIRST], "… 2 lines …");
        assert_eq!(lines[FIRST + 1], format!("line {} of many", FIRST + 2));
        assert_eq!(log.find("line 3"), Some("of many".to_owned()));
        assert_eq!(log.find("nobody said"), None);
    }
}
