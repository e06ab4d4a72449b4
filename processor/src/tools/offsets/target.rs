//! Where to: `earliest`, `latest`, an offset, a time.

use std::collections::BTreeMap;
use std::str::FromStr;

use anyhow::{Result, ensure};
use kafka::{Kafka, LogPoint, log_offsets};

use super::view::Standing;
use crate::tools::moment::{self, Moment};

/// Where a group is to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    Earliest,
    Latest,
    Offset(i64),
    Since(Moment),
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "earliest" => Ok(Self::Earliest),
            "latest" => Ok(Self::Latest),
            _ if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) => {
                text.parse().map(Self::Offset).map_err(|_| "expected an offset of 63 bits at most".to_owned())
            }
            _ => text.parse().map(Self::Since).map_err(|_| {
                format!("expected earliest, latest, an offset such as 41, or {}", moment::EXPECTED)
            }),
        }
    }
}

impl Target {
    /// The offset for each of `standings`, by partition.
    pub(super) async fn resolve(
        self,
        kafka: &Kafka,
        topic: &str,
        standings: &[Standing],
    ) -> Result<BTreeMap<i32, i64>> {
        let each = |offset: fn(&Standing) -> i64| {
            standings.iter().map(|standing| (standing.partition, offset(standing))).collect()
        };
        match self {
            Self::Earliest => Ok(each(|standing| standing.start)),
            Self::Latest => Ok(each(|standing| standing.end)),
            Self::Offset(offset) => {
                for Standing { partition, start, end, .. } in standings {
                    ensure!(
                        (*start..=*end).contains(&offset),
                        "{topic}/{partition} holds offsets {start} to {end} (its end), and {offset} is none of them"
                    );
                }
                Ok(standings.iter().map(|standing| (standing.partition, offset)).collect())
            }
            Self::Since(moment) => {
                let partitions: Vec<i32> = standings.iter().map(|standing| standing.partition).collect();
                let point = LogPoint::Since(moment.epoch_ms());
                let found: BTreeMap<_, _> =
                    log_offsets(kafka, topic, &partitions, point).await?.into_iter().collect();
                let offset = |standing: &Standing| {
                    // No record is of that time or later: what comes next is.
                    let since = found.get(&standing.partition).copied().flatten().unwrap_or(standing.end);
                    (standing.partition, since)
                };
                Ok(standings.iter().map(offset).collect())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_a_word_a_number_or_a_moment() {
        assert_eq!("earliest".parse(), Ok(Target::Earliest));
        assert_eq!("latest".parse(), Ok(Target::Latest));
        assert_eq!("41".parse(), Ok(Target::Offset(41)));
        assert!(matches!("2h".parse(), Ok(Target::Since(_))));
        assert!(matches!("2026-11-25T04:30:00Z".parse(), Ok(Target::Since(_))));
        for text in ["", "-1", "Earliest", "4.5", "99999999999999999999"] {
            assert!(text.parse::<Target>().is_err(), "{text}");
        }
    }

    #[test]
    fn fuzz_offset_target() {
        fuzz::Target::new("offset-target").run(|text| match String::from_utf8_lossy(text).parse() {
            Ok(Target::Offset(offset)) => assert!(offset >= 0),
            // What is shown can be written again; years beyond 9999 are shown with a sign and fifth digit.
            Ok(Target::Since(moment)) => assert!(moment.in_words().ends_with('Z')),
            Ok(_) => {}
            Err(words) => assert!(words.starts_with("expected ")),
        });
    }
}
