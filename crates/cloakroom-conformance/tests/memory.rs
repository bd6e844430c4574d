//! The memory store under the store contract, in every form in which it is used.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::num::NonZeroUsize;
use std::sync::Arc;

use cloakroom_conformance::{StoreSuite, block_on, spawn_thread, store_tests};
use cloakroom_core::{MemoryStore, Store};

mod in_parallel {
    use super::*;

    fn suite() -> StoreSuite {
        StoreSuite::new(|| async { Arc::new(MemoryStore::new()) }).spawner(spawn_thread)
    }

    store_tests!(suite(), block_on);
}

mod interleaved {
    use super::*;

    fn suite() -> StoreSuite {
        StoreSuite::new(|| async { Arc::new(MemoryStore::new()) as Arc<dyn Store> })
    }

    store_tests!(suite(), block_on);
}

mod bounded {
    use super::*;

    /// More than any case creates.
    const MOST: NonZeroUsize = NonZeroUsize::MIN.saturating_add(1_999);

    fn suite() -> StoreSuite {
        StoreSuite::new(|| async { Arc::new(MemoryStore::bounded(MOST)) }).spawner(spawn_thread)
    }

    store_tests!(suite(), block_on);
}

#[test]
fn a_store_behind_pointers_is_the_same_store() {
    let suite = StoreSuite::new(|| async {
        let store: Box<dyn Store> = Box::new(Arc::new(MemoryStore::new()));
        Arc::new(store)
    });
    block_on(suite.run()).assert_passed();
}

mod when_full {
    use std::num::NonZeroU32;

    use cloakroom_core::{
        Admission, Admitted, ErrorKind, Put, Record, Scope, SessionLimit, StoreError, StoreKey, Timestamp,
        UserId, Verifier, Version, WhenFull,
    };

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

    fn key(number: u8) -> StoreKey {
        StoreKey::from_bytes([number; 32])
    }

    /// A record that ends so many milliseconds from now.
    fn record(ends: i64) -> Record {
        let expires = Timestamp::from_millis(NOW.as_millis() + ends);
        let verifier = Verifier::from_bytes(&[7; 40]).unwrap();
        Record { expires, verifier, ..Record::new(cloakroom_core::Lifetime::default(), NOW) }
    }

    fn create(store: &MemoryStore, number: u8, ends: i64) -> Result<Version, ErrorKind> {
        block_on(store.put(&key(number), Put::New, &record(ends), NOW)).map_err(|error| error.kind())
    }

    /// A full store of three live records, under the keys 0, 1 and 2, each at its version.
    fn full() -> (MemoryStore, Vec<Version>) {
        let store = MemoryStore::bounded(NonZeroUsize::MIN.saturating_add(2));
        let versions = (0..3).map(|number| create(&store, number, 1_000).unwrap()).collect();
        (store, versions)
    }

    #[test]
    fn a_creation_is_refused_and_nobody_is_pushed_out() {
        let (store, _) = full();
        assert_eq!(create(&store, 9, 1_000), Err(ErrorKind::Overloaded));
        assert_eq!(block_on(store.count(&Scope::All, NOW)).unwrap(), 3);
        assert_eq!(create(&store, 0, 1_000), Err(ErrorKind::Conflict));
    }

    #[test]
    fn what_is_there_can_be_saved_and_renamed() -> Result<(), StoreError> {
        let (store, mut versions) = full();
        let version = versions.remove(0);
        let version = block_on(store.put(&key(0), Put::At(version), &record(2_000), NOW))?;
        block_on(store.rename(&key(0), version, &key(9), &record(2_000), NOW))?;
        assert_eq!(create(&store, 8, 1_000), Err(ErrorKind::Overloaded));
        Ok(())
    }

