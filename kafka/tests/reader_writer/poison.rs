//! Batches that rskafka cannot read, among others that it can.

use std::io::Write;

use anyhow::Result;
use bytes::{Bytes, BytesMut};
use kafka::batch::{RawRecord, encode};

use crate::support::{Cluster, flushed, next, number, record, start_writer};

const HEADER: usize = 61;
const ATTRIBUTES: usize = 21;
const CHECKSUM: usize = 17;
const LENGTH: usize = 8;

#[derive(Clone, Copy, Debug)]
enum Codec {
    Plain,
    Gzip,
    Snappy,
    Lz4,
    Zstd,
}

/// A batch of records with these numbers.
fn batch(numbers: std::ops::Range<u32>, codec: Codec) -> Result<Bytes> {
    sealed(&encode(&numbers.map(raw).collect::<Vec<_>>())?, codec)
}

fn raw(number: u32) -> RawRecord {
    let record = record(number);
    RawRecord {
        timestamp_ms: record.timestamp.timestamp_millis(),
        key: record.key.map(Bytes::from),
        value: record.value.map(Bytes::from),
        headers: record.headers.into_iter().map(|(n, v)| (Bytes::from(n), Some(Bytes::from(v)))).collect(),
        ..RawRecord::default()
    }
}

/// The batch with its records compressed, and length and checksum made to fit.
fn sealed(plain: &[u8], codec: Codec) -> Result<Bytes> {
    let (header, records) = plain.split_at(HEADER);
    let body = match codec {
        Codec::Plain => records.to_vec(),
        Codec::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(records)?;
            encoder.finish()?
        }
        Codec::Snappy => snap::raw::Encoder::new().compress_vec(records)?,
        Codec::Lz4 => {
            let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
            encoder.write_all(records)?;
            encoder.finish()?
        }
        Codec::Zstd => {
            ruzstd::encoding::compress_to_vec(records, ruzstd::encoding::CompressionLevel::Fastest)
        }
    };
    let mut sealed = BytesMut::from(header);
    sealed.extend_from_slice(&body);
    sealed[ATTRIBUTES + 1] |= codec as u8;
    let length = i32::try_from(sealed.len() - LENGTH - 4)?;
    sealed[LENGTH..LENGTH + 4].copy_from_slice(&length.to_be_bytes());
    let checksum = crc32c::crc32c(&sealed[ATTRIBUTES..]);
    sealed[CHECKSUM..ATTRIBUTES].copy_from_slice(&checksum.to_be_bytes());
    Ok(sealed.freeze())
}

#[tokio::test]
async fn every_codec_is_read() -> Result<()> {
    let cluster = Cluster::embedded().await?;
    let topic = cluster.topic(1).await?;
    for codec in [Codec::Lz4, Codec::Plain, Codec::Gzip, Codec::Zstd, Codec::Snappy, Codec::Zstd, Codec::Lz4]
    {
        let end = u32::try_from(cluster.broker().log_end(&topic, 0).unwrap())?;
        cluster.broker().append_batch(&topic, 0, &batch(end..end + 5, codec)?).unwrap();
    }
    let mut reader = cluster.reader(&topic, 0).await?;
    let mut found = Vec::new();
    while found.len() < 35 {
        let fetched = next(&mut reader).await?;
        assert_eq!(fetched.unreadable, []);
        found.extend(fetched.records.into_iter().map(|found| (found.offset, number(&found.record))));
    }
    assert_eq!(found, (0..35).map(|n| (i64::from(n), n)).collect::<Vec<_>>());
    assert!(reader.is_at_end());
    Ok(())
}

#[tokio::test]
async fn poison_in_the_middle_is_handed_over_and_passed() -> Result<()> {
    let cluster = Cluster::embedded().await?;
    let topic = cluster.topic(1).await?;
    let (writer, _) = start_writer(&cluster, &topic, 1);
    for n in 0..30 {
        writer.push(record(n), n).unwrap();
        flushed(&writer).await?;
        if n == 14 {
            let null_header = RawRecord { headers: vec![(Bytes::from_static(b"null"), None)], ..raw(100) };
            let poisoned = encode(&[raw(101), null_header, raw(102)]).unwrap();
            cluster.broker().append_batch(&topic, 0, &sealed(&poisoned, Codec::Plain)?).unwrap();
        }
    }
    let mut reader = cluster.reader(&topic, 0).await?;
    let (mut found, mut unreadable) = (Vec::new(), Vec::new());
    while reader.position() < 33 {
        let fetched = next(&mut reader).await?;
        found.extend(fetched.records.iter().map(|found| number(&found.record)));
        unreadable.extend(fetched.unreadable);
    }
    assert_eq!(found, (0..15).chain([101, 102]).chain(15..30).collect::<Vec<_>>());
    let [poison] = &unreadable[..] else { panic!("{unreadable:?}") };
    assert_eq!((poison.offset, poison.key.as_deref()), (16, Some(b"100".as_slice())));
    assert_eq!(poison.headers, [(Bytes::from_static(b"null"), None)]);
    assert!(reader.status().stats().failures == 0 && reader.is_at_end());
    // And rskafka reads what comes then.
    writer.push(record(30), 30).unwrap();
    assert_eq!(number(&next(&mut reader).await?.records[0].record), 30);
    Ok(())
}

#[tokio::test]
async fn a_control_batch_is_passed() -> Result<()> {
    let cluster = Cluster::embedded().await?;
    let topic = cluster.topic(1).await?;
    const COMMIT_MARKER: &[u8] = &[0, 0, 0, 1];
    const CONTROL: u8 = 0x20;
    const TRANSACTIONAL: u8 = 0x10;
    let marker = RawRecord {
        key: Some(Bytes::from_static(COMMIT_MARKER)),
        value: Some(Bytes::from_static(&[0, 0, 0, 0, 0, 0])),
        ..RawRecord::default()
    };
    let mut control = BytesMut::from(&encode(&[marker]).unwrap()[..]);
    control[ATTRIBUTES + 1] |= CONTROL | TRANSACTIONAL;
    let control = sealed(&control, Codec::Plain)?;
    cluster.broker().append_batch(&topic, 0, &control).unwrap();
    cluster.broker().append_batch(&topic, 0, &batch(0..3, Codec::Plain)?).unwrap();
    cluster.broker().append_batch(&topic, 0, &control).unwrap();
    let mut reader = cluster.reader(&topic, 0).await?;
    let mut found = Vec::new();
    while reader.position() < 5 {
        let fetched = next(&mut reader).await?;
        assert_eq!(fetched.unreadable, []);
        found.extend(fetched.records.iter().map(|found| (found.offset, number(&found.record))));
    }
    assert_eq!(found, [(1, 0), (2, 1), (3, 2)]);
    Ok(())
}
