//! How many tries are allowed.

use std::time::Duration;

/// How many tries are allowed to an account and to an address.
///
/// ```
/// use std::time::Duration;
/// use cloakroom_auth::attempts::{Limit, Limits};
///
/// let stricter = Limit::new(5, Duration::from_secs(60), Duration::from_secs(3_600));
/// let limits = Limits::default().account(stricter);
/// # let _ = limits;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub(super) account: Limit,
    pub(super) address: Limit,
    pub(super) known_for: Duration,
}

impl Limits {
    /// The limit of an account, for all strangers together and for each address that it knows.
    ///
    /// # Default
    /// Ten failures; then a wait of 30 seconds that doubles with each further failure, to 15 minutes at most. Whoever
    /// keeps trying gets 96 tries a day. Why: a person who does not remember gives up or resets the password before the
    /// tenth; fewer would let anybody make anybody else wait too easily.
    #[must_use]
    pub const fn account(self, limit: Limit) -> Self {
        Self { account: limit, ..self }
    }

    /// The limit of an address, or of an IPv6 /64, for all accounts that do not know it together.
    ///
    /// # Default
    /// 100 failures at once and a further one each 36 seconds, which is 100 in an hour. Why: behind one address may be
    /// a whole office or village, and only failures count.
    #[must_use]
    pub const fn address(self, limit: Limit) -> Self {
        Self { address: limit, ..self }
    }

    /// How long an account knows an address after the last successful sign-in from there.
    ///
    /// # Default
    /// 30 days. Longer is kinder to its user, and to whoever else uses that address.
    #[must_use]
    pub const fn known_for(self, duration: Duration) -> Self {
        Self { known_for: duration, ..self }
    }
}

impl Default for Limits {
    fn default() -> Self {
        let hundredth_of_an_hour = Duration::from_secs(36);
        Self {
            account: Limit::new(10, Duration::from_secs(30), Duration::from_secs(15 * 60)),
            address: Limit::new(100, hundredth_of_an_hour, hundredth_of_an_hour),
            known_for: Duration::from_secs(30 * 24 * 60 * 60),
        }
    }
}

/// A number of failures that costs nothing, and the wait that follows.
///
/// Every failure beyond them doubles the wait before the next try. One failure is forgotten for each
/// [`Limit::longest`] that passes, so that whoever waits is as free again as they were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    failures: u32,
    first: Duration,
    longest: Duration,
}

impl Limit {
    /// `failures` at once; then a wait of `first`, which doubles up to `longest`. No wait is shorter than a millisecond,
    /// or longer than `longest`.
    pub const fn new(failures: u32, first: Duration, longest: Duration) -> Self {
        let least = Duration::from_millis(1);
        let longest = if longest.as_millis() < least.as_millis() { least } else { longest };
        let first = if first.as_millis() < least.as_millis() { least } else { first };
        Self { failures, first, longest }
    }

    /// The longest wait, and the time after which one failure is forgotten.
    pub const fn longest(&self) -> Duration {
        self.longest
    }

    /// How long to wait after the last try when there were this many failures.
    pub(super) fn wait_after(&self, failures: u32) -> Duration {
        let Some(beyond) = failures.checked_sub(self.failures) else { return Duration::ZERO };
        let doubled = 2_u32.checked_pow(beyond).and_then(|times| self.first.checked_mul(times));
        doubled.map_or(self.longest, |wait| wait.min(self.longest))
    }
}
