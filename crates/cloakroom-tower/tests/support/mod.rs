//! A store that can be watched, broken and stopped, and what browsers do.

#![allow(dead_code, reason = "every test binary uses its own part")]

use std::future::Future;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};

use cloakroom_core::{
    Admission, Admitted, ErrorKind, Loaded, MemoryStore, Operation, Page, Put, Record, Scope, SessionId,
    Store, StoreError, StoreFuture, StoreKey, Summary, Swept, Timestamp, Touch, Version,
};
use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, Request, Response};
use tokio::sync::Semaphore;

/// Memory behind a door. Clones are the same store.
#[derive(Clone, Debug, Default)]
pub(crate) struct Probe {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    memory: MemoryStore,
    log: Mutex<Vec<Operation>>,
    fails: Mutex<fn(Operation) -> bool>,
    /// Closed while it has no permits.
    door: Semaphore,
    /// One permit for every operation that has come to the door.
    arrivals: Semaphore,
}

impl Default for Inner {
    fn default() -> Self {
        Self {
            memory: MemoryStore::default(),
            log: Mutex::default(),
            fails: Mutex::new(|_| false),
            door: Semaphore::new(1_000),
            arrivals: Semaphore::new(0),
        }
    }
}

impl Probe {
    /// The operations since the last call.
    pub(crate) fn take_log(&self) -> Vec<Operation> {
        std::mem::take(&mut self.inner.log.lock().unwrap())
    }

    /// From now on the database cannot be reached for these operations.
    pub(crate) fn break_down(&self, fails: fn(Operation) -> bool) {
        *self.inner.fails.lock().unwrap() = fails;
    }

    /// From now on operations wait at the door.
    pub(crate) fn close(&self) {
        self.inner.door.forget_permits(1_000);
        let arrived = self.inner.arrivals.available_permits();
        self.inner.arrivals.forget_permits(arrived);
    }

    /// Lets them all in.
    pub(crate) fn open(&self) {
        self.inner.door.add_permits(1_000);
    }

    /// Waits until an operation stands at the closed door.
    pub(crate) async fn arrival(&self) {
        self.inner.arrivals.acquire().await.unwrap().forget();
    }

    /// How many live sessions there are.
    pub(crate) async fn sessions(&self) -> u64 {
        self.inner.memory.count(&Scope::All, now()).await.unwrap()
    }

    fn pass<'a, T: Send + 'a>(
        &'a self,
        operation: Operation,
        verb: impl Future<Output = Result<T, StoreError>> + Send + 'a,
    ) -> StoreFuture<'a, T> {
        Box::pin(async move {
            self.inner.log.lock().unwrap().push(operation);
            self.inner.arrivals.add_permits(1);
            let _pass = self.inner.door.acquire().await.unwrap();
            let fails = *self.inner.fails.lock().unwrap();
            if fails(operation) {
                return Err(StoreError::new(ErrorKind::Unavailable, operation, "probe"));
            }
            verb.await
        })
    }
}

impl Store for Probe {
    fn backend(&self) -> &'static str {
        "probe"
    }

    fn load<'a>(&'a self, key: &'a StoreKey, now: Timestamp) -> StoreFuture<'a, Loaded> {
        self.pass(Operation::Load, self.inner.memory.load(key, now))
    }

    fn put<'a>(
        &'a self,
        key: &'a StoreKey,
        put: Put,
        record: &'a Record,
        now: Timestamp,
    ) -> StoreFuture<'a, Version> {
        let operation = if put == Put::New { Operation::Create } else { Operation::Save };
        self.pass(operation, self.inner.memory.put(key, put, record, now))
    }

    fn admit<'a>(
        &'a self,
        key: &'a StoreKey,
        put: Put,
        record: &'a Record,
        admission: &'a Admission,
        now: Timestamp,
    ) -> StoreFuture<'a, Admitted> {
        self.pass(Operation::Admit, self.inner.memory.admit(key, put, record, admission, now))
    }

    fn touch<'a>(&'a self, key: &'a StoreKey, touch: Touch, now: Timestamp) -> StoreFuture<'a, ()> {
        self.pass(Operation::Touch, self.inner.memory.touch(key, touch, now))
    }

    fn rename<'a>(
        &'a self,
        from: &'a StoreKey,
        version: Version,
        to: &'a StoreKey,
        record: &'a Record,
        now: Timestamp,
    ) -> StoreFuture<'a, Version> {
        self.pass(Operation::Rename, self.inner.memory.rename(from, version, to, record, now))
    }

    fn delete<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, ()> {
        self.pass(Operation::Delete, self.inner.memory.delete(key))
    }

    fn sweep(&self, limit: NonZeroU32, now: Timestamp) -> StoreFuture<'_, Swept> {
        self.pass(Operation::Sweep, self.inner.memory.sweep(limit, now))
    }

    fn list<'a>(&'a self, scope: &'a Scope, page: Page, now: Timestamp) -> StoreFuture<'a, Vec<Summary>> {
        self.pass(Operation::List, self.inner.memory.list(scope, page, now))
    }

    fn count<'a>(&'a self, scope: &'a Scope, now: Timestamp) -> StoreFuture<'a, u64> {
        self.pass(Operation::Count, self.inner.memory.count(scope, now))
    }

    fn end<'a>(
        &'a self,
        scope: &'a Scope,
        keep: Option<&'a StoreKey>,
        now: Timestamp,
    ) -> StoreFuture<'a, u64> {
        self.pass(Operation::End, self.inner.memory.end(scope, keep, now))
    }
}

/// The present, as the managers under test see it.
pub(crate) fn now() -> Timestamp {
    cloakroom_core::Clock::now(&cloakroom_core::SystemClock)
}

/// The cookies that a response sets, as `name=value`.
pub(crate) fn cookies(headers: &HeaderMap) -> Vec<String> {
    let lines = headers.get_all(SET_COOKIE).iter().map(|line| line.to_str().unwrap());
    lines.map(|line| line.split(';').next().unwrap().to_owned()).collect()
}

/// The one cookie that a response sets.
pub(crate) fn cookie<B>(response: &Response<B>) -> String {
    let cookies = cookies(response.headers());
    assert_eq!(cookies.len(), 1, "exactly one cookie is set");
    cookies[0].clone()
}

/// A request for `path` with these cookies.
pub(crate) fn get<B: Default>(path: &str, cookies: &[&str]) -> Request<B> {
    let request = cookies.iter().fold(Request::get(path), |request, cookie| request.header(COOKIE, *cookie));
    request.body(B::default()).unwrap()
}

/// A cookie of the default name with an id that no store knows.
pub(crate) fn made_up_cookie() -> String {
    let id = SessionId::generate(&cloakroom_core::SystemRandom).unwrap();
    format!("__Host-id={}", id.expose())
}
