//! A store that can be told to misbehave.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::task::Poll;

use cloakroom_core::*;

use crate::support::{Site, run};

/// What happens at a verb.
pub(crate) enum Fault {
    /// It fails and is not applied.
    Before(ErrorKind),
    /// It is applied and fails all the same.
    After(ErrorKind),
    /// It waits for another poll, and is applied then.
    WaitBefore,
    /// It is applied, and answers at another poll.
    WaitAfter,
    /// Somebody else does something first.
    First(Act),
    /// Nobody waits for it any more, and it is applied right before the next verb.
    Late,
}

/// What somebody else does.
type Act = Box<dyn FnOnce() + Send>;

/// A memory store that logs every verb and misbehaves as told.
#[derive(Clone)]
pub(crate) struct Desk {
    pub(crate) memory: Arc<MemoryStore>,
    log: Arc<Mutex<Vec<&'static str>>>,
    faults: Arc<Mutex<VecDeque<(&'static str, Fault)>>>,
    late: Arc<Mutex<Vec<Act>>>,
}

impl Desk {
    pub(crate) fn new() -> Self {
        Self {
            memory: Arc::new(MemoryStore::new()),
            log: Arc::default(),
            faults: Arc::default(),
            late: Arc::default(),
        }
    }

    /// The next time that `verb` is asked for, this happens.
    pub(crate) fn next(&self, verb: &'static str, fault: Fault) {
        self.faults.lock().unwrap().push_back((verb, fault));
    }

    pub(crate) fn before(&self, verb: &'static str, first: impl FnOnce() + Send + 'static) {
        self.next(verb, Fault::First(Box::new(first)));
    }

    /// Everything that was asked since the last call.
    pub(crate) fn log(&self) -> Vec<&'static str> {
        std::mem::take(&mut *self.log.lock().unwrap())
    }

    pub(crate) fn rows(&self) -> u64 {
        run(self.memory.count(&Scope::All, Timestamp::from_millis(0))).unwrap()
    }

    /// What lies under an id, whoever asks and whenever.
    pub(crate) fn row(&self, site: &Site, id: &SessionId) -> Option<Record> {
        match run(self.memory.load(&site.manager.key(id), site.clock.now())).unwrap() {
            Loaded::Live(stored) => Some(stored.record),
            Loaded::Expired | Loaded::Absent => None,
        }
    }

    async fn perform<T: 'static>(
        &self,
        verb: &'static str,
        operation: Operation,
        apply: impl Fn(Arc<MemoryStore>) -> StoreFuture<'static, T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.log.lock().unwrap().push(verb);
        let late = std::mem::take(&mut *self.late.lock().unwrap());
        for apply in late {
            apply();
        }
        let fault = {
            let mut faults = self.faults.lock().unwrap();
            let place = faults.iter().position(|(at, _)| *at == verb);
            place.and_then(|place| faults.remove(place)).map(|(_, fault)| fault)
        };
        let error = |kind| StoreError::new(kind, operation, "desk");
        let memory = Arc::clone(&self.memory);
        match fault {
            Some(Fault::Before(kind)) => Err(error(kind)),
            Some(Fault::After(kind)) => {
                apply(memory).await?;
                Err(error(kind))
            }
            Some(Fault::WaitBefore) => {
                wait().await;
                apply(memory).await
            }
            Some(Fault::WaitAfter) => {
                let answer = apply(memory).await;
                wait().await;
                answer
            }
            Some(Fault::First(first)) => {
                first();
                apply(memory).await
            }
            Some(Fault::Late) => {
                let apply = move || drop(run(apply(memory)));
                self.late.lock().unwrap().push(Box::new(apply));
                Err(error(ErrorKind::Unknown))
            }
            None => apply(memory).await,
        }
    }
}

async fn wait() {
    let mut waited = false;
    poll_fn(|_| if std::mem::replace(&mut waited, true) { Poll::Ready(()) } else { Poll::Pending }).await;
}

impl fmt::Debug for Desk {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Desk")
    }
}

impl Store for Desk {
    fn backend(&self) -> &'static str {
        "desk"
    }

    fn load<'a>(&'a self, key: &'a StoreKey, now: Timestamp) -> StoreFuture<'a, Loaded> {
        let key = key.clone();
        Box::pin(self.perform("load", Operation::Load, move |memory| {
            let key = key.clone();
            Box::pin(async move { memory.load(&key, now).await })
        }))
    }

    fn put<'a>(
        &'a self,
        key: &'a StoreKey,
        put: Put,
        record: &'a Record,
        now: Timestamp,
    ) -> StoreFuture<'a, Version> {
        let (verb, operation) = match put {
            Put::New => ("create", Operation::Create),
            Put::At(_) => ("save", Operation::Save),
        };
        let (key, record) = (key.clone(), record.clone());
        Box::pin(self.perform(verb, operation, move |memory| {
            let (key, put, record) = (key.clone(), put.clone(), record.clone());
            Box::pin(async move { memory.put(&key, put, &record, now).await })
        }))
    }

    fn admit<'a>(
        &'a self,
        key: &'a StoreKey,
        put: Put,
        record: &'a Record,
        admission: &'a Admission,
        now: Timestamp,
    ) -> StoreFuture<'a, Admitted> {
        let (key, record, admission) = (key.clone(), record.clone(), admission.clone());
        Box::pin(self.perform("admit", Operation::Admit, move |memory| {
            let (key, put, record) = (key.clone(), put.clone(), record.clone());
            let admission = admission.clone();
            Box::pin(async move { memory.admit(&key, put, &record, &admission, now).await })
        }))
    }

    fn touch<'a>(&'a self, key: &'a StoreKey, touch: Touch, now: Timestamp) -> StoreFuture<'a, ()> {
        let key = key.clone();
        Box::pin(self.perform("touch", Operation::Touch, move |memory| {
            let (key, touch) = (key.clone(), touch.clone());
            Box::pin(async move { memory.touch(&key, touch, now).await })
        }))
    }

    fn rename<'a>(
        &'a self,
        from: &'a StoreKey,
        version: Version,
        to: &'a StoreKey,
        record: &'a Record,
        now: Timestamp,
    ) -> StoreFuture<'a, Version> {
        let (from, to, record) = (from.clone(), to.clone(), record.clone());
        Box::pin(self.perform("rename", Operation::Rename, move |memory| {
            let (from, version, to, record) = (from.clone(), version.clone(), to.clone(), record.clone());
            Box::pin(async move { memory.rename(&from, version, &to, &record, now).await })
        }))
    }

    fn delete<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, ()> {
        let key = key.clone();
        Box::pin(self.perform("delete", Operation::Delete, move |memory| {
            let key = key.clone();
            Box::pin(async move { memory.delete(&key).await })
        }))
    }

    fn sweep(&self, limit: NonZeroU32, now: Timestamp) -> StoreFuture<'_, Swept> {
        self.memory.sweep(limit, now)
    }

    fn list<'a>(&'a self, scope: &'a Scope, page: Page, now: Timestamp) -> StoreFuture<'a, Vec<Summary>> {
        self.memory.list(scope, page, now)
    }

    fn count<'a>(&'a self, scope: &'a Scope, now: Timestamp) -> StoreFuture<'a, u64> {
        self.memory.count(scope, now)
    }

    fn end<'a>(
        &'a self,
        scope: &'a Scope,
        keep: Option<&'a StoreKey>,
        now: Timestamp,
    ) -> StoreFuture<'a, u64> {
        self.memory.end(scope, keep, now)
    }
}
