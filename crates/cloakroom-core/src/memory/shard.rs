//! One part of the memory store: what lies behind one lock.

use std::collections::{BTreeSet, HashMap};

use crate::clock::Timestamp;
use crate::error::ErrorKind;
use crate::id::StoreKey;
use crate::record::{Record, Version};

/// Records by key, and the same keys in the order in which they expire, so that a sweep looks at nothing live.
#[derive(Default)]
pub(super) struct Shard {
    entries: HashMap<StoreKey, Entry>,
    ends: BTreeSet<(Timestamp, StoreKey)>,
}

/// A record and its version.
pub(super) struct Entry {
    pub(super) record: Record,
    version: i64,
}

impl Shard {
    /// What is under `key`, expired or not.
    pub(super) fn get(&self, key: &StoreKey) -> Option<&Entry> {
        self.entries.get(key)
    }

    /// Whether the record under `key` is live and at `version`; otherwise `Gone` or `Conflict`.
    pub(super) fn check(&self, key: &StoreKey, version: &Version, now: Timestamp) -> Result<(), ErrorKind> {
        match self.entries.get(key) {
            Some(entry) if !entry.record.is_live(now) => Err(ErrorKind::Gone),
            Some(entry) if entry.version() != *version => Err(ErrorKind::Conflict),
            Some(_) => Ok(()),
            None => Err(ErrorKind::Gone),
        }
    }

    /// Writes an entry and returns the one that was there.
    pub(super) fn insert(&mut self, key: StoreKey, entry: Entry) -> Option<Entry> {
        let old = self.remove(&key);
        self.ends.insert((entry.record.expires, key.clone()));
        self.entries.insert(key, entry);
        old
    }

    /// Removes an entry and returns it.
    pub(super) fn remove(&mut self, key: &StoreKey) -> Option<Entry> {
        let entry = self.entries.remove(key)?;
        self.ends.remove(&(entry.record.expires, key.clone()));
        Some(entry)
    }

    /// Moves activity and expiry forward; neither ever moves back.
    pub(super) fn touch(&mut self, key: &StoreKey, seen: Timestamp, expires: Timestamp) {
        let Some(entry) = self.entries.get_mut(key) else { return };
        let record = &mut entry.record;
        record.seen = record.seen.max(seen);
        if expires > record.expires {
            self.ends.remove(&(record.expires, key.clone()));
            record.expires = expires;
            self.ends.insert((expires, key.clone()));
        }
    }

    /// Removes at most `limit` records that have expired and returns how many.
    pub(super) fn remove_expired(&mut self, limit: u64, now: Timestamp) -> u64 {
        let mut removed = 0;
        while removed < limit && self.has_expired(now) {
            if let Some((_, key)) = self.ends.pop_first() {
                self.entries.remove(&key);
                removed += 1;
            }
        }
        removed
    }

    /// Whether a sweep would find something.
    pub(super) fn has_expired(&self, now: Timestamp) -> bool {
        self.ends.first().is_some_and(|(expires, _)| *expires <= now)
    }

    /// Every record, expired or not, in no order.
    pub(super) fn records(&self) -> impl Iterator<Item = (&StoreKey, &Record)> {
        self.entries.iter().map(|(key, entry)| (key, &entry.record))
    }

    /// Removes and returns the records that `chosen` picks.
    pub(super) fn take_all(&mut self, chosen: impl Fn(&StoreKey, &Record) -> bool) -> Vec<Record> {
        let keys: Vec<_> =
            self.records().filter(|(key, record)| chosen(key, record)).map(|(key, _)| key.clone()).collect();
        keys.iter().filter_map(|key| self.remove(key)).map(|entry| entry.record).collect()
    }
}

impl Entry {
    pub(super) fn new(record: Record, version: i64) -> Self {
        Self { record, version }
    }

    pub(super) fn version(&self) -> Version {
        Version::number(self.version)
    }
}
