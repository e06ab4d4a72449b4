//! The five codecs of a batch, all in pure Rust, none of which may blow up memory.

use std::io::{self, Read};

use bytes::{Buf, Bytes};

use super::Damage;

/// A batch may not grow beyond this when decompressed. Kafka's own limit for a batch is 1 MB unless raised.
pub const MAX_DECOMPRESSED_BYTES: usize = 64 << 20;

/// Kafka's Java clients cut snappy data into blocks behind this, a version and the oldest compatible version.
const XERIAL_MAGIC: &[u8] = b"\x82SNAPPY\0";
const XERIAL_HEADER_BYTES: usize = 16;

/// How the records of a batch are compressed, as one block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Codec {
    None,
    Gzip,
    Snappy,
    Lz4,
    Zstd,
}

impl Codec {
    /// The codec that the lowest bits of a batch's attributes name.
    pub(super) fn numbered(number: i16) -> Result<Self, Damage> {
        Ok(match number {
            0 => Self::None,
            1 => Self::Gzip,
            2 => Self::Snappy,
            3 => Self::Lz4,
            4 => Self::Zstd,
            unknown => return Err(Damage::UnknownCodec(unknown)),
        })
    }

    pub(super) fn decompress(self, compressed: Bytes) -> Result<Bytes, Damage> {
        let (codec, decompressed) = match self {
            Self::None => return Ok(compressed),
            Self::Gzip => ("gzip", read_bounded(flate2::read::MultiGzDecoder::new(&*compressed))),
            Self::Snappy => ("snappy", snappy(compressed)),
            Self::Lz4 => ("lz4", read_bounded(lz4_flex::frame::FrameDecoder::new(&*compressed))),
            Self::Zstd => ("zstd", zstd(&compressed)),
        };
        decompressed.map(Bytes::from).map_err(|source| Damage::Compression { codec, source })
    }
}

fn read_bounded(reader: impl Read) -> io::Result<Vec<u8>> {
    let mut decompressed = Vec::new();
    append_bounded(reader, &mut decompressed)?;
    Ok(decompressed)
}

/// Reads to the end, or fails one byte beyond the limit.
fn append_bounded(reader: impl Read, decompressed: &mut Vec<u8>) -> io::Result<()> {
    let room = MAX_DECOMPRESSED_BYTES - decompressed.len();
    reader.take(room as u64 + 1).read_to_end(decompressed)?;
    if decompressed.len() > MAX_DECOMPRESSED_BYTES { Err(too_large()) } else { Ok(()) }
}

/// The decoder knows one frame; a stream may be several.
fn zstd(mut compressed: &[u8]) -> io::Result<Vec<u8>> {
    let mut decompressed = Vec::new();
    while !compressed.is_empty() {
        let frame = ruzstd::decoding::StreamingDecoder::new(&mut compressed).map_err(io::Error::other)?;
        append_bounded(frame, &mut decompressed)?;
    }
    Ok(decompressed)
}

/// Either blocks in Java's framing, each with its length, or one bare block.
fn snappy(mut compressed: Bytes) -> io::Result<Vec<u8>> {
    let mut decompressed = Vec::new();
    if !compressed.starts_with(XERIAL_MAGIC) {
        append_snappy_block(&compressed, &mut decompressed)?;
        return Ok(decompressed);
    }
    if compressed.len() < XERIAL_HEADER_BYTES {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    compressed.advance(XERIAL_HEADER_BYTES);
    while !compressed.is_empty() {
        let length = compressed.try_get_u32().map_err(|_| io::ErrorKind::UnexpectedEof)? as usize;
        if length > compressed.len() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        append_snappy_block(&compressed.split_to(length), &mut decompressed)?;
    }
    Ok(decompressed)
}

fn append_snappy_block(block: &[u8], decompressed: &mut Vec<u8>) -> io::Result<()> {
    let start = decompressed.len();
    let length = snap::raw::decompress_len(block)?;
    let end = start.checked_add(length).filter(|end| *end <= MAX_DECOMPRESSED_BYTES).ok_or_else(too_large)?;
    decompressed.resize(end, 0);
    snap::raw::Decoder::new().decompress(block, &mut decompressed[start..])?;
    Ok(())
}

fn too_large() -> io::Error {
    io::Error::other(format!("more than {MAX_DECOMPRESSED_BYTES} bytes"))
}
