//! Makes another input out of one that makes sense.

use crate::random::Random;

/// Longest input that is made, in bytes.
pub(crate) const LONGEST: usize = 8 << 10;
/// Longest piece that is inserted, doubled or taken out.
const PIECE: usize = 64;
/// Most mutations on top of each other.
const MOST: usize = 5;

/// Lengths, counts and offsets that break things.
const NUMBERS: [i64; 17] = [
    0,
    1,
    -1,
    -2,
    0x7f,
    0x80,
    0xff,
    0x7fff,
    0x8000,
    0xffff,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x10_0000,
    i64::MAX,
    i64::MAX - 1,
    i64::MIN,
];

/// Pieces that mean something in the texts that are read here.
const WORDS: [&[u8]; 22] = [
    b"\0",
    b"\n",
    b"\r\n",
    b" ",
    b",",
    b";",
    b"=",
    b":",
    b"/",
    b"-",
    b".",
    b"\"",
    b"\\u0000",
    b"{",
    b"}",
    b"[",
    b"null",
    b"1e999",
    b"18446744073709551616",
    b"-9223372036854775808",
    "\u{e9}".as_bytes(),
    b"\xff",
];

/// One of `pool`, mutated, in part perhaps put together with another.
pub(crate) fn mutated(pool: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut bytes = random.pick(pool).clone();
    for _ in 0..=random.below(MOST) {
        mutate(&mut bytes, pool, random);
    }
    bytes.truncate(LONGEST);
    bytes
}

fn mutate(bytes: &mut Vec<u8>, pool: &[Vec<u8>], random: &mut Random) {
    let at = random.below(bytes.len() + 1);
    match random.below(10) {
        0 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << random.below(8);
            }
        }
        1 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = random.byte();
            }
        }
        // A number of any width, where it may be a length.
        2 | 3 => number(&mut bytes[at..], random),
        4 => {
            let end = (at + 1 + random.below(PIECE)).min(bytes.len());
            bytes.drain(at..end);
        }
        5 => {
            let piece: Vec<u8> = (0..=random.below(8)).map(|_| random.byte()).collect();
            bytes.splice(at..at, piece);
        }
        6 => {
            let word = *random.pick(&WORDS);
            bytes.splice(at..at, word.iter().copied());
        }
        // The same once more, for what may stand there once only.
        7 => {
            let end = (at + 1 + random.below(PIECE)).min(bytes.len());
            let piece = bytes[at..end].to_vec();
            bytes.splice(end..end, piece);
        }
        8 => {
            let other = random.pick(pool);
            let from = random.below(other.len() + 1);
            bytes.truncate(at);
            bytes.extend_from_slice(&other[from..]);
        }
        _ => bytes.truncate(at),
    }
}

/// Writes one over the first bytes, big-endian, or moves the one that stands there by a little.
fn number(bytes: &mut [u8], random: &mut Random) {
    let width = *random.pick(&[1, 2, 4, 8]);
    let Some(place) = bytes.get_mut(..width) else { return };
    let mut whole = [0; 8];
    whole[8 - width..].copy_from_slice(place);
    let value = if random.below(3) == 0 {
        let by = i64::try_from(random.below(33)).unwrap_or(0) - 16;
        i64::from_be_bytes(whole).wrapping_add(by)
    } else {
        *random.pick(&NUMBERS)
    };
    place.copy_from_slice(&value.to_be_bytes()[8 - width..]);
}
