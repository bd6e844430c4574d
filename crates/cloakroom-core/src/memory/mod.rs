//! Sessions in this process's memory.

mod admission;
mod shard;

use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::clock::Timestamp;
use crate::error::{ErrorKind, Operation, StoreError};
use crate::id::StoreKey;
use crate::record::{Record, Version};
use crate::store::{
    Admission, Admitted, Loaded, Page, Put, Remaining, Scope, Store, StoreFuture, Stored, Summary, Swept,
    Touch,
};
use shard::{Entry, Shard};

/// Keeps sessions in this process's memory: for tests, for development and as the fallback of a store that is down.
///
/// It honours every law of [`Store`]. What it does not do: sessions are gone when the process ends, other processes
/// and other nodes do not see them, and expired records stay until somebody calls [`Store::sweep`] or, in a bounded
/// store, until their place is needed.
///
/// # Cost
/// Records are spread over shards with a lock each, so requests of different visitors seldom wait for each other.
/// The six verbs look at one record (`rename` at two); `sweep` looks at the records that it removes and at one more
/// per shard. `list`, `count` and `end` look at every record while all shards are locked.
///
/// # Cancel safety
/// Every verb takes effect within one poll: a future that was never polled has done nothing.
///
/// ```
/// use std::num::NonZeroUsize;
/// use cloakroom_core::MemoryStore;
///
/// let for_tests = MemoryStore::new();
/// let as_fallback = MemoryStore::bounded(NonZeroUsize::new(100_000).ok_or("zero")?);
/// # let _ = (for_tests, as_fallback);
/// # Ok::<(), &str>(())
/// ```
pub struct MemoryStore {
    shards: Box<[Mutex<Shard>]>,
    /// Seeded per process, so that nobody outside can choose keys that meet in one shard.
    hasher: RandomState,
    /// One count for all keys, so that no version is ever used twice.
    versions: AtomicI64,
    capacity: Capacity,
}

/// How many records there may be.
enum Capacity {
    Unlimited,
    Limited { most: usize, held: AtomicUsize },
}

/// Enough that a few dozen threads seldom meet, few enough that locking them all is cheap.
const SHARDS: usize = 32;

/// How many expired records a full store removes to make room for a new one, so that the cost of a creation stays
/// bounded.
const ROOM: u64 = 64;

const BACKEND: &str = "memory";

impl MemoryStore {
    /// A store that grows as long as sessions are created: sweep it.
    pub fn new() -> Self {
        Self::with_capacity(Capacity::Unlimited)
    }

    /// A store of at most `most` records, expired ones included, so that a flood of new sessions cannot take all
    /// memory.
    ///
    /// When it is full, a creation first removes expired records; when there are none, it is refused with
    /// [`ErrorKind::Overloaded`]. Live sessions are never pushed out, because that would sign visitors out at an
    /// attacker's will. Records that exist can always be written, renamed and removed.
    pub fn bounded(most: NonZeroUsize) -> Self {
        Self::with_capacity(Capacity::Limited { most: most.get(), held: AtomicUsize::new(0) })
    }