    #[test]
    fn expired_records_make_room() {
        let (store, _) = full();
        let later = Timestamp::from_millis(NOW.as_millis() + 1_000);
        for number in 3..6 {
            block_on(store.put(&key(number), Put::New, &record(9_000), later)).unwrap();
        }
        let refused = block_on(store.put(&key(6), Put::New, &record(9_000), later));
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::Overloaded);
    }

    #[test]
    fn every_way_of_removing_gives_places_back() {
        type Remove = fn(&MemoryStore, Vec<Version>) -> usize;
        let ways: [Remove; 4] = [
            |store, _| {
                block_on(store.delete(&key(0))).unwrap();
                block_on(store.delete(&key(0))).unwrap();
                1
            },
            |store, _| {
                block_on(store.end(&Scope::All, Some(&key(1)), NOW)).unwrap();
                2
            },
            |store, _| {
                let later = Timestamp::from_millis(NOW.as_millis() + 1_000);
                block_on(store.sweep(NonZeroU32::MIN, later)).unwrap();
                1
            },
            |store, mut versions| {
                // Onto a record that has expired: two become one.
                let version = block_on(store.put(&key(0), Put::At(versions.remove(0)), &record(1), NOW));
                version.unwrap();
                let later = Timestamp::from_millis(NOW.as_millis() + 1);
                block_on(store.rename(&key(1), versions.remove(0), &key(0), &record(2_000), later)).unwrap();
                1
            },
        ];
        for (way, remove) in ways.into_iter().enumerate() {
            let (store, versions) = full();
            let places = remove(&store, versions);
            let made = (100..110).filter(|number| create(&store, *number, 5_000).is_ok()).count();
            assert_eq!(made, places, "places after way {way}");
        }
    }

    /// Somebody signs in under the first record as the mark, to one session at most.
    fn admit(store: &MemoryStore, mark: &Version, number: u8) -> Result<usize, ErrorKind> {
        let limit = SessionLimit { most: NonZeroU32::MIN, when_full: WhenFull::EndOldest };
        let admission = Admission { mark: key(0), version: mark.clone(), limit: Some(limit) };
        let record = Record { user: Some(UserId::new("ada").unwrap()), ..record(1_000) };
        match block_on(store.admit(&key(number), Put::New, &record, &admission, NOW)) {
            Ok(Admitted::In { ended, .. }) => Ok(ended.len()),
            Ok(Admitted::Full | Admitted::Superseded) => unreachable!("nothing stands in the way"),
            Err(error) => Err(error.kind()),
        }
    }

    #[test]
    fn a_sign_in_is_refused_and_nobody_else_is_pushed_out() {
        let (store, versions) = full();
        assert_eq!(admit(&store, &versions[0], 9), Err(ErrorKind::Overloaded));
        assert_eq!(block_on(store.count(&Scope::All, NOW)).unwrap(), 3);
    }

    #[test]
    fn a_sign_in_takes_the_place_of_the_session_that_it_ends() {
        let (store, versions) = full();
        block_on(store.delete(&key(2))).unwrap();
        assert_eq!(admit(&store, &versions[0], 10), Ok(0));
        for number in 11..20 {
            assert_eq!(admit(&store, &versions[0], number), Ok(1));
            assert_eq!(create(&store, 99, 1_000), Err(ErrorKind::Overloaded));
        }
        block_on(store.delete(&key(1))).unwrap();
        assert_eq!((create(&store, 98, 1_000).is_ok(), create(&store, 99, 1_000).is_ok()), (true, false));
    }

    #[test]
    fn expired_records_make_room_for_a_sign_in() {
        let (store, versions) = full();
        let version = block_on(store.put(&key(2), Put::At(versions[2].clone()), &record(0), NOW));
        version.unwrap();
        assert_eq!(admit(&store, &versions[0], 10), Ok(0));
        assert_eq!(create(&store, 99, 1_000), Err(ErrorKind::Overloaded));
    }

    #[test]
    fn creations_at_once_never_exceed_the_bound() {
        let store = Arc::new(MemoryStore::bounded(NonZeroUsize::MIN.saturating_add(9)));
        let threads: Vec<_> = (0..8)
            .map(|thread| {
                let store = Arc::clone(&store);
                let creations = move || {
                    let keys = (0..20).map(|number| thread * 20 + number);
                    keys.filter(|number| create(&store, *number, 1_000).is_ok()).count()
                };
                std::thread::spawn(creations)
            })
            .collect();
        let made: usize = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
        assert_eq!(made, 10);
        assert_eq!(block_on(store.count(&Scope::All, NOW)).unwrap(), 10);
    }
}
