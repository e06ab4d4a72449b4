//! Reads the letters that are meant, by the time they were given up: one partition beside the other, one batch of each
//! in memory.

use std::ops::Range;

use anyhow::{Context, Result, bail, ensure};
use kafka::batch::RangeReader;
use kafka::{LogPoint, log_offsets, topics};

use super::letter::Letter;
use super::selection::Selection;
use crate::tools::session::{Progress, Session};

/// A reading of the topic from its beginning to its end as of when it was opened.
pub(super) struct Scan<'a> {
    session: &'a Session<'a>,
    selection: &'a Selection,
    sources: Vec<Source>,
    progress: Progress,
    read: i64,
    total: i64,
}

/// One stretch of one partition.
struct Source {
    reader: RangeReader,
    /// The next letter that is meant.
    head: Option<Letter>,
    is_begun: bool,
}

impl<'a> Scan<'a> {
    /// Finds out where the topic begins and ends.
    pub(super) async fn open(
        session: &'a Session<'a>,
        topic: &str,
        selection: &'a Selection,
    ) -> Result<Self> {
        let kafka = &session.kafka;
        let partitions: Vec<i32> = (0..topics::partition_count(kafka, topic).await?).collect();
        let starts = log_offsets(kafka, topic, &partitions, LogPoint::Earliest).await?;
        let ends = log_offsets(kafka, topic, &partitions, LogPoint::Latest).await?;
        let bounds = starts.into_iter().zip(ends);
        let bounds: Vec<_> = bounds
            .map(|((partition, start), (_, end))| (partition, start.unwrap_or(0)..end.unwrap_or(0)))
            .collect();
        let mut ranges = Vec::new();
        for stretch in &selection.places {
            let held = bounds.iter().find(|(partition, _)| *partition == stretch.partition);
            let (partition, held) = held.with_context(|| {
                format!("{topic} has no partition {}, only 0 to {}", stretch.partition, partitions.len() - 1)
            })?;
            let wanted = stretch.offsets.clone().unwrap_or_else(|| held.clone());
            let (start, end) = (wanted.start.max(held.start), wanted.end.min(held.end));
            if stretch.offsets.is_some() {
                ensure!(!held.is_empty(), "{topic}/{partition} is empty");
                let last = held.end - 1;
                ensure!(start < end, "{topic}/{partition} holds offsets {} to {last}", held.start);
            }
            ranges.push((*partition, start..end));
        }
        let ranges = if selection.places.is_empty() { bounds } else { united(ranges) };
        let total = ranges.iter().map(|(_, range)| (range.end - range.start).max(0)).sum();
        let source = |(partition, range)| {
            let reader = RangeReader::new(kafka, topic, partition, range);
            Source { reader, head: None, is_begun: false }
        };
        let sources = ranges.into_iter().map(source).collect();
        Ok(Self { session, selection, sources, progress: Progress::begin(), read: 0, total })
    }

    /// The next letter; none when all are read.
    pub(super) async fn next(&mut self) -> Result<Option<Letter>> {
        for index in 0..self.sources.len() {
            if !self.sources[index].is_begun {
                self.sources[index].is_begun = true;
                self.advance(index).await?;
            }
        }
        let heads = self.sources.iter().enumerate();
        let oldest = heads.filter_map(|(index, source)| {
            let letter = source.head.as_ref()?;
            Some(((letter.time, letter.place.partition, letter.place.offset), index))
        });
        let Some((_, index)) = oldest.min() else { return Ok(None) };
        let letter = self.sources[index].head.take();
        self.advance(index).await?;
        Ok(letter)
    }

    /// Finds the next letter of a source that is meant.
    async fn advance(&mut self, index: usize) -> Result<()> {
        let Some(source) = self.sources.get_mut(index) else { bail!("there is no source {index}") };
        while let Some(record) = source.reader.next().await? {
            self.read += 1;
            self.progress.at(self.session, self.read, self.total);
            let letter = Letter::read(source.reader.partition(), record);
            if self.selection.includes(&letter) {
                source.head = Some(letter);
                break;
            }
        }
        Ok(())
    }
}

/// The same offsets without any of them twice.
fn united(mut ranges: Vec<(i32, Range<i64>)>) -> Vec<(i32, Range<i64>)> {
    ranges.sort_unstable_by_key(|(partition, range)| (*partition, range.start));
    let mut united: Vec<(i32, Range<i64>)> = Vec::new();
    for (partition, range) in ranges {
        match united.last_mut() {
            Some((last, before)) if *last == partition && range.start <= before.end => {
                before.end = before.end.max(range.end);
            }
            _ => united.push((partition, range)),
        }
    }
    united
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_offset_is_read_twice() {
        let asked = vec![(1, 0..9), (0, 5..7), (0, 1..3), (0, 2..5), (0, 8..9), (1, 2..3)];
        assert_eq!(united(asked), [(0, 1..7), (0, 8..9), (1, 0..9)]);
    }
}