    fn with_capacity(capacity: Capacity) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
            versions: AtomicI64::new(1),
            capacity,
        }
    }

    fn create(&self, key: &StoreKey, record: &Record, now: Timestamp) -> Result<Version, StoreError> {
        self.try_create(key, record, now).or_else(|error| {
            if error.kind() != ErrorKind::Overloaded || self.remove_expired(ROOM, now) == 0 {
                return Err(error);
            }
            self.try_create(key, record, now)
        })
    }

    fn try_create(&self, key: &StoreKey, record: &Record, now: Timestamp) -> Result<Version, StoreError> {
        let mut shard = self.lock(key);
        match shard.get(key) {
            Some(entry) if entry.record.is_live(now) => {
                return Err(error(ErrorKind::Conflict, Operation::Create));
            }
            Some(_) => {}
            None if self.capacity.take_place() => {}
            None => return Err(error(ErrorKind::Overloaded, Operation::Create)),
        }
        let entry = self.entry(record);
        let version = entry.version();
        shard.insert(key.clone(), entry);
        Ok(version)
    }

    fn save(
        &self,
        key: &StoreKey,
        version: &Version,
        record: &Record,
        now: Timestamp,
    ) -> Result<Version, StoreError> {
        let mut shard = self.lock(key);
        shard.check(key, version, now).map_err(|kind| error(kind, Operation::Save))?;
        let entry = self.entry(record);
        let version = entry.version();
        shard.insert(key.clone(), entry);
        Ok(version)
    }

    fn rename_now(
        &self,
        from: &StoreKey,
        version: &Version,
        to: &StoreKey,
        record: &Record,
        now: Timestamp,
    ) -> Result<Version, StoreError> {
        let (from_place, to_place) = (self.place(from), self.place(to));
        // Always in the order of the shards, so that two renames cannot wait for each other.
        let mut low = lock(&self.shards[from_place.min(to_place)]);
        let mut high = (from_place != to_place).then(|| lock(&self.shards[from_place.max(to_place)]));
        let (source, target) = match high.as_deref_mut() {
            None => (&mut *low, None),
            Some(high) if from_place < to_place => (&mut *low, Some(high)),
            Some(high) => (high, Some(&mut *low)),
        };

        source.check(from, version, now).map_err(|kind| error(kind, Operation::Rename))?;
        let there = target.as_deref().unwrap_or(source).get(to);
        if there.is_some_and(|entry| entry.record.is_live(now)) {
            return Err(error(ErrorKind::Conflict, Operation::Rename));
        }
        let entry = self.entry(record);
        let version = entry.version();
        source.remove(from);
        if target.unwrap_or(source).insert(to.clone(), entry).is_some() {
            self.capacity.give_back(1);
        }
        Ok(version)
    }

    /// Removes at most `limit` expired records and returns how many.
    fn remove_expired(&self, limit: u64, now: Timestamp) -> u64 {
        let mut removed = 0;
        for shard in &self.shards {
            if removed >= limit {
                break;
            }
            removed += lock(shard).remove_expired(limit - removed, now);
        }
        self.capacity.give_back(usize::try_from(removed).unwrap_or(usize::MAX));
        removed
    }

    fn end_now(&self, scope: &Scope, keep: Option<&StoreKey>, now: Timestamp) -> u64 {
        let mut live = 0;
        // All shards at once: a session cannot slip from one to another by a rename while this runs.
        for shard in &mut self.lock_all() {
            let ended = shard.take_all(|key, record| is_in(scope, record) && Some(key) != keep);
            self.capacity.give_back(ended.len());
            live += ended.iter().filter(|record| record.is_live(now)).count();
        }
        count(live)
    }

    fn entry(&self, record: &Record) -> Entry {
        Entry::new(record.clone(), self.versions.fetch_add(1, Ordering::Relaxed))
    }

    fn place(&self, key: &StoreKey) -> usize {
        // The remainder is smaller than the number of shards, which fits.
        usize::try_from(self.hasher.hash_one(key) % self.shards.len() as u64).unwrap_or(0)
    }

    fn lock(&self, key: &StoreKey) -> MutexGuard<'_, Shard> {
        lock(&self.shards[self.place(key)])
    }

    fn lock_all(&self) -> Vec<MutexGuard<'_, Shard>> {
        self.shards.iter().map(lock).collect()
    }
}

