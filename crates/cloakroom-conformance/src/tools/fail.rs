//! A store that fails when it is told to.

use std::sync::{Arc, Mutex, PoisonError};

use cloakroom_core::{ErrorKind, Operation, Store, StoreError, StoreFuture, StoreKey};

/// Passes every verb on, but fails the chosen ones.
///
/// ```
/// use cloakroom_conformance::{FailingStore, Fault, block_on};
/// use cloakroom_core::{ErrorKind, MemoryStore, Operation, Store, StoreKey, Timestamp};
///
/// let store = FailingStore::new(MemoryStore::new());
/// store.faults().add(Fault::new(ErrorKind::Unavailable).on(Operation::Load).nth(2));
///
/// let (key, now) = (StoreKey::from_bytes([0_u8; 32]), Timestamp::from_millis(0));
/// assert!(block_on(store.load(&key, now)).is_ok());
/// assert!(block_on(store.load(&key, now)).is_err());
/// assert!(block_on(store.load(&key, now)).is_ok());
/// ```
#[derive(Clone, Debug)]
pub struct FailingStore {
    inner: Arc<dyn Store>,
    faults: Faults,
}

/// The faults of a [`FailingStore`]. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Faults(Arc<Mutex<Vec<Fault>>>);

/// Which verbs fail, when, and how.
#[derive(Clone, Debug)]
pub struct Fault {
    kind: ErrorKind,
    operation: Option<Operation>,
    occurrence: Occurrence,
    moment: Moment,
    /// How many matching verbs were begun.
    met: u64,
}

/// When a store fails or waits, seen from the verb.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Moment {
    /// Before the verb has taken effect.
    #[default]
    Before,
    /// After it has taken effect and before the caller learns of it, as when a connection breaks during the answer.
    After,
}

#[derive(Clone, Copy, Debug)]
enum Occurrence {
    Every,
    Nth(u64),
}

impl FailingStore {
    /// Passes on to `store`; nothing fails until a fault is added.
    pub fn new(store: impl Store) -> Self {
        Self { inner: Arc::new(store), faults: Faults::default() }
    }

    /// The faults, to add to and to clear.
    pub fn faults(&self) -> Faults {
        self.faults.clone()
    }

    fn around<'a, T: Send + 'a>(
        &'a self,
        operation: Operation,
        _key: Option<&StoreKey>,
        call: impl FnOnce() -> StoreFuture<'a, T> + Send + 'a,
    ) -> StoreFuture<'a, T> {
        Box::pin(async move {
            let error = |kind| StoreError::new(kind, operation, self.inner.backend());
            match self.faults.strike(operation) {
                None => call().await,
                Some((kind, Moment::Before)) => Err(error(kind)),
                Some((kind, Moment::After)) => {
                    call().await?;
                    Err(error(kind))
                }
            }
        })
    }
}

decorate!(FailingStore);

impl Faults {
    /// Adds a fault. Where several match one verb, the first that was added strikes.
    pub fn add(&self, fault: Fault) {
        self.with(|faults| faults.push(fault));
    }

    /// Removes all faults: the store has been repaired.
    pub fn clear(&self) {
        self.with(Vec::clear);
    }

    fn strike(&self, operation: Operation) -> Option<(ErrorKind, Moment)> {
        self.with(|faults| {
            let mut struck = None;
            for fault in faults {
                if fault.strikes(operation) && struck.is_none() {
                    struck = Some((fault.kind, fault.moment));
                }
            }
            struck
        })
    }

    fn with<T>(&self, action: impl FnOnce(&mut Vec<Fault>) -> T) -> T {
        action(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Fault {
    /// Every verb fails with `kind`, before it has taken effect.
    pub fn new(kind: ErrorKind) -> Self {
        Self { kind, operation: None, occurrence: Occurrence::Every, moment: Moment::Before, met: 0 }
    }

    /// Only this verb fails.
    #[must_use]
    pub fn on(self, operation: Operation) -> Self {
        Self { operation: Some(operation), ..self }
    }

    /// Only the nth such verb fails, counted from one.
    #[must_use]
    pub fn nth(self, nth: u64) -> Self {
        Self { occurrence: Occurrence::Nth(nth), ..self }
    }

    /// Whether it fails before or after it has taken effect.
    #[must_use]
    pub fn at(self, moment: Moment) -> Self {
        Self { moment, ..self }
    }

    fn strikes(&mut self, operation: Operation) -> bool {
        if self.operation.is_some_and(|only| only != operation) {
            return false;
        }
        self.met += 1;
        match self.occurrence {
            Occurrence::Every => true,
            Occurrence::Nth(nth) => nth == self.met,
        }
    }
}
