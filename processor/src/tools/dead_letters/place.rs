//! Places in the dead-letter topic as `list` prints them and a person writes them: `0/41`.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

/// Where one record stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) partition: i32,
    pub(super) offset: i64,
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.partition, self.offset)
    }
}

/// A partition, or some of its offsets: `0`, `0/41`, `0/41-60`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stretch {
    pub(super) partition: i32,
    /// All of them if there is none.
    pub(super) offsets: Option<Range<i64>>,
}

impl FromStr for Stretch {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::read(text).ok_or_else(|| {
            "expected a partition such as 0, an offset in it such as 0/41, or several such as 0/41-60"
                .to_owned()
        })
    }
}

impl Stretch {
    fn read(text: &str) -> Option<Self> {
        let Some((partition, offsets)) = text.split_once('/') else {
            return Some(Self { partition: number(text)?, offsets: None });
        };
        let (first, last) = offsets.split_once('-').unwrap_or((offsets, offsets));
        let offsets = number(first)?..number::<i64>(last)?.checked_add(1)?;
        (!offsets.is_empty()).then_some(Self { partition: number(partition)?, offsets: Some(offsets) })
    }
}

/// Digits and nothing else.
fn number<N: FromStr>(text: &str) -> Option<N> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stretch_is_a_partition_or_offsets_of_it() {
        let read = |text: &str| text.parse::<Stretch>().map(|stretch| (stretch.partition, stretch.offsets));
        assert_eq!(read("0"), Ok((0, None)));
        assert_eq!(read("2/41"), Ok((2, Some(41..42))));
        assert_eq!(read("2/41-60"), Ok((2, Some(41..61))));
        for text in
            ["", "/", "0/", "/41", "0/41-", "0/60-41", "-1", "0/-1", "a", "0/41/2", "0/9223372036854775807"]
        {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_list_prints_can_be_asked_for() {
        let place = Place { partition: 1, offset: 41 };
        assert_eq!(place.to_string().parse(), Ok(Stretch { partition: 1, offsets: Some(41..42) }));
    }

    #[test]
    fn fuzz_place() {
        fuzz::Target::new("place").run(|text| match String::from_utf8_lossy(text).parse() {
            Ok(Stretch { partition, offsets }) => {
                assert!(partition >= 0);
                assert!(offsets.is_none_or(|offsets| offsets.start >= 0 && !offsets.is_empty()));
            }
            Err(words) => assert!(words.starts_with("expected ")),
        });
    }
}
