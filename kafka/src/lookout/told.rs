//! What one process tells another of past ends, in bytes.
//!
//! ```text
//!   version:u8 = 1   [partition:i32  age in ms:u32  end:i64]   to the end
//! ```
//!
//! Ages are as of the moment of telling. Who reads it knows only that it was not told before a certain moment of its own clock,
//! and counts from there.

use std::time::Duration;

const VERSION: u8 = 1;
/// Bytes of one entry.
const LENGTH: usize = 16;

/// A partition ended there, so long ago.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) partition: i32,
    pub(super) age: Duration,
    pub(super) end: i64,
}

/// Nothing becomes no bytes. Ages of more than 49 days are left out.
pub(super) fn encode(told: &[Told]) -> Vec<u8> {
    let mut out = Vec::new();
    if !told.is_empty() {
        out.push(VERSION);
    }
    for Told { partition, age, end } in told {
        // Rounded up, so that nothing is told to be younger than it may be; what is weeks old is of no use to anybody.
        let Ok(age_ms) = u32::try_from(age.as_millis() + 1) else { continue };
        out.extend_from_slice(&partition.to_be_bytes());
        out.extend_from_slice(&age_ms.to_be_bytes());
        out.extend_from_slice(&end.to_be_bytes());
    }
    out
}

/// What cannot be read tells nothing: it comes from whoever leads the group.
pub(super) fn decode(bytes: &[u8]) -> Vec<Told> {
    let Some((&VERSION, entries)) = bytes.split_first() else { return Vec::new() };
    let (entries, _) = entries.as_chunks::<LENGTH>();
    entries.iter().map(read).collect()
}

fn read(entry: &[u8; LENGTH]) -> Told {
    let [p0, p1, p2, p3, a0, a1, a2, a3, end @ ..] = *entry;
    Told {
        partition: i32::from_be_bytes([p0, p1, p2, p3]),
        age: Duration::from_millis(u32::from_be_bytes([a0, a1, a2, a3]).into()),
        end: i64::from_be_bytes(end),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_another_version_or_a_stranger_says_tells_nothing() {
        let told = encode(&[Told { partition: 1, age: Duration::ZERO, end: 2 }]);
        assert_eq!(decode(&told).len(), 1);
        let mut newer = told.clone();
        newer[0] = 2;
        for bytes in [&newer[..], b"", b"sticky", &told[..1]] {
            assert_eq!(decode(bytes), []);
        }
    }

    #[test]
    fn fuzz_told() {
        fuzz::Target::new("told").run(|bytes| {
            let told = decode(bytes);
            // An age grows by the millisecond that it is rounded up by, and may so become too old to be told.
            let older: Vec<_> = told
                .iter()
                .map(|told| Told { age: told.age + Duration::from_millis(1), ..*told })
                .filter(|told| u32::try_from(told.age.as_millis()).is_ok())
                .collect();
            assert_eq!(decode(&encode(&told)), older);
        });
    }

    proptest! {
        #[test]
        fn what_is_told_is_read_and_is_no_younger(
            entries in prop::collection::vec((0..1_000i32, 0..90_000_000u64, 0..i64::MAX), 0..20)
        ) {
            let told: Vec<_> = entries
                .into_iter()
                .map(|(partition, micros, end)| Told { partition, age: Duration::from_micros(micros), end })
                .collect();
            let read = decode(&encode(&told));
            prop_assert_eq!(read.len(), told.len());
            for (read, told) in read.iter().zip(&told) {
                prop_assert_eq!((read.partition, read.end), (told.partition, told.end));
                prop_assert!(read.age >= told.age && read.age <= told.age + Duration::from_millis(1));
            }
        }
    }
}
