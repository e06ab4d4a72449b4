//! Where frames begin and end in a stream that passes by. Nothing is kept but the length under way.

use std::io;

const LENGTH_BYTES: usize = 4;

/// The position in one direction of a connection.
#[derive(Debug, Default)]
pub(super) struct Frames {
    length: [u8; LENGTH_BYTES],
    /// How many bytes of the length are there.
    read: usize,
    /// How many bytes of the body are still to come.
    left: usize,
}

impl Frames {
    /// Whether nothing is half way.
    pub(super) fn is_between(&self) -> bool {
        self.read == 0
    }

    /// Lets the whole of `bytes` pass; how many frames ended in them.
    pub(super) fn pass(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (mut rest, mut ended) = (bytes, 0);
        while !rest.is_empty() {
            rest = &rest[self.pass_within(rest)?..];
            ended += usize::from(self.is_between());
        }
        Ok(ended)
    }

    /// How many of `bytes` belong to the frame under way, which is all if it does not end in them.
    pub(super) fn until_boundary(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut ahead = Self { ..*self };
        let mut passed = 0;
        while passed < bytes.len() && !ahead.is_between() {
            passed += ahead.pass_within(&bytes[passed..])?;
        }
        Ok(passed)
    }

    /// Lets as many pass as belong to the length or to the body under way; how many.
    fn pass_within(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let passed = if self.read < LENGTH_BYTES {
            let passed = bytes.len().min(LENGTH_BYTES - self.read);
            self.length[self.read..self.read + passed].copy_from_slice(&bytes[..passed]);
            self.read += passed;
            if self.read == LENGTH_BYTES {
                let length = i32::from_be_bytes(self.length);
                let invalid =
                    |_| io::Error::new(io::ErrorKind::InvalidData, format!("frame length {length}"));
                self.left = usize::try_from(length).map_err(invalid)?;
            }
            passed
        } else {
            let passed = bytes.len().min(self.left);
            self.left -= passed;
            passed
        };
        if self.read == LENGTH_BYTES && self.left == 0 {
            self.read = 0;
        }
        Ok(passed)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(body: &[u8]) -> Vec<u8> {
        [&u32::try_from(body.len()).unwrap().to_be_bytes(), body].concat()
    }

    #[test]
    fn a_length_below_zero_is_no_frame() {
        assert!(Frames::default().pass(&[0xff; 4]).is_err());
        assert!(Frames::default().pass(&[0x7f; 4]).is_ok());
    }

    #[test]
    fn fuzz_relay_frames() {
        fuzz::Target::new("relay-frames").run(|stream| {
            let mut whole = Frames::default();
            let ended = whole.pass(stream);
            let (mut frames, mut of_pieces) = (Frames::default(), Ok(0));
            for piece in stream.chunks(3) {
                let (Ok(before), Ok(until)) = (&of_pieces, frames.until_boundary(piece)) else { break };
                assert!(until <= piece.len());
                of_pieces = frames.pass(piece).map(|ended| before + ended);
            }
            assert!(ended.is_err() || of_pieces.is_ok(), "a stream is as good as its pieces");
            if let (Ok(ended), Ok(of_pieces)) = (ended, of_pieces) {
                assert_eq!((ended, whole.is_between()), (of_pieces, frames.is_between()));
            }
        });
    }

    proptest! {
        #[test]
        fn frames_are_counted_however_they_arrive(
            bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..20),
            pieces in prop::collection::vec(1_usize..30, 0..100),
        ) {
            let stream = bodies.iter().flat_map(|body| frame(body)).collect::<Vec<u8>>();
            let boundaries = bodies.iter().scan(0, |at, body| { *at += 4 + body.len(); Some(*at) }).collect::<Vec<_>>();
            let (mut frames, mut at, mut ended) = (Frames::default(), 0, 0);
            for piece in pieces.into_iter().chain([stream.len()]) {
                let bytes = &stream[at..(at + piece).min(stream.len())];
                let next = boundaries.iter().copied().find(|boundary| *boundary >= at && *boundary > 0);
                let expected = match next {
                    Some(boundary) if !frames.is_between() => boundary.min(at + bytes.len()) - at,
                    _ => 0,
                };
                prop_assert_eq!(frames.until_boundary(bytes).unwrap(), expected);
                ended += frames.pass(bytes).unwrap();
                at += bytes.len();
                prop_assert_eq!(ended, boundaries.iter().filter(|boundary| **boundary <= at).count());
                prop_assert_eq!(frames.is_between(), at == 0 || boundaries.contains(&at));
            }
            prop_assert_eq!(ended, bodies.len());
        }
    }
}
