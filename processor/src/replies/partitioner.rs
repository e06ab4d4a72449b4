//! Which partition a reply goes to when its request names none: the one that Kafka's own producers take for the key,
//! so that equal keys land together and a Spring caller finds the reply where Spring's worker would have put it.

/// The seed of Kafka's producers.
const SEED: u32 = 0x9747_b28c;
const MULTIPLIER: u32 = 0x5bd1_e995;
const ROTATION: u32 = 24;

/// The partition of `key` among `partitions`, which is at least 1.
pub(crate) fn partition_of(key: &[u8], partitions: i32) -> i32 {
    // As in Kafka's `toPositive`: the sign bit is cleared, not negated.
    let positive = i32::try_from(murmur2(key) & 0x7fff_ffff).expect("31 bits fit");
    positive % partitions.max(1)
}

fn murmur2(key: &[u8]) -> u32 {
    // Kafka counts in 32 bits; a record is far shorter than that.
    let length = u32::try_from(key.len()).unwrap_or(u32::MAX);
    let (words, rest) = key.as_chunks::<4>();
    let mut hash = SEED ^ length;
    for word in words {
        let mut mixed = u32::from_le_bytes(*word).wrapping_mul(MULTIPLIER);
        mixed ^= mixed >> ROTATION;
        hash = hash.wrapping_mul(MULTIPLIER) ^ mixed.wrapping_mul(MULTIPLIER);
    }
    if !rest.is_empty() {
        let mut last = [0; 4];
        last[..rest.len()].copy_from_slice(rest);
        hash = (hash ^ u32::from_le_bytes(last)).wrapping_mul(MULTIPLIER);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(MULTIPLIER);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the tests of Kafka's own `Utils.murmur2`.
    #[test]
    fn it_is_the_murmur2_of_kafkas_producers() {
        let known: [(&str, i32); 7] = [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            ("abc", 479_470_107),
            ("", 275_646_681),
        ];
        for (key, expected) in known {
            assert_eq!(murmur2(key.as_bytes()).cast_signed(), expected, "{key:?}");
        }
    }

    #[test]
    fn every_key_has_a_partition_that_exists() {
        for partitions in 1..7 {
            for number in 0..200 {
                let partition = partition_of(format!("key-{number}").as_bytes(), partitions);
                assert!((0..partitions).contains(&partition));
            }
        }
    }
}
