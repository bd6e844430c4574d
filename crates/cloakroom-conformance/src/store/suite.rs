//! What a store's author gives to the suite and gets from it.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use cloakroom_core::{Loaded, Put, Stored, Timestamp};
use cloakroom_core::{Record, Store, StoreKey, Version};
use futures_util::future::BoxFuture;

use super::CASES;
use super::samples::{NOW, key};
use crate::outcome::{Checked, Failure, Report};
use crate::run::{Spawner, guarded, parallel};

/// Runs every case of the store contract against one store.
///
/// Each case gets a fresh, empty store from the factory. Times are passed in; nothing sleeps.
///
/// ```
/// use std::sync::Arc;
/// use cloakroom_conformance::{StoreSuite, block_on, spawn_thread};
/// use cloakroom_core::{MemoryStore, Store};
///
/// let suite = StoreSuite::new(|| async { Arc::new(MemoryStore::new()) as Arc<dyn Store> }).spawner(spawn_thread);
/// block_on(suite.run()).assert_passed();
/// ```
#[derive(Clone)]
pub struct StoreSuite {
    factory: Arc<dyn Fn() -> BoxFuture<'static, Nodes> + Send + Sync>,
    spawner: Option<Spawner>,
}

/// One or more handles to one and the same, empty storage, as several processes have them.
///
/// Concurrency cases spread their tasks over all handles, so that a store which orders its own operations still meets
/// operations that it does not order.
#[derive(Clone, Debug)]
pub struct Nodes(Vec<Arc<dyn Store>>);

/// One case: its name (`verb::sentence`) and what it does.
pub struct Case {
    name: &'static str,
    run: fn(Context) -> BoxFuture<'static, Checked>,
}

/// What a case works with: a fresh store and a way to run tasks side by side.
pub(crate) struct Context {
    nodes: Nodes,
    spawner: Option<Spawner>,
}

impl StoreSuite {
    /// A suite for the stores that `factory` makes: a fresh, empty one each time, as `Arc<dyn Store>` or [`Nodes`].
    ///
    /// Concurrency cases then interleave on one task. Add [`StoreSuite::spawner`] for real parallelism.
    pub fn new<N, F>(factory: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        N: Into<Nodes>,
        F: Future<Output = N> + Send + 'static,
    {
        let factory = move || -> BoxFuture<'static, Nodes> {
            let nodes = factory();
            Box::pin(async move { nodes.await.into() })
        };
        Self { factory: Arc::new(factory), spawner: None }
    }

    /// Runs concurrency cases in parallel: `spawn` starts a task on the store's runtime.
    #[must_use]
    pub fn spawner(self, spawn: impl Fn(BoxFuture<'static, ()>) + Send + Sync + 'static) -> Self {
        Self { spawner: Some(Arc::new(spawn)), ..self }
    }

    /// Runs every case, one after another.
    pub async fn run(&self) -> Report {
        let mut report = Report::default();
        for case in CASES {
            report.add(case.name, self.run_case(case).await);
        }
        report
    }

    /// Runs one case.
    ///
    /// # Errors
    /// When the store fails it.
    pub async fn run_case(&self, case: &Case) -> Checked {
        let nodes = (self.factory)().await;
        guarded((case.run)(Context { nodes, spawner: self.spawner.clone() })).await
    }

    /// The body of one stamped test: see [`store_tests!`](crate::store_tests).
    ///
    /// # Panics
    /// When the store fails the case.
    #[doc(hidden)]
    #[track_caller]
    #[allow(clippy::panic, reason = "this is how a Rust test fails")]
    pub fn assert_case(
        self,
        name: &'static str,
        block_on: impl FnOnce(BoxFuture<'static, Checked>) -> Checked,
    ) {
        let outcome = block_on(Box::pin(async move {
            let case = CASES.iter().find(|case| case.name == name);
            self.run_case(case.ok_or_else(|| Failure::new("no such case"))?).await
        }));
        if let Err(failure) = outcome {
            panic!("{name}: {failure}");
        }
    }
}

impl fmt::Debug for StoreSuite {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("StoreSuite").finish_non_exhaustive()
    }
}

impl Nodes {
    /// The storage as its first node sees it.
    pub fn new(first: impl Store) -> Self {
        Self(vec![Arc::new(first)])
    }

    /// Adds another handle to the same storage.
    #[must_use]
    pub fn and(mut self, other: impl Store) -> Self {
        self.0.push(Arc::new(other));
        self
    }

    /// The handle with this number; they are dealt in turn.
    pub(crate) fn node(&self, number: usize) -> Arc<dyn Store> {
        // It is never empty: `new` puts the first in and nothing takes one out.
        Arc::clone(&self.0[number % self.0.len()])
    }
}

impl<S: Store + ?Sized> From<Arc<S>> for Nodes {
    fn from(store: Arc<S>) -> Self {
        Self::new(store)
    }
}

impl Case {
    pub(super) const fn new(name: &'static str, run: fn(Context) -> BoxFuture<'static, Checked>) -> Self {
        Self { name, run }
    }

    /// Its name: the verb or the theme, `::`, and the sentence that it holds the store to.
    pub const fn name(&self) -> &'static str {
        self.name
    }
}

impl fmt::Debug for Case {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Case").field(&self.name).finish()
    }
}

impl Context {
    /// The handle of the first node.
    pub(crate) fn store(&self) -> &dyn Store {
        // A Nodes is never empty: see `Nodes::node`.
        &*self.nodes.0[0]
    }

    /// The handle for the task with this number: tasks are dealt to the nodes in turn.
    pub(crate) fn node(&self, task: usize) -> Arc<dyn Store> {
        self.nodes.node(task)
    }

    /// Runs tasks side by side and gives their answers in order.
    pub(crate) async fn parallel<T, F>(&self, tasks: impl IntoIterator<Item = F>) -> Result<Vec<T>, Failure>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        parallel(self.spawner.as_ref(), tasks).await
    }

    /// Creates `record` at [`NOW`] under a fresh key.
    pub(crate) async fn create(&self, record: &Record) -> Result<(StoreKey, Version), Failure> {
        let key = key()?;
        let version = self.store().put(&key, Put::New, record, NOW).await?;
        Ok((key, version))
    }

    /// What is live under `key` at `now`.
    pub(crate) async fn live(&self, key: &StoreKey, now: Timestamp) -> Result<Option<Stored>, Failure> {
        live(self.store(), key, now).await
    }
}

/// What is live under `key` at `now`.
pub(crate) async fn live(
    store: &dyn Store,
    key: &StoreKey,
    now: Timestamp,
) -> Result<Option<Stored>, Failure> {
    match store.load(key, now).await? {
        Loaded::Live(stored) => Ok(Some(stored)),
        Loaded::Expired | Loaded::Absent => Ok(None),
    }
}
