//! Moments as a person writes them: `2026-11-25T04:30:00Z`, or how long ago, `2h`.

use std::str::FromStr;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

/// What a moment may look like, to stand behind "expected".
pub(super) const EXPECTED: &str =
    "a time such as 2026-11-25T04:30:00Z, or how long ago, such as 90s, 30m, 2h, 1h30m or 7d";

/// A point in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment(DateTime<Utc>);

impl Moment {
    /// Milliseconds since 1970; 0 if it is before.
    pub(super) fn epoch_ms(self) -> u64 {
        u64::try_from(self.0.timestamp_millis()).unwrap_or(0)
    }

    /// The one of so many milliseconds since 1970, as far as there is one.
    pub(super) fn of_epoch_ms(epoch_ms: u64) -> Option<Self> {
        DateTime::from_timestamp_millis(i64::try_from(epoch_ms).ok()?).map(Self)
    }

    /// In UTC, to the second.
    pub(super) fn in_words(self) -> String {
        self.0.to_rfc3339_opts(SecondsFormat::Secs, true)
    }

    fn read(text: &str, now: DateTime<Utc>) -> Option<Self> {
        let ago = || now.checked_sub_signed(duration(text)?);
        let absolute = DateTime::parse_from_rfc3339(text).ok().map(|time| time.with_timezone(&Utc));
        absolute.or_else(ago).map(Self)
    }
}

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::read(text, Utc::now()).ok_or_else(|| format!("expected {EXPECTED}"))
    }
}

/// Numbers with units one behind the other: `1h30m`.
fn duration(text: &str) -> Option<TimeDelta> {
    let (mut rest, mut seconds) = (text, 0_i64);
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, behind) = rest.split_at(digits);
        let mut units = behind.chars();
        let unit = match units.next()? {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            'w' => 604_800,
            _ => return None,
        };
        seconds = seconds.checked_add(number.parse::<i64>().ok()?.checked_mul(unit)?)?;
        rest = units.as_str();
    }
    (!text.is_empty()).then(|| TimeDelta::try_seconds(seconds)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_time_or_so_long_ago() {
        let now = DateTime::parse_from_rfc3339("2026-11-25T12:00:00Z").unwrap().with_timezone(&Utc);
        let read = |text| Moment::read(text, now).map(Moment::in_words);
        for (text, moment) in [
            ("2026-11-25T04:30:00Z", "2026-11-25T04:30:00Z"),
            ("2026-11-25T04:30:00.25+02:00", "2026-11-25T02:30:00Z"),
            ("90s", "2026-11-25T11:58:30Z"),
            ("30m", "2026-11-25T11:30:00Z"),
            ("1h30m", "2026-11-25T10:30:00Z"),
            ("1d2h", "2026-11-24T10:00:00Z"),
            ("2w", "2026-11-11T12:00:00Z"),
            ("0s", "2026-11-25T12:00:00Z"),
        ] {
            assert_eq!(read(text).as_deref(), Some(moment), "{text}");
        }
        for text in
            ["", "h", "2", "2x", "-2h", "2h-", "2 h", "yesterday", "99999999999999999999s", "2026-11-25"]
        {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn milliseconds_are_kept() {
        let moment = Moment::of_epoch_ms(1_700_000_000_123).unwrap();
        assert_eq!(
            (moment.epoch_ms(), moment.in_words().as_str()),
            (1_700_000_000_123, "2023-11-14T22:13:20Z")
        );
        assert_eq!(Moment::of_epoch_ms(u64::MAX), None);
    }
}
