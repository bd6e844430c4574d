//! What all decorators have in common: every verb goes through one function.

/// Implements [`Store`](cloakroom_core::Store) for a decorator with a field `inner` and a method
/// `around(operation, key, call)` that decides when to make the call and what becomes of its answer.
macro_rules! decorate {
    ($decorator:ident) => {
        #[deny(clippy::missing_trait_methods)]
        impl cloakroom_core::Store for $decorator {
            fn backend(&self) -> &'static str {
                self.inner.backend()
            }

            fn load<'a>(
                &'a self,
                key: &'a cloakroom_core::StoreKey,
                now: cloakroom_core::Timestamp,
            ) -> cloakroom_core::StoreFuture<'a, cloakroom_core::Loaded> {
                self.around(cloakroom_core::Operation::Load, Some(key), move || self.inner.load(key, now))
            }

            fn put<'a>(
                &'a self,
                key: &'a cloakroom_core::StoreKey,
                put: cloakroom_core::Put,
                record: &'a cloakroom_core::Record,
                now: cloakroom_core::Timestamp,
            ) -> cloakroom_core::StoreFuture<'a, cloakroom_core::Version> {
                let operation = match put {
                    cloakroom_core::Put::New => cloakroom_core::Operation::Create,
                    cloakroom_core::Put::At(_) => cloakroom_core::Operation::Save,
                };
                self.around(operation, Some(key), move || self.inner.put(key, put, record, now))
            }

            fn admit<'a>(
                &'a self,
                key: &'a cloakroom_core::StoreKey,
                put: cloakroom_core::Put,
                record: &'a cloakroom_core::Record,
                admission: &'a cloakroom_core::Admission,
                now: cloakroom_core::Timestamp,
            ) -> cloakroom_core::StoreFuture<'a, cloakroom_core::Admitted> {
                let call = move || self.inner.admit(key, put, record, admission, now);
                self.around(cloakroom_core::Operation::Admit, Some(key), call)
            }

            fn touch<'a>(
                &'a self,
                key: &'a cloakroom_core::StoreKey,
                touch: cloakroom_core::Touch,
                now: cloakroom_core::Timestamp,
            ) -> cloakroom_core::StoreFuture<'a, ()> {
                let call = move || self.inner.touch(key, touch, now);
                self.around(cloakroom_core::Operation::Touch, Some(key), call)
            }

            fn rename<'a>(
                &'a self,
                from: &'a cloakroom_core::StoreKey,
                version: cloakroom_core::Version,
                to: &'a cloakroom_core::StoreKey,
                record: &'a cloakroom_core::Record,
                now: cloakroom_core::Timestamp,
            ) -> cloakroom_core::StoreFuture<'a, cloakroom_core::Version> {
                let call = move || self.inner.rename(from, version, to, record, now);
                self.around(cloakroom_core::Operation::Rename, Some(from), call)
            }

            fn delete<'a>(
                &'a self,
                key: &'a cloakroom_core::StoreKey,
            ) -> cloakroom_core::StoreFuture<'a, ()> {
                self.around(cloakroom_core::Operation::Delete, Some(key), move || self.inner.delete(key))
            }

            fn sweep(
                &self,
                limit: std::num::NonZeroU32,
                now: cloakroom_core::Timestamp,
            ) -> cloakroom_core::StoreFuture<'_, cloakroom_core::Swept> {
                self.around(cloakroom_core::Operation::Sweep, None, move || self.inner.sweep(limit, now))
            }

            fn list<'a>(
                &'a self,
                scope: &'a cloakroom_core::Scope,
                page: cloakroom_core::Page,
                now: cloakroom_core::Timestamp,
            ) -> cloakroom_core::StoreFuture<'a, Vec<cloakroom_core::Summary>> {
                self.around(cloakroom_core::Operation::List, None, move || self.inner.list(scope, page, now))
            }

            fn count<'a>(
                &'a self,
                scope: &'a cloakroom_core::Scope,
                now: cloakroom_core::Timestamp,
            ) -> cloakroom_core::StoreFuture<'a, u64> {
                self.around(cloakroom_core::Operation::Count, None, move || self.inner.count(scope, now))
            }

            fn end<'a>(
                &'a self,
                scope: &'a cloakroom_core::Scope,
                keep: Option<&'a cloakroom_core::StoreKey>,
                now: cloakroom_core::Timestamp,
            ) -> cloakroom_core::StoreFuture<'a, u64> {
                self.around(cloakroom_core::Operation::End, None, move || self.inner.end(scope, keep, now))
            }
        }
    };
}
