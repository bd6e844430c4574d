//! How failures are reported: an outage is told to the log when it begins, once a minute while it lasts, and when it
//! is over, however many requests meet it. The observer is told of every one of them elsewhere.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::{Clock, Timestamp};
use crate::error::{ErrorKind, StoreError};
use crate::id::StoreKey;
use crate::record::{Record, Version};
use crate::store::{
    Admission, Admitted, Loaded, Page, Put, Scope, Store, StoreFuture, Summary, Swept, Touch,
};

/// How long the log is left alone after a line about the same thing.
const QUIET: Duration = Duration::from_secs(60);

/// A store whose failures are told to the log.
///
/// It stands around each store of a manager rather than where events are told, because only here is it known which
/// store answered: a fallback that works does not mean that the first one works again.
#[derive(Debug)]
pub(crate) struct Reported {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    outages: Outages,
}

impl Reported {
    pub(crate) fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock, outages: Outages::default() }
    }

    fn heard<T>(&self, access: Access, outcome: Result<T, StoreError>) -> Result<T, StoreError> {
        let weight = outcome.as_ref().map_or_else(|error| Weight::of(error.kind()), |_| Weight::Answer);
        if weight != Weight::Outage && self.outages.are_open() {
            for Over { kind, failures, lasted } in self.outages.answered(access, self.clock.now()) {
                let seconds = lasted.as_secs();
                tracing::info!(?kind, failures, seconds, "session store works again");
            }
        }
        if let Err(error) = &outcome
            && weight != Weight::Answer
            && let Some(failures) = self.outages.failed(error.kind(), access, self.clock.now())
        {
            let error = DisplayChain(error);
            tracing::error!(%error, failures, "session store failed; more of this kind is told once a minute");
        }
        outcome
    }
}

impl Store for Reported {
    fn backend(&self) -> &'static str {
        self.store.backend()
    }

    fn load<'a>(&'a self, key: &'a StoreKey, now: Timestamp) -> StoreFuture<'a, Loaded> {
        Box::pin(async move { self.heard(Access::Read, self.store.load(key, now).await) })
    }

    fn put<'a>(
        &'a self,
        key: &'a StoreKey,
        put: Put,
        record: &'a Record,
        now: Timestamp,
    ) -> StoreFuture<'a, Version> {
        Box::pin(async move { self.heard(Access::Write, self.store.put(key, put, record, now).await) })
    }

    fn admit<'a>(
        &'a self,
        key: &'a StoreKey,
        put: Put,
        record: &'a Record,
        admission: &'a Admission,
        now: Timestamp,
    ) -> StoreFuture<'a, Admitted> {
        Box::pin(async move {
            self.heard(Access::Write, self.store.admit(key, put, record, admission, now).await)
        })
    }

    fn touch<'a>(&'a self, key: &'a StoreKey, touch: Touch, now: Timestamp) -> StoreFuture<'a, ()> {
        Box::pin(async move { self.heard(Access::Write, self.store.touch(key, touch, now).await) })
    }

    fn rename<'a>(
        &'a self,
        from: &'a StoreKey,
        version: Version,
        to: &'a StoreKey,
        record: &'a Record,
        now: Timestamp,
    ) -> StoreFuture<'a, Version> {
        Box::pin(async move {
            let outcome = self.store.rename(from, version, to, record, now).await;
            self.heard(Access::Write, outcome)
        })
    }

    fn delete<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, ()> {
        Box::pin(async move { self.heard(Access::Write, self.store.delete(key).await) })
    }

    fn sweep(&self, limit: NonZeroU32, now: Timestamp) -> StoreFuture<'_, Swept> {
        Box::pin(async move { self.heard(Access::Write, self.store.sweep(limit, now).await) })
    }

    fn list<'a>(&'a self, scope: &'a Scope, page: Page, now: Timestamp) -> StoreFuture<'a, Vec<Summary>> {
        Box::pin(async move { self.heard(Access::Read, self.store.list(scope, page, now).await) })
    }

    fn count<'a>(&'a self, scope: &'a Scope, now: Timestamp) -> StoreFuture<'a, u64> {
        Box::pin(async move { self.heard(Access::Read, self.store.count(scope, now).await) })
    }

    fn end<'a>(
        &'a self,
        scope: &'a Scope,
        keep: Option<&'a StoreKey>,
        now: Timestamp,
    ) -> StoreFuture<'a, u64> {
        Box::pin(async move { self.heard(Access::Write, self.store.end(scope, keep, now).await) })
    }
}

