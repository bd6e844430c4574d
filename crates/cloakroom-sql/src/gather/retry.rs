//! Trying again: after a pause, within the operation's own time, and never so often that it harms the database.

use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use cloakroom_core::{ErrorKind, StoreError};

/// Whether an operation that failed is tried again, when, and how often in all.
///
/// Only what cannot be applied twice is tried again ([`StoreError::may_retry`]): an operation of which nothing was
/// sent or that the database undid ([`ErrorKind::Unavailable`]: no connection, a shutdown, a deadlock that was lost
/// again and again), and a load, list or count whose answer got lost ([`ErrorKind::Unknown`]). Never a write whose
/// outcome nobody knows, and never what the store's own full queue refused.
///
/// All attempts together take no longer than
/// [the time limit of one operation](crate::Gathering::with_time_limit). None is begun that would reach into its last
/// fifth by taking as long as the one before, so that a failure which is certain is not exchanged for one of which
/// nobody knows.
///
/// Default: at most three times, after pauses of about 50, 100 and 200 ms, and for at most ten operations in a
/// hundred. Why: a server that restarts or fails over closes all connections and takes new ones a moment later, which
/// no visitor needs to see; and a server that is down or overwhelmed must not get a multiple of the usual load. Cost:
/// a copy of each record that is written, and requests that fail up to 350 ms later.
///
/// ```
/// use std::time::Duration;
/// use cloakroom_sql::{Gathering, Retry};
///
/// let patient = Gathering::default().with_retry(Retry::default().with_share(20).with_pause(Duration::from_millis(100)));
/// let never = Gathering::default().with_retry(Retry::never());
/// # let _ = (patient, never);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    times: u32,
    pause: Duration,
    share: u8,
}

impl Retry {
    /// How many retries a store that has just been opened or was idle may make at once. Without some to begin with, a
    /// quiet site would never have saved up one.
    const RESERVE: u32 = 10;
    /// No pause gets longer than this.
    const LONGEST_PAUSE: Duration = Duration::from_secs(1);

    /// Every failure is final. Then no copies are made either.
    #[must_use]
    pub const fn never() -> Self {
        Self { times: 0, pause: Duration::from_millis(50), share: 10 }
    }

    /// How often one operation is tried again at most. Default: 3.
    #[must_use]
    pub const fn with_times(self, times: u32) -> Self {
        Self { times, ..self }
    }

    /// The first pause; each further one is twice as long, up to a second. What is waited is drawn between half of it
    /// and all of it, so that operations that failed together do not come back together. Default: 50 ms.
    #[must_use]
    pub const fn with_pause(self, pause: Duration) -> Self {
        Self { pause, ..self }
    }

    /// How many retries there may be for a hundred operations, besides ten in reserve. More than 100 is taken for 100.
    /// Default: 10. Cost: that much more load on a database that fails everything.
    #[must_use]
    pub const fn with_share(self, percent: u8) -> Self {
        Self { share: if percent > 100 { 100 } else { percent }, ..self }
    }
}

impl Default for Retry {
    fn default() -> Self {
        Self::never().with_times(3)
    }
}

/// What has become of an operation so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Spent {
    /// How often it was tried again.
    pub(super) retries: u32,
    /// How long it has taken, pauses included.
    pub(super) time: Duration,
    /// How long the last attempt took.
    pub(super) last: Duration,
}

/// Decides on retries for all operations of a store.
pub(super) struct Retrier {
    retry: Retry,
    /// In hundredths of a retry. Every operation pays in a share, every retry takes a hundred out.
    budget: AtomicU32,
    draw: Box<Draw>,
}

/// A number anywhere in its range, for jitter.
type Draw = dyn Fn() -> u32 + Send + Sync;

impl Retrier {
    const ONE: u32 = 100;
    const FULL: u32 = Retry::RESERVE * Self::ONE;

    pub(super) fn new(retry: Retry, draw: impl Fn() -> u32 + Send + Sync + 'static) -> Self {
        Self { retry, budget: AtomicU32::new(Self::FULL), draw: Box::new(draw) }
    }

    /// Whether anything is ever tried again.
    pub(super) fn is_on(&self) -> bool {
        self.retry.times > 0
    }

    /// Takes note that an operation is begun for the first time.
    pub(super) fn operation(&self) {
        // Nearly always full; then nothing is written, so that the processors do not fight over it.
        if self.budget.load(Ordering::Relaxed) < Self::FULL {
            self.change(|budget| Some((budget + u32::from(self.retry.share)).min(Self::FULL)));
        }
    }

    /// After which pause to try again what has failed with `error`, if at all.
    pub(super) fn pause(&self, error: &StoreError, spent: Spent, time_limit: Duration) -> Option<Duration> {
        let Spent { retries, time, last } = spent;
        // The queue is this store's own: what it refused would only be in the way of what waits in it.
        let may_retry = error.may_retry() && error.kind() != ErrorKind::Overloaded;
        if !may_retry || retries >= self.retry.times {
            return None;
        }
        let pause = self.jittered(retries);
        if time.saturating_add(pause).saturating_add(last) > time_limit / 5 * 4 {
            return None;
        }
        self.change(|budget| budget.checked_sub(Self::ONE)).then_some(pause)
    }

