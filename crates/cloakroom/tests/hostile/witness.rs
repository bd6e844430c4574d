//! A store that keeps every byte that it is handed.

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};

use cloakroom::{
    Admission, Admitted, Loaded, Page, Put, Record, Scope, Store, StoreFuture, StoreKey, Summary, Swept,
    Timestamp, Touch, Version,
};

/// Passes every verb on. Clones are the same store.
#[derive(Clone, Debug)]
pub(crate) struct Witness {
    inner: Arc<dyn Store>,
    seen: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Witness {
    pub(crate) fn new(inner: Arc<dyn Store>) -> Self {
        Self { inner, seen: Arc::default() }
    }

    /// Everything that any verb was given: keys, and what is in records and versions, whole and in parts.
    pub(crate) fn seen(&self) -> Vec<Vec<u8>> {
        self.seen.lock().unwrap().clone()
    }

    fn key(&self, key: &StoreKey) {
        self.seen.lock().unwrap().push(key.as_bytes().to_vec());
    }

    fn version(&self, version: &Version) {
        self.seen.lock().unwrap().extend(version.as_bytes().map(<[u8]>::to_vec));
    }

    fn record(&self, record: &Record) {
        let Record { data, user, device, verifier, .. } = record;
        let mut seen = self.seen.lock().unwrap();
        seen.push(serde_json::to_vec(data).unwrap());
        seen.push(verifier.to_bytes());
        seen.extend(user.as_ref().map(|user| user.as_str().as_bytes().to_vec()));
        seen.extend(device.as_ref().map(|device| serde_json::to_vec(device).unwrap()));
    }

    fn scope(&self, scope: &Scope) {
        if let Scope::User(user) | Scope::Session(user, _) = scope {
            self.seen.lock().unwrap().push(user.as_str().as_bytes().to_vec());
        }
    }
}

impl Store for Witness {
    fn backend(&self) -> &'static str {
        self.inner.backend()
    }

    fn load<'a>(&'a self, key: &'a StoreKey, now: Timestamp) -> StoreFuture<'a, Loaded> {
        self.key(key);
        self.inner.load(key, now)
    }

    fn put<'a>(
        &'a self,
        key: &'a StoreKey,
        put: Put,
        record: &'a Record,
        now: Timestamp,
    ) -> StoreFuture<'a, Version> {
        self.key(key);
        self.record(record);
        if let Put::At(version) = &put {
            self.version(version);
        }
        self.inner.put(key, put, record, now)
    }

    fn admit<'a>(
        &'a self,
        key: &'a StoreKey,
        put: Put,
        record: &'a Record,
        admission: &'a Admission,
        now: Timestamp,
    ) -> StoreFuture<'a, Admitted> {
        self.key(key);
        self.key(&admission.mark);
        self.record(record);
        self.version(&admission.version);
        if let Put::At(version) = &put {
            self.version(version);
        }
        self.inner.admit(key, put, record, admission, now)
    }

    fn touch<'a>(&'a self, key: &'a StoreKey, touch: Touch, now: Timestamp) -> StoreFuture<'a, ()> {
        self.key(key);
        self.version(&touch.version);
        self.inner.touch(key, touch, now)
    }

    fn rename<'a>(
        &'a self,
        from: &'a StoreKey,
        version: Version,
        to: &'a StoreKey,
        record: &'a Record,
        now: Timestamp,
    ) -> StoreFuture<'a, Version> {
        self.key(from);
        self.key(to);
        self.version(&version);
        self.record(record);
        self.inner.rename(from, version, to, record, now)
    }

    fn delete<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, ()> {
        self.key(key);
        self.inner.delete(key)
    }

    fn sweep(&self, limit: NonZeroU32, now: Timestamp) -> StoreFuture<'_, Swept> {
        self.inner.sweep(limit, now)
    }

    fn list<'a>(&'a self, scope: &'a Scope, page: Page, now: Timestamp) -> StoreFuture<'a, Vec<Summary>> {
        self.scope(scope);
        self.inner.list(scope, page, now)
    }

    fn count<'a>(&'a self, scope: &'a Scope, now: Timestamp) -> StoreFuture<'a, u64> {
        self.scope(scope);
        self.inner.count(scope, now)
    }

    fn end<'a>(
        &'a self,
        scope: &'a Scope,
        keep: Option<&'a StoreKey>,
        now: Timestamp,
    ) -> StoreFuture<'a, u64> {
        self.scope(scope);
        if let Some(key) = keep {
            self.key(key);
        }
        self.inner.end(scope, keep, now)
    }
}
