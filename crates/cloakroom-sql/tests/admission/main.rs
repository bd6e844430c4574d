//! Sign-ins at once, on several processes' worth of stores: nobody ever has more sessions than they may, nobody survives
//! the end of all, and nobody waits for another user.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]
#![cfg(any(feature = "embedded", feature = "sqlite", feature = "postgres", feature = "mysql"))]

mod crowd;
#[cfg(any(feature = "postgres", feature = "mysql"))]
mod forced;
#[path = "../support/mod.rs"]
mod support;

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use cloakroom_core::layout::Layout;
use cloakroom_core::{
    Admission, Admitted, Authentication, Lifetime, Method, Put, Record, Scope, SessionLimit, Store as _,
    StoreError, StoreKey, SystemRandom, Timestamp, UserId, Verifier, Version, WhenFull,
};
use cloakroom_sql::{Database, Gathering, SqlStore, Sweep};

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);
/// Longer than any server takes; only a failure waits for it.
const PATIENCE: Duration = Duration::from_mins(1);

async fn store(database: impl Into<Database>, layout: &Layout) -> SqlStore {
    SqlStore::builder(database)
        .layout(layout.clone())
        .gathering(Gathering::default().with_time_limit(PATIENCE))
        .sweep(Sweep::Off)
        .build()
        .await
        .unwrap()
}

/// A key that nobody has used.
fn new_key() -> StoreKey {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    // Spread, as hashes are.
    let number = NUMBER.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9e37_79b9);
    StoreKey::from_bytes(number.to_be_bytes().repeat(8))
}

/// A user and the mark under which they sign in.
#[derive(Clone)]
struct Account {
    user: UserId,
    mark: StoreKey,
    version: Version,
}

impl Account {
    async fn open(store: &SqlStore, name: &str) -> Self {
        let (user, mark) = (UserId::new(name).unwrap(), StoreKey::reserved("id", "sign-in", name));
        let version = store.put(&mark, Put::New, &Record::new(Lifetime::default(), NOW), NOW).await.unwrap();
        Self { user, mark, version }
    }

    fn scope(&self) -> Scope {
        Scope::User(self.user.clone())
    }

    fn session(&self) -> Record {
        Record {
            user: Some(self.user.clone()),
            authentication: Some(Authentication::new(Method::password(), NOW, &SystemRandom).unwrap()),
            verifier: Verifier::from_bytes(&[1; 40]).unwrap(),
            ..Record::new(Lifetime::default(), NOW)
        }
    }

    async fn sign_in(
        &self,
        store: &SqlStore,
        key: &StoreKey,
        limit: SessionLimit,
    ) -> Result<Admitted, StoreError> {
        let Self { mark, version, .. } = self.clone();
        let admission = Admission { mark, version, limit: Some(limit) };
        store.admit(key, Put::New, &self.session(), &admission, NOW).await
    }

    /// Ends all their sessions, so that no sign-in that has begun comes after.
    async fn end_all(&mut self, store: &SqlStore) {
        let (mark, at) = (Record::new(Lifetime::default(), NOW), Put::At(self.version.clone()));
        self.version = store.put(&self.mark, at, &mark, NOW).await.unwrap();
        store.end(&self.scope(), None, NOW).await.unwrap();
    }
}

fn at_most(most: u32, when_full: WhenFull) -> SessionLimit {
    SessionLimit { most: NonZeroU32::new(most).unwrap(), when_full }
}
