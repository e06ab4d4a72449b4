//! Tells whoever waits how far the bench is, on stderr, so that stdout has the report and nothing else.

/// Says one line.
#[expect(clippy::print_stderr, reason = "for the person who waits")]
pub fn say(line: &str) {
    eprintln!("bench: {line}");
}
