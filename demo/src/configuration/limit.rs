//! How long, as people write it on a command line or in a file, and read it on a page.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::Deserialize;

/// A length of time from one second to one year.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Limit(Duration);

const UNITS: [(u64, char, &str); 4] =
    [(86_400, 'd', "day"), (3_600, 'h', "hour"), (60, 'm', "minute"), (1, 's', "second")];
const LONGEST: u64 = 365 * 86_400;

impl Limit {
    pub(super) const HOUR: Self = Self(Duration::from_hours(1));
    pub(super) const DAY: Self = Self(Duration::from_hours(24));
    pub(super) const THIRTY_DAYS: Self = Self(Duration::from_hours(30 * 24));

    pub(crate) const fn duration(self) -> Duration {
        self.0
    }
}

impl FromStr for Limit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        seconds(text)
            .filter(|seconds| (1..=LONGEST).contains(seconds))
            .map(|seconds| Self(Duration::from_secs(seconds)))
            .ok_or_else(|| "write a number and a unit, from 1s to 365d: 90s, 30m, 12h, 7d".to_owned())
    }
}

impl TryFrom<String> for Limit {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl fmt::Display for Limit {
    /// As [`Limit::from_str`] reads it.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (count, letter, _) = in_largest_unit(self.0, Rounding::Never);
        write!(formatter, "{count}{letter}")
    }
}

/// A duration in one unit, for people: `59 minutes`, `1 day`. Rounded to the unit below it.
pub(crate) fn in_words(duration: Duration) -> String {
    let (count, _, name) = in_largest_unit(duration, Rounding::Down);
    format!("{count} {name}{}", if count == 1 { "" } else { "s" })
}

/// Whether a unit may be chosen that leaves a remainder.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rounding {
    Down,
    Never,
}

fn in_largest_unit(duration: Duration, rounding: Rounding) -> (u64, char, &'static str) {
    let seconds = duration.as_secs();
    UNITS
        .into_iter()
        .find(|(unit, ..)| seconds >= *unit && (rounding == Rounding::Down || seconds.is_multiple_of(*unit)))
        .map_or((seconds, 's', "second"), |(unit, letter, name)| (seconds / unit, letter, name))
}

fn seconds(text: &str) -> Option<u64> {
    let letter = text.chars().next_back()?;
    let (unit, ..) = UNITS.into_iter().find(|(_, known, _)| *known == letter)?;
    text.strip_suffix(letter)?.parse::<u64>().ok()?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_written_as_they_are_read() {
        for (text, seconds) in [("1s", 1), ("90s", 90), ("30m", 1_800), ("12h", 43_200), ("365d", LONGEST)] {
            let limit: Limit = text.parse().unwrap();
            assert_eq!(limit.duration(), Duration::from_secs(seconds), "{text}");
            assert_eq!(limit.to_string(), text);
        }
    }

    #[test]
    fn what_is_no_limit_says_how_to_write_one() {
        for text in ["", "h", "0s", "-1h", "1", "1.5h", "366d", "18446744073709551615d", "1 h", "1é", "²h"]
        {
            let error = text.parse::<Limit>().unwrap_err();
            assert!(error.contains("30m"), "{text}: {error}");
        }
    }

    #[test]
    fn words_use_the_largest_unit() {
        for (seconds, words) in [
            (0, "0 seconds"),
            (1, "1 second"),
            (59, "59 seconds"),
            (60, "1 minute"),
            (3_599, "59 minutes"),
            (172_800, "2 days"),
        ] {
            assert_eq!(in_words(Duration::from_secs(seconds)), words);
        }
    }
}
