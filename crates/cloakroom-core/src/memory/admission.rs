//! Letting in somebody who signs in.

use super::{MemoryStore, ROOM, error, lock, summary};
use crate::clock::Timestamp;
use crate::error::{ErrorKind, Operation, StoreError};
use crate::id::StoreKey;
use crate::record::Record;
use crate::store::{Admission, Admitted, Put, Summary};

impl MemoryStore {
    /// All shards at once, so that nothing comes in between.
    pub(super) fn admit_now(
        &self,
        key: &StoreKey,
        put: &Put,
        record: &Record,
        admission: &Admission,
        now: Timestamp,
    ) -> Result<Admitted, StoreError> {
        let mut shards: Vec<_> = self.shards.iter().map(lock).collect();
        if shards[self.place(&admission.mark)].check(&admission.mark, &admission.version, now).is_err() {
            return Ok(Admitted::Superseded);
        }
        let others = shards
            .iter()
            .flat_map(|shard| shard.records())
            .filter(|(other, it)| {
                it.user.is_some() && it.user == record.user && it.is_live(now) && *other != key
            })
            .map(|(other, it)| summary(other, it))
            .collect();
        let ended: Vec<Summary> = match &admission.limit {
            None => Vec::new(),
            Some(limit) => match limit.make_room(record, others) {
                Some(ended) => ended,
                None => return Ok(Admitted::Full),
            },
        };
        let place = self.place(key);
        match put {
            Put::At(version) => shards[place].check(key, version, now),
            Put::New if shards[place].get(key).is_some_and(|entry| entry.record.is_live(now)) => {
                Err(ErrorKind::Conflict)
            }
            // The place of one that ends is taken over.
            Put::New
                if shards[place].get(key).is_some() || !ended.is_empty() || self.capacity.take_place() =>
            {
                Ok(())
            }
            Put::New => {
                let removed = shards.iter_mut().fold(0, |removed, shard| {
                    if removed < ROOM { removed + shard.remove_expired(ROOM - removed, now) } else { removed }
                });
                self.capacity.give_back(usize::try_from(removed).unwrap_or(usize::MAX));
                if self.capacity.take_place() { Ok(()) } else { Err(ErrorKind::Overloaded) }
            }
        }
        .map_err(|kind| error(kind, Operation::Admit))?;
        for session in &ended {
            shards[self.place(&session.key)].remove(&session.key);
        }
        let is_new = shards[place].get(key).is_none();
        let given_back = if is_new { ended.len().saturating_sub(1) } else { ended.len() };
        self.capacity.give_back(given_back);
        let entry = self.entry(record);
        let version = entry.version();
        shards[place].insert(key.clone(), entry);
        Ok(Admitted::In { version, ended })
    }
}