/// Counts occurrences, and says when the log should hear of them: of the first at once, of more once a minute.
#[derive(Debug, Default)]
pub(crate) struct Pace(Mutex<Beat>);

impl Pace {
    /// How many there were since the log last heard of them, if it should hear now.
    pub(crate) fn count(&self, now: Timestamp) -> Option<u64> {
        lock(&self.0).count(now)
    }
}

#[derive(Debug, Default)]
struct Beat {
    told: Option<Timestamp>,
    untold: u64,
}

impl Beat {
    fn count(&mut self, now: Timestamp) -> Option<u64> {
        self.untold += 1;
        // A clock that was set back must not keep the log quiet until it has caught up.
        if self.told.is_some_and(|told| now >= told && now.since(told) < QUIET) {
            return None;
        }
        self.told = Some(now);
        Some(std::mem::take(&mut self.untold))
    }
}

/// What a verb wanted of the database. A full disk or a missing right fails the writes and not the reads, so that a
/// read that succeeds says nothing about writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    Read,
    Write,
}

/// What an error says about the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Weight {
    /// It works: the error is an answer.
    Answer,
    /// It works, and one record or request is at fault. The next success is about another one and mends nothing.
    Record,
    /// It does not work.
    Outage,
}

impl Weight {
    const fn of(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::Conflict | ErrorKind::Gone => Self::Answer,
            ErrorKind::Corrupt | ErrorKind::TooLarge | ErrorKind::Unsupported => Self::Record,
            ErrorKind::Unavailable
            | ErrorKind::Unknown
            | ErrorKind::Overloaded
            | ErrorKind::Closed
            | ErrorKind::Schema
            | ErrorKind::Refused => Self::Outage,
        }
    }
}

/// What fails at the moment, one entry for each kind of error that was ever met.
#[derive(Debug, Default)]
struct Outages {
    /// Whether one of them waits for a success: what keeps every success from taking the lock.
    open: AtomicBool,
    entries: Mutex<Vec<Outage>>,
}

#[derive(Debug)]
struct Outage {
    kind: ErrorKind,
    began: Timestamp,
    /// Since it began.
    failures: u64,
    /// Reads, writes or both, whichever met it and have not succeeded since. Empty when it is over.
    failing: Vec<Access>,
    announcement: Announcement,
    beat: Beat,
}

/// Whether the log knows of an outage. One that begins again within a minute is not announced at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Announcement {
    Owed,
    Made,
}

/// An outage that the log knows of is over.
#[derive(Debug, PartialEq, Eq)]
struct Over {
    kind: ErrorKind,
    failures: u64,
    lasted: Duration,
}

impl Outages {
    fn are_open(&self) -> bool {
        self.open.load(Ordering::Relaxed)
    }

    /// Takes note of a failure, and says how many there were since the log last heard of this kind if it is due now.
    fn failed(&self, kind: ErrorKind, access: Access, now: Timestamp) -> Option<u64> {
        let mut entries = lock(&self.entries);
        let place = entries.iter().position(|outage| outage.kind == kind).unwrap_or_else(|| {
            entries.push(Outage::new(kind, now));
            entries.len() - 1
        });
        let due = entries.get_mut(place)?.failed(access, now);
        if Weight::of(kind) == Weight::Outage {
            self.open.store(true, Ordering::Relaxed);
        }
        due
    }

    /// Takes note that the store answered, and says what is over now.
    fn answered(&self, access: Access, now: Timestamp) -> Vec<Over> {
        let mut entries = lock(&self.entries);
        let waiting = entries.iter_mut().filter(|outage| Weight::of(outage.kind) == Weight::Outage);
        let over = waiting.filter_map(|outage| outage.answered(access, now)).collect();
        let is_open =
            |outage: &Outage| Weight::of(outage.kind) == Weight::Outage && !outage.failing.is_empty();
        self.open.store(entries.iter().any(is_open), Ordering::Relaxed);
        over
    }
}

impl Outage {
    fn new(kind: ErrorKind, began: Timestamp) -> Self {
        let (failing, beat) = (Vec::new(), Beat::default());
        Self { kind, began, failures: 0, failing, announcement: Announcement::Owed, beat }
    }

    fn failed(&mut self, access: Access, now: Timestamp) -> Option<u64> {
        if self.failing.is_empty() {
            (self.began, self.failures, self.announcement) = (now, 0, Announcement::Owed);
        }
        if !self.failing.contains(&access) {
            self.failing.push(access);
        }
        self.failures += 1;
        let due = self.beat.count(now);
        if due.is_some() {
            self.announcement = Announcement::Made;
        }
        due
    }

