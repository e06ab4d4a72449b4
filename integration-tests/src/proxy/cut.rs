//! Cutting a connection in the middle of a Kafka frame.

use std::ops::ControlFlow;

use parking_lot::Mutex;

use super::Direction;

const LENGTH_BYTES: usize = 4;

/// The cuts that were asked for and not made yet, of both directions.
#[derive(Default)]
pub(super) struct Cuts(Mutex<[Wanted; 2]>);

#[derive(Default, Clone, Copy)]
struct Wanted {
    after: usize,
    times: u32,
}

impl Cuts {
    /// The next `times` frames of `direction` are cut after `after` bytes, in place of what was asked for before.
    pub(super) fn ask(&self, direction: Direction, after: usize, times: u32) {
        self.0.lock()[direction.index()] = Wanted { after, times };
    }

    pub(super) fn clear(&self) {
        *self.0.lock() = Default::default();
    }

    /// How many cuts of `direction` are still to come.
    pub(super) fn left(&self, direction: Direction) -> u32 {
        self.0.lock()[direction.index()].times
    }

    /// Takes the next cut, if there is one: after how many bytes of a frame it is to be made.
    pub(super) fn take(&self, direction: Direction) -> Option<usize> {
        let wanted = &mut self.0.lock()[direction.index()];
        wanted.times = wanted.times.checked_sub(1)?;
        Some(wanted.after)
    }
}

/// Where in a stream of Kafka frames (four bytes of length, then that many bytes) we are.
#[derive(Default)]
pub(super) struct Frames {
    length: [u8; LENGTH_BYTES],
    /// Bytes of the current frame that have passed, those of its length included.
    passed: usize,
    /// After how many bytes of the current frame the connection is to be cut.
    cut: Option<usize>,
}

impl Frames {
    /// How many of `bytes` may pass: all of them, or so many before the cut that `next` had in store at the
    /// beginning of a frame. A frame that is shorter than its cut is cut before its last byte.
    pub(super) fn admit(
        &mut self,
        bytes: &[u8],
        mut next: impl FnMut() -> Option<usize>,
    ) -> ControlFlow<usize> {
        let mut at = 0;
        while at < bytes.len() {
            if self.passed == 0 {
                self.cut = next();
            }
            if self.cut.is_some_and(|cut| self.passed >= cut) {
                return ControlFlow::Break(at);
            }
            if self.passed < LENGTH_BYTES {
                self.length[self.passed] = bytes[at];
                self.passed += 1;
                at += 1;
            } else {
                let end = self.frame_bytes();
                let until = self.cut.map_or(end, |cut| cut.min(end - 1));
                if self.cut.is_some() && self.passed >= until {
                    return ControlFlow::Break(at);
                }
                let step = (until - self.passed).min(bytes.len() - at);
                self.passed += step;
                at += step;
            }
            if self.passed >= LENGTH_BYTES && self.passed == self.frame_bytes() {
                *self = Self::default();
            }
        }
        ControlFlow::Continue(())
    }

    /// Bytes of the whole frame, once its length has passed.
    fn frame_bytes(&self) -> usize {
        LENGTH_BYTES + usize::try_from(u32::from_be_bytes(self.length)).unwrap_or(usize::MAX - LENGTH_BYTES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAMES: &[u8] = &[0, 0, 0, 3, 7, 7, 7, 0, 0, 0, 0, 0, 0, 0, 1, 8];

    /// What passes of `FRAMES` in pieces of `piece` bytes when the cuts are `cuts`, one for each frame.
    fn passing(piece: usize, cuts: &[Option<usize>]) -> usize {
        let (mut frames, mut cuts, mut passed) = (Frames::default(), cuts.iter().copied(), 0);
        for bytes in FRAMES.chunks(piece) {
            match frames.admit(bytes, || cuts.next().flatten()) {
                ControlFlow::Continue(()) => passed += bytes.len(),
                ControlFlow::Break(some) => return passed + some,
            }
        }
        passed
    }

    #[test]
    fn a_cut_is_counted_from_the_beginning_of_its_frame() {
        for piece in 1..=FRAMES.len() {
            assert_eq!(passing(piece, &[]), FRAMES.len(), "without a cut all passes");
            assert_eq!(passing(piece, &[Some(2)]), 2, "inside the length");
            assert_eq!(passing(piece, &[Some(5)]), 5, "inside the body");
            assert_eq!(passing(piece, &[None, None, Some(4)]), 15, "in the third frame");
        }
    }

    #[test]
    fn a_short_frame_is_cut_before_its_end() {
        for piece in 1..=FRAMES.len() {
            assert_eq!(passing(piece, &[Some(1_000)]), 6);
            assert_eq!(passing(piece, &[None, None, Some(1_000)]), 15);
        }
    }

    #[test]
    fn each_cut_is_taken_once() {
        let cuts = Cuts::default();
        cuts.ask(Direction::Answers, 9, 2);
        assert_eq!(cuts.take(Direction::Requests), None);
        assert_eq!([cuts.take(Direction::Answers), cuts.take(Direction::Answers)], [Some(9), Some(9)]);
        assert_eq!(cuts.take(Direction::Answers), None);
        cuts.ask(Direction::Answers, 9, 2);
        cuts.clear();
        assert_eq!(cuts.left(Direction::Answers), 0);
    }
}
