//! An instant as a page shows it.

use cloakroom::Timestamp;
use time::OffsetDateTime;

use crate::configuration::in_words;

/// An instant in UTC, and how far it is from now.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct When {
    /// For the `datetime` attribute: `2026-11-22T08:05:09Z`.
    pub(crate) machine: String,
    /// `2026-11-22 08:05 UTC`
    pub(crate) absolute: String,
    /// `in 59 minutes`, `just now`, `3 days ago`
    pub(crate) relative: String,
}

impl When {
    /// `None` for an instant that no calendar shows, such as "never".
    pub(crate) fn new(instant: Timestamp, now: Timestamp) -> Option<Self> {
        let utc = OffsetDateTime::from_unix_timestamp(instant.as_millis().div_euclid(1_000)).ok()?;
        let date = format!("{:04}-{:02}-{:02}", utc.year(), u8::from(utc.month()), utc.day());
        let clock = format!("{:02}:{:02}", utc.hour(), utc.minute());
        Some(Self {
            machine: format!("{date}T{clock}:{:02}Z", utc.second()),
            absolute: format!("{date} {clock} UTC"),
            relative: relative(instant, now),
        })
    }
}

fn relative(instant: Timestamp, now: Timestamp) -> String {
    let (ahead, behind) = (instant.since(now), now.since(instant));
    if ahead.as_secs() > 0 {
        format!("in {}", in_words(ahead))
    } else if behind.as_secs() > 0 {
        format!("{} ago", in_words(behind))
    } else {
        "just now".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_shown_in_utc_and_from_now() {
        let now = Timestamp::from_millis(1_700_000_000_123);
        let when = When::new(Timestamp::from_millis(1_700_003_600_123), now).unwrap();
        assert_eq!(when.machine, "2023-11-14T23:13:20Z");
        assert_eq!(when.absolute, "2023-11-14 23:13 UTC");
        assert_eq!(when.relative, "in 1 hour");
        assert_eq!(When::new(now, now).unwrap().relative, "just now");
        assert_eq!(
            When::new(Timestamp::from_millis(1_699_999_999_123), now).unwrap().relative,
            "1 second ago"
        );
    }

    #[test]
    fn never_is_no_instant() {
        assert_eq!(When::new(Timestamp::MAX, Timestamp::from_millis(0)), None);
    }
}
