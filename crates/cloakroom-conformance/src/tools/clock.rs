//! A clock that stands still until it is told to move.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use cloakroom_core::{Clock, Timestamp};

/// A clock that tests set by hand. Clones show the same time.
///
/// ```
/// use std::time::Duration;
/// use cloakroom_conformance::ManualClock;
/// use cloakroom_core::{Clock, Timestamp};
///
/// let clock = ManualClock::at(Timestamp::from_millis(1_000));
/// let for_the_manager = clock.clone();
/// clock.advance(Duration::from_secs(1));
/// assert_eq!(for_the_manager.now(), Timestamp::from_millis(2_000));
/// ```
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<AtomicI64>);

impl ManualClock {
    /// A clock that shows `now`.
    pub fn at(now: Timestamp) -> Self {
        Self(Arc::new(AtomicI64::new(now.as_millis())))
    }

    /// Sets the clock, forward or back.
    pub fn set(&self, now: Timestamp) {
        self.0.store(now.as_millis(), Ordering::SeqCst);
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        self.set(self.now().plus(by));
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}
