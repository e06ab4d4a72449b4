//! Several fields in one input, in a form that a person can read and write.

/// What stands between two fields.
const BETWEEN: &[u8] = b"\n--\n";

/// `N` fields of an input; those that are missing are empty, and the last one takes the rest.
pub fn parts<const N: usize>(input: &[u8]) -> [&[u8]; N] {
    let mut rest = Some(input);
    let mut left = N;
    [(); N].map(|()| {
        left -= 1;
        let Some(whole) = rest.take() else { return &[][..] };
        match split(whole, BETWEEN).filter(|_| left > 0) {
            Some((field, behind)) => {
                rest = Some(behind);
                field
            }
            None => whole,
        }
    })
}

/// What stands before and behind the first `mark`.
pub fn split<'a>(bytes: &'a [u8], mark: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = bytes.windows(mark.len()).position(|window| window == mark)?;
    Some((&bytes[..at], &bytes[at + mark.len()..]))
}
