//! Instants, and the one place that reads the system's clock.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// An instant: milliseconds since 1970-01-01T00:00:00Z, signed, without leap seconds and without a time zone.
///
/// ```
/// use std::time::Duration;
/// use cloakroom_core::Timestamp;
///
/// let sign_in = Timestamp::from_millis(1_700_000_000_123);
/// assert_eq!(sign_in.plus(Duration::from_secs(2)).as_millis(), 1_700_000_002_123);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The last instant that can be written down; what "never" saturates to.
    pub const MAX: Self = Self(i64::MAX);

    /// Makes an instant from milliseconds since 1970, UTC.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since 1970, UTC.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// The instant `duration` later, at most [`Timestamp::MAX`]. Fractions of a millisecond are dropped.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(millis_of(duration)))
    }

    /// The time from `earlier` to `self`; zero when `earlier` is the later one, as after a clock was set back.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ms", self.0)
    }
}

/// Whole milliseconds of a duration, saturating at the far end of what a [`Timestamp`] holds.
pub(crate) fn millis_of(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// Where the time comes from. Production uses [`SystemClock`]; tests set the time by hand.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// The current instant.
    fn now(&self) -> Timestamp;
}

/// The system's wall clock.
///
/// Lifetimes are compared between machines and across restarts, which a monotonic clock cannot do. A clock that is
/// set back lengthens idle limits by that much; the absolute limit is an instant in the record and does not move.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
    fn now(&self) -> Timestamp {
        let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(millis_of(elapsed))
    }
}