    fn answered(&mut self, access: Access, now: Timestamp) -> Option<Over> {
        let was_open = !self.failing.is_empty();
        self.failing.retain(|failing| *failing != access);
        let is_over = was_open && self.failing.is_empty() && self.announcement == Announcement::Made;
        is_over.then(|| Over { kind: self.kind, failures: self.failures, lasted: now.since(self.began) })
    }
}

/// An error and what caused it, on one line.
struct DisplayChain<'a>(&'a StoreError);

impl fmt::Display for DisplayChain<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)?;
        let mut source = std::error::Error::source(self.0);
        while let Some(error) = source {
            write!(formatter, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that runs under these locks can panic and leave a count half done.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ErrorKind::{Corrupt, Overloaded, Refused, Unavailable};

    const SECOND: i64 = 1_000;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(1_800_000_000_000 + seconds * SECOND)
    }

    fn over(kind: ErrorKind, failures: u64, seconds: u64) -> Vec<Over> {
        vec![Over { kind, failures, lasted: Duration::from_secs(seconds) }]
    }

    #[test]
    fn an_outage_is_told_when_it_begins_once_a_minute_and_when_it_is_over() {
        let outages = Outages::default();
        assert!(!outages.are_open());
        let mut told = Vec::new();
        // Ten failures a second for two and a half minutes.
        for tenth in 0..1_500 {
            let now = Timestamp::from_millis(at(0).as_millis() + tenth * 100);
            told.extend(outages.failed(Unavailable, Access::Read, now));
        }
        assert_eq!(told, [1, 600, 600], "the first, and those of each minute");
        assert!(outages.are_open());
        assert_eq!(outages.answered(Access::Read, at(150)), over(Unavailable, 1_500, 150));
        assert_eq!(outages.answered(Access::Read, at(150)), [], "once");
        assert!(!outages.are_open());
        assert_eq!(
            outages.failed(Unavailable, Access::Read, at(300)),
            Some(300),
            "with those that were not told"
        );
    }

    #[test]
    fn every_kind_is_told_by_itself() {
        let outages = Outages::default();
        assert_eq!(outages.failed(Unavailable, Access::Read, at(0)), Some(1));
        assert_eq!(outages.failed(Overloaded, Access::Read, at(0)), Some(1));
        assert_eq!(outages.failed(Unavailable, Access::Read, at(1)), None);
        assert_eq!(outages.answered(Access::Read, at(2)).len(), 2);
    }

    #[test]
    fn reads_that_succeed_do_not_end_an_outage_of_writes() {
        let outages = Outages::default();
        assert_eq!(outages.failed(Refused, Access::Write, at(0)), Some(1));
        for second in 1..50 {
            assert_eq!(outages.answered(Access::Read, at(second)), []);
            assert_eq!(outages.failed(Refused, Access::Write, at(second)), None);
        }
        assert_eq!(outages.answered(Access::Write, at(50)), over(Refused, 50, 50));

        outages.failed(Unavailable, Access::Read, at(100));
        outages.failed(Unavailable, Access::Write, at(100));
        assert_eq!(outages.answered(Access::Read, at(101)), [], "writes may still fail");
        assert_eq!(outages.answered(Access::Write, at(102)), over(Unavailable, 2, 2));
    }

    #[test]
    fn a_store_that_comes_and_goes_is_told_once_a_minute() {
        let outages = Outages::default();
        let (mut begun, mut ended) = (0, 0);
        for second in 0..300 {
            begun += usize::from(outages.failed(Unavailable, Access::Read, at(second)).is_some());
            ended += outages.answered(Access::Read, at(second)).len();
        }
        assert_eq!((begun, ended), (5, 5));
    }

    #[test]
    fn a_damaged_row_is_no_outage_and_is_told_once_a_minute_whatever_else_succeeds() {
        let outages = Outages::default();
        let mut told = Vec::new();
        for second in 0..120 {
            told.extend(outages.failed(Corrupt, Access::Read, at(second)));
            assert!(!outages.are_open());
            assert_eq!(outages.answered(Access::Read, at(second)), []);
        }
        assert_eq!(told, [1, 60]);
    }

    #[test]
    fn a_clock_that_is_set_back_does_not_silence_the_log() {
        let pace = Pace::default();
        assert_eq!(pace.count(at(1_000)), Some(1));
        assert_eq!(pace.count(at(1_001)), None);
        assert_eq!(pace.count(at(0)), Some(2));
        assert_eq!(pace.count(at(1)), None);
        assert_eq!(pace.count(at(60)), Some(2));
    }
}
