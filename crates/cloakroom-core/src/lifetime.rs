//! How long a session lives.

use std::time::Duration;

use crate::clock::Timestamp;

/// An idle limit, an absolute limit, or both, and what the browser does with the cookie when it closes.
///
/// The lifetime is kept in the record, so a longer one given at sign-in (*remember me*) survives every later write
/// and every change of the policy's default. A lifetime without any limit cannot be built.
///
/// # Default
/// One hour idle, twenty-four hours absolute, cookie forgotten when the browser closes: what NIST SP 800-63B-4
/// section 5.2 asks at AAL2, and its section 5.1 for cookies.
///
/// ```
/// use std::time::Duration;
/// use cloakroom_core::Lifetime;
///
/// let remember_me = Lifetime::idle(Duration::from_secs(14 * 86_400))
///     .with_absolute(Duration::from_secs(90 * 86_400))
///     .persistent();
/// # let _ = remember_me;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime {
    limits: Limits,
    persistence: Persistence,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Limits {
    Idle(Duration),
    Absolute(Duration),
    Both { idle: Duration, absolute: Duration },
}

/// What the browser does with the cookie when it closes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Persistence {
    /// The cookie has no `Max-Age`: it goes when the browser closes (unless the browser restores its tabs).
    #[default]
    Browser,
    /// The cookie carries `Max-Age` and survives a restart of the browser, at most 400 days (RFC 6265bis).
    Persistent,
}

impl Lifetime {
    /// A session that ends when nothing was asked of it for `limit`. Zero is raised to one millisecond.
    pub const fn idle(limit: Duration) -> Self {
        Self { limits: Limits::Idle(at_least_a_millisecond(limit)), persistence: Persistence::Browser }
    }

    /// A session that ends `limit` after it began (or after sign-in or renewal), however busy it is. Zero is raised
    /// to one millisecond.
    pub const fn absolute(limit: Duration) -> Self {
        Self { limits: Limits::Absolute(at_least_a_millisecond(limit)), persistence: Persistence::Browser }
    }

    /// Adds an absolute limit, or replaces it.
    #[must_use]
    pub const fn with_absolute(self, limit: Duration) -> Self {
        let absolute = at_least_a_millisecond(limit);
        let limits = match self.limits {
            Limits::Absolute(_) => Limits::Absolute(absolute),
            Limits::Idle(idle) | Limits::Both { idle, .. } => Limits::Both { idle, absolute },
        };
        Self { limits, ..self }
    }

    /// Adds an idle limit, or replaces it.
    #[must_use]
    pub const fn with_idle(self, limit: Duration) -> Self {
        let idle = at_least_a_millisecond(limit);
        let limits = match self.limits {
            Limits::Idle(_) => Limits::Idle(idle),
            Limits::Absolute(absolute) | Limits::Both { absolute, .. } => Limits::Both { idle, absolute },
        };
        Self { limits, ..self }
    }

    /// The same limits with a cookie that survives a restart of the browser.
    #[must_use]
    pub const fn persistent(self) -> Self {
        Self { persistence: Persistence::Persistent, ..self }
    }

    /// The same limits with a cookie that goes when the browser closes.
    #[must_use]
    pub const fn browser_session(self) -> Self {
        Self { persistence: Persistence::Browser, ..self }
    }

    /// NIST SP 800-63B-4 AAL1: thirty days overall.
    pub const fn aal1() -> Self {
        Self::absolute(Duration::from_secs(30 * 86_400))
    }

    /// NIST SP 800-63B-4 AAL2: one hour idle, twenty-four hours overall.
    pub const fn aal2() -> Self {
        Self::idle(Duration::from_secs(3_600)).with_absolute(Duration::from_secs(86_400))
    }

    /// NIST SP 800-63B-4 AAL3: fifteen minutes idle, twelve hours overall.
    pub const fn aal3() -> Self {
        Self::idle(Duration::from_secs(900)).with_absolute(Duration::from_secs(12 * 3_600))
    }

    /// The idle limit, if there is one.
    pub const fn idle_limit(&self) -> Option<Duration> {
        match self.limits {
            Limits::Idle(idle) | Limits::Both { idle, .. } => Some(idle),
            Limits::Absolute(_) => None,
        }
    }

    /// The absolute limit, if there is one.
    pub const fn absolute_limit(&self) -> Option<Duration> {
        match self.limits {
            Limits::Absolute(absolute) | Limits::Both { absolute, .. } => Some(absolute),
            Limits::Idle(_) => None,
        }
    }

    /// What the browser does with the cookie when it closes.
    pub const fn persistence(&self) -> Persistence {
        self.persistence
    }

    /// The lifetime whose limits a store kept, in milliseconds; `None` when neither is there or one is not positive.
    pub fn from_stored(idle: Option<i64>, absolute: Option<i64>, persistence: Persistence) -> Option<Self> {
        let read =
            |millis: i64| u64::try_from(millis).ok().filter(|value| *value > 0).map(Duration::from_millis);
        let limits = match (idle, absolute) {
            (Some(idle), Some(absolute)) => Limits::Both { idle: read(idle)?, absolute: read(absolute)? },
            (Some(idle), None) => Limits::Idle(read(idle)?),
            (None, Some(absolute)) => Limits::Absolute(read(absolute)?),
            (None, None) => return None,
        };
        Some(Self { limits, persistence })
    }

    /// The instant after which no activity helps, for a session whose absolute limit counts from `start`.
    pub fn deadline(&self, start: Timestamp) -> Option<Timestamp> {
        self.absolute_limit().map(|limit| start.plus(limit))
    }

    /// The instant at which a session last active at `seen` ends, given its `deadline`.
    pub fn expiry(&self, seen: Timestamp, deadline: Option<Timestamp>) -> Timestamp {
        let idle = self.idle_limit().map_or(Timestamp::MAX, |limit| seen.plus(limit));
        deadline.map_or(idle, |deadline| idle.min(deadline))
    }
}

impl Default for Lifetime {
    fn default() -> Self {
        Self::aal2()
    }
}

const fn at_least_a_millisecond(duration: Duration) -> Duration {
    if duration.as_millis() == 0 { Duration::from_millis(1) } else { duration }
}
