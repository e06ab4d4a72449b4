//! Every codec, in every form that clients write.

use std::io::Write;

use bytes::{BufMut, Bytes};
use proptest::{collection::vec, prelude::*};

use super::{batch, plain, values};
use crate::batch::{MAX_DECOMPRESSED_BYTES, codec::Codec, decode};

type Compress = fn(&[u8]) -> Vec<u8>;

const FORMS: [(i16, &str, Compress); 8] = [
    (0, "none", <[u8]>::to_vec),
    (1, "gzip", gzip),
    (1, "gzip, two members", |plain| halves(plain, gzip)),
    (2, "snappy", snappy),
    (2, "snappy, Java's framing", xerial),
    (3, "lz4", lz4),
    (4, "zstd", zstd),
    (4, "zstd, two frames", |plain| halves(plain, zstd)),
];

#[test]
fn every_codec_is_read() {
    let texts = ["a".repeat(100_000), String::new(), "b".to_owned()];
    let records = texts.each_ref().map(|text| plain(text));
    for (number, name, compress) in FORMS {
        let contents = decode(batch(&records, 0, number, compress).freeze(), 0);
        assert_eq!(contents.unreadable, [], "{name}");
        let values: Vec<_> = values(&contents).into_iter().map(|(_, text)| text).collect();
        assert_eq!(values, texts, "{name}");
        assert_eq!(contents.next_offset, 3, "{name}");
    }
}

#[test]
fn more_than_the_limit_is_refused() {
    let zeros = vec![0; MAX_DECOMPRESSED_BYTES + 1];
    let forms = FORMS.iter().filter(|(number, ..)| *number > 0);
    // zstd's own encoder is too slow for this much without optimization; the bound is the same code as gzip's.
    for (number, name, compress) in forms.filter(|(_, name, _)| !name.starts_with("zstd")) {
        let error = Codec::numbered(*number).unwrap().decompress(compress(&zeros).into()).unwrap_err();
        assert!(error.in_words().contains("more than 67108864 bytes"), "{name}: {}", error.in_words());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_bytes_make_a_codec_panic(number in 1..=4_i16, bytes in vec(any::<u8>(), 0..200)) {
        let _ = Codec::numbered(number).unwrap().decompress(Bytes::from(bytes));
    }

    #[test]
    fn no_damage_makes_a_codec_panic(
        form in 1..FORMS.len(),
        plain in vec(0..4_u8, 0..400),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        end in any::<prop::sample::Index>(),
    ) {
        let (number, _, compress) = FORMS[form];
        let mut compressed = compress(&plain);
        for (at, byte) in damage {
            let at = at.index(compressed.len());
            compressed[at] = byte;
        }
        compressed.truncate(end.index(2 * compressed.len()));
        let _ = Codec::numbered(number).unwrap().decompress(Bytes::from(compressed));
    }
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn snappy(plain: &[u8]) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(plain).unwrap()
}

/// As snappy-java writes it, in blocks of 32 KiB.
fn xerial(plain: &[u8]) -> Vec<u8> {
    let mut framed = b"\x82SNAPPY\x00\x00\x00\x00\x01\x00\x00\x00\x01".to_vec();
    for block in plain.chunks(32 << 10) {
        let block = snappy(block);
        framed.put_u32(u32::try_from(block.len()).unwrap());
        framed.extend_from_slice(&block);
    }
    framed
}

fn lz4(plain: &[u8]) -> Vec<u8> {
    let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn zstd(plain: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(plain, ruzstd::encoding::CompressionLevel::Fastest)
}

fn halves(plain: &[u8], compress: Compress) -> Vec<u8> {
    let (first, second) = plain.split_at(plain.len() / 2);
    [compress(first), compress(second)].concat()
}
