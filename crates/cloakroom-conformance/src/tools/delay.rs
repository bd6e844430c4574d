//! A store that parks chosen verbs until it is told to let them go, so that a test decides who comes first.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use cloakroom_core::{Operation, Store, StoreFuture, StoreKey};
use futures_channel::oneshot;

use super::Moment;

/// Passes every verb on, but holds the chosen ones back.
///
/// It knows no runtime and no timer: whoever drives the test waits until the verbs are parked and releases them in
/// the order it wants.
///
/// ```
/// use cloakroom_conformance::{DelayingStore, Moment, block_on};
/// use cloakroom_core::{MemoryStore, Operation, Store, StoreKey, Timestamp};
/// use futures_util::future::join;
///
/// let store = DelayingStore::new(MemoryStore::new());
/// let gate = store.gate();
/// gate.park(Operation::Load, Moment::Before);
///
/// let key = StoreKey::from_bytes([0_u8; 32]);
/// block_on(async {
///     let load = store.load(&key, Timestamp::from_millis(0));
///     let release = async {
///         for parked in gate.parked(1).await {
///             parked.release();
///         }
///     };
///     let (loaded, ()) = join(load, release).await;
///     loaded
/// })?;
/// # Ok::<(), cloakroom_core::StoreError>(())
/// ```
#[derive(Clone, Debug)]
pub struct DelayingStore {
    inner: Arc<dyn Store>,
    gate: Gate,
}

/// Decides which verbs of a [`DelayingStore`] wait, and lets them go. Clones are the same gate.
#[derive(Clone, Default)]
pub struct Gate(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    rules: Vec<(Operation, Moment)>,
    parked: VecDeque<Parked>,
    /// Who waits for verbs to be parked.
    watchers: Vec<Waker>,
}

/// A verb that waits. Dropping this lets it go, too.
#[derive(Debug)]
#[must_use = "dropping a parked verb releases it"]
pub struct Parked {
    operation: Operation,
    key: Option<StoreKey>,
    release: oneshot::Sender<()>,
}

impl DelayingStore {
    /// Passes on to `store`; nothing waits until the gate is told to park it.
    pub fn new(store: impl Store) -> Self {
        Self { inner: Arc::new(store), gate: Gate::default() }
    }

    /// The gate.
    pub fn gate(&self) -> Gate {
        self.gate.clone()
    }

    fn around<'a, T: Send + 'a>(
        &'a self,
        operation: Operation,
        key: Option<&StoreKey>,
        call: impl FnOnce() -> StoreFuture<'a, T> + Send + 'a,
    ) -> StoreFuture<'a, T> {
        let key = key.cloned();
        Box::pin(async move {
            self.gate.pass(operation, key.as_ref(), Moment::Before).await;
            let answer = call().await;
            self.gate.pass(operation, key.as_ref(), Moment::After).await;
            answer
        })
    }
}

decorate!(DelayingStore);

impl Gate {
    /// From now on parks every such verb, before or after it has taken effect.
    pub fn park(&self, operation: Operation, moment: Moment) {
        self.lock().rules.push((operation, moment));
    }

    /// Parks nothing any more, and lets everything go that is parked.
    pub fn open(&self) {
        let mut state = self.lock();
        state.rules.clear();
        state.parked.clear();
    }

    /// Parks nothing new; what is parked stays so.
    pub fn park_no_more(&self) {
        self.lock().rules.clear();
    }

    /// Waits until `count` verbs are parked and hands them over in the order in which they came.
    ///
    /// # Cancel safety
    /// Dropping the future leaves all of them parked.
    pub async fn parked(&self, count: usize) -> Vec<Parked> {
        poll_fn(|context| {
            let mut state = self.lock();
            // A request that went away waits no longer.
            state.parked.retain(|parked| !parked.release.is_canceled());
            if state.parked.len() < count {
                state.watchers.push(context.waker().clone());
                return Poll::Pending;
            }
            Poll::Ready(state.parked.drain(..count).collect())
        })
        .await
    }

    async fn pass(&self, operation: Operation, key: Option<&StoreKey>, moment: Moment) {
        let Some(released) = self.enter(operation, key, moment) else { return };
        // A sender that was dropped instead of used lets the verb go as well.
        let _ = released.await;
    }

    fn enter(
        &self,
        operation: Operation,
        key: Option<&StoreKey>,
        moment: Moment,
    ) -> Option<oneshot::Receiver<()>> {
        let mut state = self.lock();
        if !state.rules.contains(&(operation, moment)) {
            return None;
        }
        let (release, released) = oneshot::channel();
        state.parked.push_back(Parked { operation, key: key.cloned(), release });
        for watcher in state.watchers.drain(..) {
            watcher.wake();
        }
        Some(released)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        formatter
            .debug_struct("Gate")
            .field("rules", &state.rules)
            .field("parked", &state.parked.len())
            .finish()
    }
}

impl Parked {
    /// Which verb waits.
    pub const fn operation(&self) -> Operation {
        self.operation
    }

    /// The key it is about: for a rename the old one, for verbs over many sessions none.
    pub const fn key(&self) -> Option<&StoreKey> {
        self.key.as_ref()
    }

    /// Lets it go.
    pub fn release(self) {
        // A caller that went away meanwhile needs no signal.
        let _ = self.release.send(());
    }
}
