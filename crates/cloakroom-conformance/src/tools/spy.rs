//! A store that writes down what it was asked.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cloakroom_core::{ErrorKind, Operation, Store, StoreFuture, StoreKey};

/// Passes every verb on and keeps a log of them, so that a test can assert which round trips a request made.
///
/// ```
/// use cloakroom_conformance::{SpyStore, block_on};
/// use cloakroom_core::{MemoryStore, Operation, Store, StoreKey, Timestamp};
///
/// let store = SpyStore::new(MemoryStore::new());
/// let log = store.log();
/// block_on(store.load(&StoreKey::from_bytes([0_u8; 32]), Timestamp::from_millis(0)))?;
/// assert_eq!(log.take_operations(), [Operation::Load]);
/// # Ok::<(), cloakroom_core::StoreError>(())
/// ```
#[derive(Clone, Debug)]
pub struct SpyStore {
    inner: Arc<dyn Store>,
    log: Log,
}

/// What a [`SpyStore`] was asked since it was last taken. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Log(Arc<Mutex<Entries>>);

#[derive(Debug, Default)]
struct Entries {
    calls: Vec<(u64, Call)>,
    next: u64,
}

/// One verb that was begun.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Call {
    /// Which verb.
    pub operation: Operation,
    /// The key it was about: for a rename the old one, for verbs over many sessions none.
    pub key: Option<StoreKey>,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of a verb.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was still under way when the log was taken.
    Running,
    /// It succeeded.
    Done,
    /// It failed.
    Failed(ErrorKind),
    /// Its future was dropped before it completed.
    Dropped,
}

impl SpyStore {
    /// Watches `store`.
    pub fn new(store: impl Store) -> Self {
        Self { inner: Arc::new(store), log: Log::default() }
    }

    /// The log.
    pub fn log(&self) -> Log {
        self.log.clone()
    }

    fn around<'a, T: Send + 'a>(
        &'a self,
        operation: Operation,
        key: Option<&StoreKey>,
        call: impl FnOnce() -> StoreFuture<'a, T> + Send + 'a,
    ) -> StoreFuture<'a, T> {
        let key = key.cloned();
        Box::pin(async move {
            let mut entry = self.log.begin(operation, key);
            let answer = call().await;
            entry.outcome = match &answer {
                Ok(_) => Outcome::Done,
                Err(error) => Outcome::Failed(error.kind()),
            };
            answer
        })
    }
}

decorate!(SpyStore);

impl Log {
    /// The calls since the last taking, in the order in which they were begun.
    pub fn take(&self) -> Vec<Call> {
        std::mem::take(&mut self.lock().calls).into_iter().map(|(_, call)| call).collect()
    }

    /// The verbs since the last taking, in the order in which they were begun.
    pub fn take_operations(&self) -> Vec<Operation> {
        self.take().into_iter().map(|call| call.operation).collect()
    }

    fn begin(&self, operation: Operation, key: Option<StoreKey>) -> Entry<'_> {
        let mut entries = self.lock();
        let number = entries.next;
        entries.next += 1;
        entries.calls.push((number, Call { operation, key, outcome: Outcome::Running }));
        Entry { log: self, number, outcome: Outcome::Dropped }
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call that is under way. What it knows of the outcome is written down when it is dropped, however that happens.
struct Entry<'a> {
    log: &'a Log,
    number: u64,
    outcome: Outcome,
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        // The log may have been taken meanwhile.
        if let Some((_, call)) = self.log.lock().calls.iter_mut().find(|(number, _)| *number == self.number) {
            call.outcome = self.outcome;
        }
    }
}