impl Store for MemoryStore {
    fn backend(&self) -> &'static str {
        BACKEND
    }

    fn load<'a>(&'a self, key: &'a StoreKey, now: Timestamp) -> StoreFuture<'a, Loaded> {
        Box::pin(async move {
            Ok(match self.lock(key).get(key) {
                None => Loaded::Absent,
                Some(entry) if !entry.record.is_live(now) => Loaded::Expired,
                Some(entry) => {
                    Loaded::Live(Stored { record: entry.record.clone(), version: entry.version() })
                }
            })
        })
    }

    fn put<'a>(
        &'a self,
        key: &'a StoreKey,
        put: Put,
        record: &'a Record,
        now: Timestamp,
    ) -> StoreFuture<'a, Version> {
        Box::pin(async move {
            match put {
                Put::New => self.create(key, record, now),
                Put::At(version) => self.save(key, &version, record, now),
            }
        })
    }

    fn admit<'a>(
        &'a self,
        key: &'a StoreKey,
        put: Put,
        record: &'a Record,
        admission: &'a Admission,
        now: Timestamp,
    ) -> StoreFuture<'a, Admitted> {
        Box::pin(async move { self.admit_now(key, &put, record, admission, now) })
    }

    fn touch<'a>(&'a self, key: &'a StoreKey, touch: Touch, now: Timestamp) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let mut shard = self.lock(key);
            match shard.check(key, &touch.version, now) {
                Ok(()) => shard.touch(key, touch.seen, touch.expires),
                // A newer write has moved the expiry itself.
                Err(ErrorKind::Conflict) => {}
                Err(kind) => return Err(error(kind, Operation::Touch)),
            }
            Ok(())
        })
    }

    fn rename<'a>(
        &'a self,
        from: &'a StoreKey,
        version: Version,
        to: &'a StoreKey,
        record: &'a Record,
        now: Timestamp,
    ) -> StoreFuture<'a, Version> {
        Box::pin(async move { self.rename_now(from, &version, to, record, now) })
    }

    fn delete<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            if self.lock(key).remove(key).is_some() {
                self.capacity.give_back(1);
            }
            Ok(())
        })
    }

    fn sweep(&self, limit: NonZeroU32, now: Timestamp) -> StoreFuture<'_, Swept> {
        Box::pin(async move {
            let removed = self.remove_expired(limit.get().into(), now);
            let more = self.shards.iter().any(|shard| lock(shard).has_expired(now));
            Ok(Swept { removed, remaining: if more { Remaining::Perhaps } else { Remaining::Nothing } })
        })
    }

    fn list<'a>(&'a self, scope: &'a Scope, page: Page, now: Timestamp) -> StoreFuture<'a, Vec<Summary>> {
        Box::pin(async move {
            let shards = self.lock_all();
            let mut found: Vec<_> = shards
                .iter()
                .flat_map(|shard| shard.records())
                .filter(|(key, record)| {
                    record.is_live(now)
                        && is_in(scope, record)
                        && page.after.as_ref().is_none_or(|after| *key > after)
                })
                .collect();
            found.sort_unstable_by_key(|(key, _)| *key);
            found.truncate(usize::try_from(page.limit.get()).unwrap_or(usize::MAX));
            Ok(found.into_iter().map(|(key, record)| summary(key, record)).collect())
        })
    }

    fn count<'a>(&'a self, scope: &'a Scope, now: Timestamp) -> StoreFuture<'a, u64> {
        Box::pin(async move {
            let shards = self.lock_all();
            let records = shards.iter().flat_map(|shard| shard.records());
            Ok(count(records.filter(|(_, record)| record.is_live(now) && is_in(scope, record)).count()))
        })
    }

    fn end<'a>(
        &'a self,
        scope: &'a Scope,
        keep: Option<&'a StoreKey>,
        now: Timestamp,
    ) -> StoreFuture<'a, u64> {
        Box::pin(async move { Ok(self.end_now(scope, keep, now)) })
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryStore {
    /// Shows no session: there may be millions.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("MemoryStore").finish_non_exhaustive()
    }
}

impl Capacity {
    /// Whether there was a place for one more record; it is then taken.
    fn take_place(&self) -> bool {
        match self {
            Self::Unlimited => true,
            Self::Limited { most, held } => held
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| {
                    (count < *most).then_some(count + 1)
                })
                .is_ok(),
        }
    }

    fn give_back(&self, places: usize) {
        if let Self::Limited { held, .. } = self {
            held.fetch_sub(places, Ordering::Relaxed);
        }
    }
}

/// A thread that panicked while it held the lock cannot have left a shard half-changed by our code, which does not
/// panic in between; refusing every later request would turn one fault into an outage.
fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

fn is_in(scope: &Scope, record: &Record) -> bool {
    match scope {
        Scope::All => record.verifier.is_issued(),
        Scope::User(user) => record.user.as_ref() == Some(user),
        Scope::Session(user, handle) => {
            record.user.as_ref() == Some(user)
                && record.authentication.as_ref().is_some_and(|it| it.handle == *handle)
        }
    }
}

fn summary(key: &StoreKey, record: &Record) -> Summary {
    Summary {
        key: key.clone(),
        user: record.user.clone(),
        authentication: record.authentication.clone(),
        created: record.created,
        seen: record.seen,
        expires: record.expires,
        device: record.device.clone(),
    }
}

fn count(records: usize) -> u64 {
    u64::try_from(records).unwrap_or(u64::MAX)
}

fn error(kind: ErrorKind, operation: Operation) -> StoreError {
    StoreError::new(kind, operation, BACKEND)
}
