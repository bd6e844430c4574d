//! What the memory store does under several of its locks is one step for everybody else.
//!
//! Its records lie in shards with a mutex each. A verb about one key holds one mutex from its first look to its last
//! change, so no order of threads can come between; there is no lock-free code that a model checker such as loom or
//! shuttle could find a hidden order in, but for two counters. Three things cross shards, and threads try those here:
//! `rename` holds the locks of both keys, `list`, `count` and `end` hold all of them, and the bounded store's count of
//! places is kept beside the locks. The threads meet at a barrier in every round, so that they collide often.

use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::scope;

use cloakroom::{
    ErrorKind, Lifetime, Loaded, MemoryStore, Page, Put, Record, Scope, Store, StoreKey, Timestamp, UserId,
    Verifier, Version,
};
use cloakroom_conformance::{Dice, block_on, effort, seed};

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

fn key(number: u64) -> StoreKey {
    let mut bytes = [0_u8; 32];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    StoreKey::from_bytes(bytes)
}

fn record() -> Record {
    let (user, verifier) = (UserId::new("ann").ok(), Verifier::from_bytes(&[7; 40]).unwrap());
    Record { user, verifier, ..Record::new(Lifetime::default(), NOW) }
}

fn create(store: &MemoryStore, key: &StoreKey) -> Result<Version, ErrorKind> {
    block_on(store.put(key, Put::New, &record(), NOW)).map_err(|error| error.kind())
}

#[test]
fn a_session_that_moves_from_shard_to_shard_is_always_counted_once() {
    let store = MemoryStore::new();
    let mut version = create(&store, &key(0)).unwrap();
    let moving = AtomicBool::new(true);
    let page = Page { after: None, limit: NonZeroU32::MAX };
    scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while moving.load(Ordering::SeqCst) {
                    assert_eq!(block_on(store.count(&Scope::All, NOW)).unwrap(), 1);
                    assert_eq!(block_on(store.list(&Scope::All, page.clone(), NOW)).unwrap().len(), 1);
                }
            });
        }
        for step in 0..5_000 * u64::from(effort()) {
            let (from, to) = (key(step), key(step + 1));
            version = block_on(store.rename(&from, version.clone(), &to, &record(), NOW)).unwrap();
        }
        moving.store(false, Ordering::SeqCst);
    });
}

#[test]
fn r01_asvs_15_4_1_a_session_cannot_slip_away_from_its_end_by_moving() {
    let user = Scope::User(UserId::new("ann").unwrap());
    for round in 0..300 * u64::from(effort()) {
        let store = MemoryStore::new();
        let first = create(&store, &key(0)).unwrap();
        let barrier = Barrier::new(2);
        scope(|scope| {
            let ending = scope.spawn(|| {
                barrier.wait();
                block_on(store.end(&user, None, NOW)).unwrap()
            });
            barrier.wait();
            let mut version = first;
            let mut step = 0;
            let refused = loop {
                let ended = ending.is_finished();
                match block_on(store.rename(&key(step), version, &key(step + 1), &record(), NOW)) {
                    Ok(_) if ended => panic!("a session lives on after its end, in round {round}"),
                    Ok(renamed) => (version, step) = (renamed, step + 1),
                    Err(error) => break error.kind(),
                }
            };
            assert_eq!((ending.join().unwrap(), refused), (1, ErrorKind::Gone), "round {round}");
        });
        assert_eq!(block_on(store.count(&Scope::All, NOW)).unwrap(), 0);
    }
}

/// Threads create, save, rename, delete, end and sweep a few keys; every place that is free afterwards can be taken, and
/// not one more.
#[test]
fn no_place_of_a_bounded_store_is_lost_or_given_twice() {
    const PLACES: u64 = 8;
    let mut dice = Dice::new(seed());
    for _ in 0..30 * effort() {
        let store = MemoryStore::bounded(NonZeroUsize::new(8).unwrap());
        let barrier = Barrier::new(3);
        let seeds: Vec<_> = (0..3).map(|_| dice.below(usize::MAX) as u64).collect();
        scope(|scope| {
            for seed in seeds {
                let (store, barrier) = (&store, &barrier);
                scope.spawn(move || {
                    let mut dice = Dice::new(seed);
                    barrier.wait();
                    for _ in 0..300 {
                        anything(store, &mut dice);
                    }
                });
            }
        });
        let live = block_on(store.count(&Scope::All, NOW)).unwrap();
        block_on(store.sweep(NonZeroU32::MAX, NOW)).unwrap();
        for place in live..PLACES {
            assert!(create(&store, &key(1_000 + place)).is_ok(), "a place was lost");
        }
        assert_eq!(create(&store, &key(2_000)), Err(ErrorKind::Overloaded), "a place was given twice");
    }
}

/// One verb about one of a few keys. What it answers depends on the other threads.
fn anything(store: &MemoryStore, dice: &mut Dice) {
    let (one, other) = (key(dice.below(12) as u64), key(dice.below(12) as u64));
    let version = match block_on(store.load(&one, NOW)).unwrap() {
        Loaded::Live(stored) => stored.version,
        Loaded::Expired | Loaded::Absent => Version::number(0),
    };
    let expired = Record { expires: NOW, ..record() };
    let _ = match dice.below(20) {
        0..6 => block_on(store.put(&one, Put::New, &record(), NOW)).map(drop),
        6..8 => block_on(store.put(&one, Put::New, &expired, NOW)).map(drop),
        8..10 => block_on(store.put(&one, Put::At(version), &record(), NOW)).map(drop),
        10..15 => block_on(store.rename(&one, version, &other, &record(), NOW)).map(drop),
        15..18 => block_on(store.delete(&one)),
        18 => block_on(store.sweep(NonZeroU32::new(2).unwrap(), NOW)).map(drop),
        _ => block_on(store.end(&Scope::All, Some(&one), NOW)).map(drop),
    };
}
