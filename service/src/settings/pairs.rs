//! Lists of pairs as OpenTelemetry writes them: `name=value,…`, with `%`-escapes in the values.

use percent_encoding::percent_decode_str;

/// The pairs; none if `text` is no such list. A name that comes twice is there twice.
pub(super) fn read(text: &str) -> Option<Vec<(String, String)>> {
    let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
    entries.map(pair).collect()
}

fn pair(entry: &str) -> Option<(String, String)> {
    let (name, value) = entry.split_once('=')?;
    let (name, value) = (name.trim(), percent_decode_str(value.trim()).decode_utf8().ok()?);
    (!name.is_empty()).then(|| (name.to_owned(), value.into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_trimmed_and_unescaped() {
        let read =
            |text| read(text).map(|pairs| pairs.iter().map(|(n, v)| format!("{n}:{v}")).collect::<Vec<_>>());
        assert_eq!(read("a=1, b = x%20y%2Cz ,").unwrap(), ["a:1", "b:x y,z"]);
        assert_eq!(read("k=a=b").unwrap(), ["k:a=b"], "a value may hold the sign");
        assert!(read("").unwrap().is_empty());
        for bad in ["a", "=1", "a=%ff"] {
            assert!(read(bad).is_none(), "{bad:?}");
        }
    }
}
