//! Bytes from anywhere, for a terminal: what could move its cursor, ring its bell or turn its text around is escaped.

use std::fmt::Write as _;

use serde_json::{Value, json};

/// The bytes as text on one line: UTF-8 as it is, `\n`, `\u{1b}` and the like for what is not to be printed, `\xff` for
/// what is no UTF-8.
pub(super) fn printable(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                // Harmless, and everywhere in JSON.
                '"' | '\'' | '\\' => text.push(character),
                _ => text.extend(character.escape_debug()),
            }
        }
        for byte in chunk.invalid() {
            // Writing to a string never fails.
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    text
}

/// The first `longest` bytes as [`printable`] text, and how many are left out.
pub(super) fn cut(bytes: &[u8], longest: usize) -> (String, usize) {
    let end = bytes.len().min(longest);
    (printable(&bytes[..end]), bytes.len() - end)
}

/// The bytes for JSON: text if they are UTF-8, else `{"hex":"…"}`; null if there are none.
pub(super) fn in_json(bytes: Option<&[u8]>) -> Value {
    match bytes.map(|bytes| (str::from_utf8(bytes), bytes)) {
        None => Value::Null,
        Some((Ok(text), _)) => json!(text),
        Some((Err(_), bytes)) => json!({ "hex": hex::encode(bytes) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_and_what_a_terminal_would_obey_is_escaped() {
        assert_eq!(printable("{\"a\":\"grüß\\n\"}".as_bytes()), "{\"a\":\"grüß\\n\"}");
        assert_eq!(printable(b"a\nb\r\t\x1b[2J\x07\0\x7f"), r"a\nb\r\t\u{1b}[2J\u{7}\0\u{7f}");
        assert_eq!(printable("\u{202e}evil\u{200b}\u{9b}".as_bytes()), r"\u{202e}evil\u{200b}\u{9b}");
        assert_eq!(printable(b"\xff\xfeab\xc3"), r"\xff\xfeab\xc3");
    }

    #[test]
    fn a_cut_says_how_much_it_left_out() {
        assert_eq!(cut(b"abc", 3), ("abc".to_owned(), 0));
        assert_eq!(cut(b"abcde", 3), ("abc".to_owned(), 2));
        assert_eq!(cut("é".as_bytes(), 1), (r"\xc3".to_owned(), 1));
    }

    #[test]
    fn json_has_text_where_it_is_text() {
        assert_eq!(in_json(None), Value::Null);
        assert_eq!(in_json(Some(b"a\x1b")), json!("a\u{1b}"));
        assert_eq!(in_json(Some(&[0xff, 0x00])), json!({ "hex": "ff00" }));
    }
}
