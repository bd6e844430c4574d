//! A store behind a pointer is a store, so that one store can serve several layers and stand behind `dyn`.

use std::num::NonZeroU32;
use std::sync::Arc;

use super::{Admission, Admitted, Loaded, Page, Put, Scope, Store, StoreFuture, Summary, Swept, Touch};
use crate::clock::Timestamp;
use crate::id::StoreKey;
use crate::record::{Record, Version};

macro_rules! forward {
    ($pointer:ident) => {
        #[deny(clippy::missing_trait_methods)]
        impl<S: Store + ?Sized> Store for $pointer<S> {
            fn backend(&self) -> &'static str {
                (**self).backend()
            }

            fn load<'a>(&'a self, key: &'a StoreKey, now: Timestamp) -> StoreFuture<'a, Loaded> {
                (**self).load(key, now)
            }

            fn put<'a>(
                &'a self,
                key: &'a StoreKey,
                put: Put,
                record: &'a Record,
                now: Timestamp,
            ) -> StoreFuture<'a, Version> {
                (**self).put(key, put, record, now)
            }

            fn admit<'a>(
                &'a self,
                key: &'a StoreKey,
                put: Put,
                record: &'a Record,
                admission: &'a Admission,
                now: Timestamp,
            ) -> StoreFuture<'a, Admitted> {
                (**self).admit(key, put, record, admission, now)
            }

            fn touch<'a>(&'a self, key: &'a StoreKey, touch: Touch, now: Timestamp) -> StoreFuture<'a, ()> {
                (**self).touch(key, touch, now)
            }

            fn rename<'a>(
                &'a self,
                from: &'a StoreKey,
                version: Version,
                to: &'a StoreKey,
                record: &'a Record,
                now: Timestamp,
            ) -> StoreFuture<'a, Version> {
                (**self).rename(from, version, to, record, now)
            }

            fn delete<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, ()> {
                (**self).delete(key)
            }

            fn sweep(&self, limit: NonZeroU32, now: Timestamp) -> StoreFuture<'_, Swept> {
                (**self).sweep(limit, now)
            }

            fn list<'a>(
                &'a self,
                scope: &'a Scope,
                page: Page,
                now: Timestamp,
            ) -> StoreFuture<'a, Vec<Summary>> {
                (**self).list(scope, page, now)
            }

            fn count<'a>(&'a self, scope: &'a Scope, now: Timestamp) -> StoreFuture<'a, u64> {
                (**self).count(scope, now)
            }

            fn end<'a>(
                &'a self,
                scope: &'a Scope,
                keep: Option<&'a StoreKey>,
                now: Timestamp,
            ) -> StoreFuture<'a, u64> {
                (**self).end(scope, keep, now)
            }
        }
    };
}

forward!(Arc);
forward!(Box);