    fn jittered(&self, retries: u32) -> Duration {
        let whole = self.retry.pause.saturating_mul(1 << retries.min(16)).min(Retry::LONGEST_PAUSE);
        whole / 2 + (whole / 2).mul_f64(f64::from((self.draw)()) / f64::from(u32::MAX))
    }

    fn change(&self, change: impl FnMut(u32) -> Option<u32>) -> bool {
        self.budget.fetch_update(Ordering::Relaxed, Ordering::Relaxed, change).is_ok()
    }
}

impl fmt::Debug for Retrier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Retrier").field("retry", &self.retry).finish_non_exhaustive()
    }
}

/// A number that differs from node to node and from call to call. Nothing secret depends on it.
pub(crate) fn draw() -> u32 {
    // The standard library seeds every `RandomState` differently, from the system's randomness.
    (RandomState::new().hash_one(()) >> 32) as u32
}

#[cfg(test)]
mod tests {
    use cloakroom_core::Operation as Verb;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(5);

    fn failed(kind: ErrorKind, verb: Verb) -> StoreError {
        StoreError::new(kind, verb, "scripted")
    }

    fn down() -> StoreError {
        failed(ErrorKind::Unavailable, Verb::Save)
    }

    fn after(retries: u32) -> Spent {
        Spent { retries, ..Spent::default() }
    }

    fn retrier(retry: Retry) -> Retrier {
        Retrier::new(retry, || u32::MAX)
    }

    #[test]
    fn only_what_cannot_be_applied_twice_is_tried_again() {
        for kind in [
            ErrorKind::Conflict,
            ErrorKind::Gone,
            ErrorKind::Unavailable,
            ErrorKind::Unknown,
            ErrorKind::Overloaded,
            ErrorKind::Closed,
            ErrorKind::Corrupt,
            ErrorKind::TooLarge,
            ErrorKind::Schema,
            ErrorKind::Unsupported,
            ErrorKind::Refused,
        ] {
            let (reads, writes) = (
                [Verb::Load, Verb::List, Verb::Count],
                [
                    Verb::Create,
                    Verb::Save,
                    Verb::Touch,
                    Verb::Rename,
                    Verb::Delete,
                    Verb::Sweep,
                    Verb::End,
                    Verb::Admit,
                ],
            );
            for verb in reads.into_iter().chain(writes) {
                let pause = retrier(Retry::default()).pause(&failed(kind, verb), Spent::default(), LIMIT);
                let expected = match kind {
                    ErrorKind::Unavailable => true,
                    ErrorKind::Unknown => reads.contains(&verb),
                    _ => false,
                };
                assert_eq!(pause.is_some(), expected, "{kind:?} {verb:?}");
            }
        }
    }

    #[test]
    fn pauses_double_up_to_a_second_and_are_drawn_between_half_and_all() {
        let pauses = |draw: u32| {
            let retrier = Retrier::new(Retry::default().with_times(8), move || draw);
            let pause = |retries| retrier.pause(&down(), after(retries), LIMIT).unwrap().as_millis();
            (0..7).map(pause).collect::<Vec<_>>()
        };
        assert_eq!(pauses(u32::MAX), [50, 100, 200, 400, 800, 1_000, 1_000]);
        assert_eq!(pauses(0), [25, 50, 100, 200, 400, 500, 500]);
        assert_eq!(pauses(u32::MAX / 2)[0], 37);
        let absurd = retrier(Retry::default().with_pause(Duration::MAX).with_times(u32::MAX));
        assert_eq!(absurd.pause(&down(), after(u32::MAX - 1), LIMIT), Some(Retry::LONGEST_PAUSE));
    }

    #[test]
    fn an_operation_has_so_many_retries_and_so_much_time() {
        let retrier = retrier(Retry::default());
        assert!(retrier.pause(&down(), after(2), LIMIT).is_some());
        assert_eq!(retrier.pause(&down(), after(3), LIMIT), None);
        // A pause of 50 ms and four fifths of five seconds.
        for (time, last, expected) in
            [(3_950, 0, true), (3_951, 0, false), (2_000, 1_950, true), (2_000, 1_951, false)]
        {
            let [time, last] = [time, last].map(Duration::from_millis);
            let pause = retrier.pause(&down(), Spent { retries: 0, time, last }, LIMIT);
            assert_eq!(pause.is_some(), expected, "{time:?} {last:?}");
        }
        assert!(!self::retrier(Retry::never()).is_on());
        assert_eq!(self::retrier(Retry::never()).pause(&down(), after(0), LIMIT), None);
    }

    #[test]
    fn retries_are_a_share_of_the_operations() {
        for (share, expected) in [(10, 10 + 99), (20, 10 + 199), (0, 10), (100, 10 + 999)] {
            let budget = retrier(Retry::default().with_share(share).with_times(u32::MAX));
            let mut granted = 0;
            for _ in 0..1_000 {
                budget.operation();
                let mut retries = 0;
                while budget.pause(&down(), after(retries), LIMIT).is_some() {
                    retries += 1;
                }
                granted += retries;
            }
            // The first operation finds the reserve full, so that its share is lost.
            assert_eq!(granted, expected, "{share} %");
        }
    }

    #[test]
    fn the_reserve_does_not_grow() {
        let retrier = retrier(Retry::default());
        for _ in 0..10_000 {
            retrier.operation();
        }
        let granted = (0..100).filter(|_| retrier.pause(&down(), after(0), LIMIT).is_some()).count();
        assert_eq!(granted, 10);
    }
}
