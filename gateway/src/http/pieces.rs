//! A body as it arrives: what is kept of it is reserved before it is kept.

use actix_web::web::Bytes;

use crate::admission::{Full, Place};

/// The pieces so far, and the place that accounts for their memory.
pub(super) struct Pieces {
    place: Place,
    /// The most that may come, which no buffer has to be larger than.
    most: usize,
    kept: Kept,
}

/// Most bodies arrive in one piece, which is then used as it is.
enum Kept {
    Nothing,
    One(Bytes),
    /// Its capacity is what is reserved.
    Many(Vec<u8>),
}

impl Pieces {
    /// Nothing yet, of at most `most` bytes.
    pub(super) fn new(place: Place, most: usize) -> Self {
        Self { place, most, kept: Kept::Nothing }
    }

    /// Bytes that have arrived.
    pub(super) fn len(&self) -> usize {
        match &self.kept {
            Kept::Nothing => 0,
            Kept::One(piece) => piece.len(),
            Kept::Many(pieces) => pieces.len(),
        }
    }

    /// Adds the next piece.
    ///
    /// # Errors
    /// [`Full`] if there is no room for it; then the body cannot be had any more.
    pub(super) fn push(&mut self, piece: Bytes) -> Result<(), Full> {
        match &mut self.kept {
            Kept::Nothing => {
                self.place.grow(piece.len())?;
                self.kept = Kept::One(piece);
            }
            Kept::One(first) => {
                let first = std::mem::take(first);
                let mut pieces = Vec::new();
                make_room(&mut pieces, first.len() + piece.len(), self.most, &mut self.place)?;
                pieces.extend_from_slice(&first);
                pieces.extend_from_slice(&piece);
                self.kept = Kept::Many(pieces);
            }
            Kept::Many(pieces) => {
                make_room(pieces, pieces.len() + piece.len(), self.most, &mut self.place)?;
                pieces.extend_from_slice(&piece);
            }
        }
        Ok(())
    }

    /// The whole body, and the place that holds it.
    pub(super) fn finish(self) -> (Bytes, Place) {
        let bytes = match self.kept {
            Kept::Nothing => Bytes::new(),
            Kept::One(piece) => piece,
            Kept::Many(pieces) => pieces.into(),
        };
        (bytes, self.place)
    }
}

/// Makes room for `needed` bytes in `buffer`, twice as much each time up to `most`, so that few pieces are copied again.
fn make_room(buffer: &mut Vec<u8>, needed: usize, most: usize, place: &mut Place) -> Result<(), Full> {
    if needed <= buffer.capacity() {
        return Ok(());
    }
    let capacity = needed.max(buffer.capacity() * 2).min(most.max(needed));
    place.grow(capacity.saturating_sub(place.bytes()))?;
    buffer.reserve_exact(capacity - buffer.len());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admission::Admission;

    #[test]
    fn pieces_are_joined_in_order() {
        let admission = Admission::new(1, 100);
        let mut body = Pieces::new(admission.enter(0).unwrap(), 100);
        for piece in ["a", "bc", "d"] {
            body.push(Bytes::from_static(piece.as_bytes())).unwrap();
        }
        assert_eq!(body.len(), 4);
        assert_eq!(body.finish().0, Bytes::from_static(b"abcd"));
    }

    #[test]
    fn one_piece_is_reserved_once_and_used_as_it_is() {
        let admission = Admission::new(1, 100);
        let mut body = Pieces::new(admission.enter(4).unwrap(), 4);
        let piece = Bytes::from_static(b"abcd");
        body.push(piece.clone()).unwrap();
        assert_eq!(admission.bytes(), 4);
        let (bytes, place) = body.finish();
        assert_eq!(bytes.as_ptr(), piece.as_ptr(), "copied");
        drop(place);
        assert_eq!(admission.bytes(), 0);
    }

    #[test]
    fn what_is_reserved_is_the_memory_that_is_kept() {
        let admission = Admission::new(1, 1 << 20);
        let mut body = Pieces::new(admission.enter(1000).unwrap(), 1000);
        for _ in 0..100 {
            body.push(Bytes::from_static(b"0123456789")).unwrap();
            let kept = match &body.kept {
                Kept::Many(pieces) => pieces.capacity(),
                Kept::One(_) | Kept::Nothing => body.len(),
            };
            assert_eq!(admission.bytes(), kept);
        }
        assert_eq!(admission.bytes(), 1000, "no more than was announced");
    }

    #[test]
    fn a_body_that_does_not_fit_keeps_nothing() {
        let admission = Admission::new(1, 15);
        let mut body = Pieces::new(admission.enter(0).unwrap(), 100);
        body.push(Bytes::from_static(b"0123456789")).unwrap();
        assert_eq!(body.push(Bytes::from_static(b"0123456789")), Err(Full));
        drop(body);
        assert_eq!((admission.requests(), admission.bytes()), (0, 0));
    }
}
