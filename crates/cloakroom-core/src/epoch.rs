//! Signing everybody out at once, whatever their number.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;

use crate::clock::Timestamp;
use crate::error::{ErrorKind, Operation, StoreError};
use crate::id::StoreKey;
use crate::lifetime::Lifetime;
use crate::record::{Data, Record};
use crate::store::{Loaded, Put, Store, Stored};

/// How often everybody was signed out, as this process last heard.
///
/// The count is one record beside the sessions. A session whose [`Authentication`](crate::Authentication) names another
/// count is over, so signing everybody out is one write however many there are.
pub(crate) struct Epoch {
    key: StoreKey,
    heard: Mutex<Option<Heard>>,
    /// Held while one request asks on behalf of all.
    turn: async_lock::Mutex<()>,
}

#[derive(Clone, Copy)]
struct Heard {
    count: u64,
    at: Timestamp,
}

const COUNT: &str = "signed_everybody_out";

/// How often a count that others move at the same time is read again.
const MOST_ATTEMPTS: u32 = 32;

impl Epoch {
    pub(crate) fn new(cookie_name: &str) -> Self {
        Self {
            key: StoreKey::reserved(cookie_name, "epoch", ""),
            heard: Mutex::default(),
            turn: async_lock::Mutex::new(()),
        }
    }

    /// The count as the store had it no longer than `age` ago, and not below `known`, which somebody has seen already.
    pub(crate) async fn within(
        &self,
        age: Duration,
        known: u64,
        store: &dyn Store,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let recent = || self.heard(age, now).filter(|count| *count >= known);
        if let Some(count) = recent() {
            return Ok(count);
        }
        let _turn = self.turn.lock().await;
        match recent() {
            Some(count) => Ok(count),
            None => self.read(store, now).await,
        }
    }

    /// The count, if it was heard no longer than `age` ago.
    fn heard(&self, age: Duration, now: Timestamp) -> Option<u64> {
        let heard = (*self.lock())?;
        // A clock that was set back must not make an old answer new.
        (now >= heard.at && now.since(heard.at) < age).then_some(heard.count)
    }

    /// The count as the store has it.
    pub(crate) async fn read(&self, store: &dyn Store, now: Timestamp) -> Result<u64, StoreError> {
        let stored = self.stored(store, now).await?;
        let count = count_in(stored.as_ref(), store)?;
        Ok(self.hear(count, now))
    }

    /// Moves the count by one.
    pub(crate) async fn advance(&self, store: &dyn Store, now: Timestamp) -> Result<u64, StoreError> {
        for _ in 0..MOST_ATTEMPTS {
            let stored = self.stored(store, now).await?;
            let count = count_in(stored.as_ref(), store)?.saturating_add(1);
            let record = Record {
                data: Data::from_iter([(COUNT.to_owned(), Value::from(count))]),
                ..Record::new(FOR_GOOD, now)
            };
            let put = stored.map_or(Put::New, |stored| Put::At(stored.version));
            match store.put(&self.key, put, &record, now).await {
                Ok(_) => return Ok(self.hear(count, now)),
                // Somebody else moved it, which is not this caller's doing: sessions may have begun in between.
                Err(error) if matches!(error.kind(), ErrorKind::Conflict | ErrorKind::Gone) => {}
                Err(error) => return Err(error),
            }
        }
        Err(StoreError::new(ErrorKind::Conflict, Operation::Save, store.backend()))
    }

    async fn stored(&self, store: &dyn Store, now: Timestamp) -> Result<Option<Stored>, StoreError> {
        Ok(match store.load(&self.key, now).await? {
            Loaded::Live(stored) => Some(stored),
            Loaded::Expired | Loaded::Absent => None,
        })
    }

    fn hear(&self, count: u64, now: Timestamp) -> u64 {
        let mut heard = self.lock();
        // An answer that was overtaken on its way takes nothing back.
        let count = heard.map_or(count, |heard| heard.count.max(count));
        *heard = Some(Heard { count, at: now });
        count
    }

    fn lock(&self) -> MutexGuard<'_, Option<Heard>> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A thousand years: the count must outlive every session.
const FOR_GOOD: Lifetime = Lifetime::idle(Duration::from_secs(1_000 * 365 * 86_400));

/// A count that cannot be read lets nobody in.
fn count_in(stored: Option<&Stored>, store: &dyn Store) -> Result<u64, StoreError> {
    let Some(stored) = stored else { return Ok(0) };
    let count = stored.record.data.get(COUNT).and_then(Value::as_u64);
    count.ok_or_else(|| StoreError::new(ErrorKind::Corrupt, Operation::Load, store.backend()))
}

impl fmt::Debug for Epoch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Epoch").finish_non_exhaustive()
    }
}
