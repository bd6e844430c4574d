//! Where one scenario keeps its sessions: nothing is made before somebody asks it.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;

use cloakroom_core::{
    Admission, Admitted, Loaded, Page, Put, Record, Scope, Store, StoreFuture, StoreKey, Summary, Swept,
    Timestamp, Touch, Version,
};
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};

use crate::store::Nodes;

/// Makes a fresh, empty storage, as often as it is asked.
pub(super) type Factory = Arc<dyn Fn() -> BoxFuture<'static, Nodes> + Send + Sync>;

/// One storage, which is made when it is first used. Clones are the same storage.
#[derive(Clone)]
pub(super) struct Storage(Shared<BoxFuture<'static, Nodes>>);

/// One of the nodes of a storage.
pub(super) struct Node {
    storage: Storage,
    number: usize,
}

impl Storage {
    pub(super) fn new(make: &Factory) -> Self {
        Self(make().shared())
    }

    /// A store on it; different numbers are different nodes, as far as the storage has several.
    pub(super) fn node(&self, number: usize) -> Arc<dyn Store> {
        Arc::new(Node { storage: self.clone(), number })
    }
}

impl Node {
    async fn store(&self) -> Arc<dyn Store> {
        self.storage.0.clone().await.node(self.number)
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Node").field("number", &self.number).finish_non_exhaustive()
    }
}

impl Store for Node {
    fn backend(&self) -> &'static str {
        self.storage.0.peek().map_or("not made yet", |nodes| nodes.node(self.number).backend())
    }

    fn load<'a>(&'a self, key: &'a StoreKey, now: Timestamp) -> StoreFuture<'a, Loaded> {
        Box::pin(async move { self.store().await.load(key, now).await })
    }

    fn put<'a>(
        &'a self,
        key: &'a StoreKey,
        put: Put,
        record: &'a Record,
        now: Timestamp,
    ) -> StoreFuture<'a, Version> {
        Box::pin(async move { self.store().await.put(key, put, record, now).await })
    }

    fn admit<'a>(
        &'a self,
        key: &'a StoreKey,
        put: Put,
        record: &'a Record,
        admission: &'a Admission,
        now: Timestamp,
    ) -> StoreFuture<'a, Admitted> {
        Box::pin(async move { self.store().await.admit(key, put, record, admission, now).await })
    }

    fn touch<'a>(&'a self, key: &'a StoreKey, touch: Touch, now: Timestamp) -> StoreFuture<'a, ()> {
        Box::pin(async move { self.store().await.touch(key, touch, now).await })
    }

    fn rename<'a>(
        &'a self,
        from: &'a StoreKey,
        version: Version,
        to: &'a StoreKey,
        record: &'a Record,
        now: Timestamp,
    ) -> StoreFuture<'a, Version> {
        Box::pin(async move { self.store().await.rename(from, version, to, record, now).await })
    }

    fn delete<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, ()> {
        Box::pin(async move { self.store().await.delete(key).await })
    }

    fn sweep(&self, limit: NonZeroU32, now: Timestamp) -> StoreFuture<'_, Swept> {
        Box::pin(async move { self.store().await.sweep(limit, now).await })
    }

    fn list<'a>(&'a self, scope: &'a Scope, page: Page, now: Timestamp) -> StoreFuture<'a, Vec<Summary>> {
        Box::pin(async move { self.store().await.list(scope, page, now).await })
    }

    fn count<'a>(&'a self, scope: &'a Scope, now: Timestamp) -> StoreFuture<'a, u64> {
        Box::pin(async move { self.store().await.count(scope, now).await })
    }

    fn end<'a>(
        &'a self,
        scope: &'a Scope,
        keep: Option<&'a StoreKey>,
        now: Timestamp,
    ) -> StoreFuture<'a, u64> {
        Box::pin(async move { self.store().await.end(scope, keep, now).await })
    }
}
