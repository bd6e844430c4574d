//! Every decorator is a store and passes the store contract.

use std::future::poll_fn;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::task::Poll;

use cloakroom_conformance::{
    Call, DelayingStore, FailingStore, Fault, Moment, Orders, Outcome, Release, Schedule, SpyStore,
    StoreSuite, block_on, spawn_thread, store_tests,
};
use cloakroom_core::{
    Admission, ErrorKind, Lifetime, MemoryStore, Operation, Page, Put, Record, Scope, Store, StoreKey,
    Timestamp, Touch, Verifier, Version,
};
use futures_util::future::join;

const NOW: Timestamp = Timestamp::from_millis(1_000);

mod spied {
    use super::*;

    fn suite() -> StoreSuite {
        StoreSuite::new(|| async { Arc::new(SpyStore::new(MemoryStore::new())) }).spawner(spawn_thread)
    }

    store_tests!(suite(), block_on);
}

mod never_delayed {
    use super::*;

    fn suite() -> StoreSuite {
        StoreSuite::new(|| async { Arc::new(DelayingStore::new(MemoryStore::new())) }).spawner(spawn_thread)
    }

    store_tests!(suite(), block_on);
}

mod never_scheduled {
    use super::*;

    fn suite() -> StoreSuite {
        let schedule = || Schedule::new([Moment::Before, Moment::After]);
        StoreSuite::new(move || async move { Arc::new(schedule().store(0, MemoryStore::new())) })
            .spawner(spawn_thread)
    }

    store_tests!(suite(), block_on);
}

mod never_failing {
    use super::*;

    fn suite() -> StoreSuite {
        StoreSuite::new(|| async { Arc::new(FailingStore::new(MemoryStore::new())) }).spawner(spawn_thread)
    }

    store_tests!(suite(), block_on);
}

/// A session of nobody.
fn record() -> Record {
    let verifier = Verifier::from_bytes(&[7; 40]).unwrap_or_default();
    Record { verifier, ..Record::new(Lifetime::default(), NOW) }
}

/// Calls every verb once and says which operations that should show.
async fn every_verb(store: &dyn Store) -> Vec<Operation> {
    let (one, two) = (StoreKey::from_bytes([1_u8; 32]), StoreKey::from_bytes([2_u8; 32]));
    let record = record();
    let page = Page { after: None, limit: NonZeroU32::MIN };
    let version = Version::number(1);
    let touch = Touch { version: version.clone(), seen: NOW, expires: NOW };
    let _ = store.load(&one, NOW).await;
    let _ = store.put(&one, Put::New, &record, NOW).await;
    let _ = store.put(&one, Put::At(version.clone()), &record, NOW).await;
    let admission = Admission { mark: one.clone(), version: version.clone(), limit: None };
    let _ = store.admit(&two, Put::New, &record, &admission, NOW).await;
    let _ = store.touch(&one, touch, NOW).await;
    let _ = store.rename(&one, version, &two, &record, NOW).await;
    let _ = store.delete(&two).await;
    let _ = store.sweep(NonZeroU32::MIN, NOW).await;
    let _ = store.list(&Scope::All, page, NOW).await;
    let _ = store.count(&Scope::All, NOW).await;
    let _ = store.end(&Scope::All, None, NOW).await;
    vec![
        Operation::Load,
        Operation::Create,
        Operation::Save,
        Operation::Admit,
        Operation::Touch,
        Operation::Rename,
        Operation::Delete,
        Operation::Sweep,
        Operation::List,
        Operation::Count,
        Operation::End,
    ]
}

#[test]
fn the_spy_sees_every_verb_and_its_outcome() {
    let store = SpyStore::new(MemoryStore::new());
    let log = store.log();
    let expected = block_on(every_verb(&store));
    assert_eq!(log.take_operations(), expected);
    assert_eq!(log.take(), []);

    let key = StoreKey::from_bytes([1_u8; 32]);
    let record = record();
    let at_nothing = block_on(store.put(&key, Put::At(Version::number(9)), &record, NOW));
    assert_eq!(at_nothing.unwrap_err().kind(), ErrorKind::Gone);
    let calls = log.take();
    assert!(matches!(
        calls.as_slice(),
        [Call { operation: Operation::Save, outcome: Outcome::Failed(ErrorKind::Gone), .. }]
    ));
}

#[test]
fn the_spy_sees_futures_that_are_dropped() {
    let slow = DelayingStore::new(MemoryStore::new());
    let gate = slow.gate();
    gate.park(Operation::Load, Moment::Before);
    let store = SpyStore::new(slow);
    let key = StoreKey::from_bytes([1_u8; 32]);
    let load = store.load(&key, NOW);
    block_on(futures_util::future::select(load, Box::pin(gate.parked(1))));
    assert_eq!(store.log().take().first().map(|call| call.outcome), Some(Outcome::Dropped));
}

#[test]
fn a_fault_strikes_every_verb_before_or_after_its_effect() {
    for moment in [Moment::Before, Moment::After] {
        for kind in [ErrorKind::Unavailable, ErrorKind::Unknown] {
            let store = FailingStore::new(MemoryStore::new());
            let spy = SpyStore::new(store.clone());
            store.faults().add(Fault::new(kind).at(moment));
            block_on(every_verb(&spy));
            for call in spy.log().take() {
                match call.outcome {
                    Outcome::Failed(found) if found == kind => {}
                    // After an earlier verb had its effect, a later one may fail for a reason of its own.
                    Outcome::Failed(_) if moment == Moment::After => {}
                    outcome => panic!("{:?} ended as {outcome:?}", call.operation),
                }
            }
        }
    }
}

#[test]
fn a_fault_after_the_effect_leaves_the_effect() {
    let store = FailingStore::new(MemoryStore::new());
    let key = StoreKey::from_bytes([1_u8; 32]);
    let record = record();
    for (moment, expected) in [(Moment::Before, 0), (Moment::After, 1)] {
        store.faults().add(Fault::new(ErrorKind::Unknown).on(Operation::Create).nth(1).at(moment));
        assert!(block_on(store.put(&key, Put::New, &record, NOW)).is_err());
        assert_eq!(block_on(store.count(&Scope::All, NOW)).unwrap(), expected);
        store.faults().clear();
    }
}

#[test]
fn parked_verbs_go_in_the_order_in_which_they_are_released() {
    for moment in [Moment::Before, Moment::After] {
        let slow = DelayingStore::new(MemoryStore::new());
        let gate = slow.gate();
        gate.park(Operation::Create, moment);
        let key = StoreKey::from_bytes([1_u8; 32]);
        let record = record();
        let creations = join(slow.put(&key, Put::New, &record, NOW), slow.put(&key, Put::New, &record, NOW));
        let last_first = async {
            let mut parked = gate.parked(2).await;
            parked.pop().unwrap().release();
            // The released one runs before the other is let go.
            yield_now().await;
            drop(parked);
        };
        let ((first, second), ()) = block_on(join(creations, last_first));
        // Before the effect, whoever is released first wins; after it, whoever came first already has.
        assert_eq!((first.is_ok(), second.is_ok()), (moment == Moment::After, moment == Moment::Before));
    }
}

#[test]
fn an_open_gate_lets_everything_go() {
    let slow = DelayingStore::new(MemoryStore::new());
    let gate = slow.gate();
    gate.park(Operation::Load, Moment::Before);
    let key = StoreKey::from_bytes([1_u8; 32]);
    let open = async {
        drop(gate.parked(1).await);
        gate.open();
    };
    block_on(join(slow.load(&key, NOW), open)).0.unwrap();
    block_on(slow.load(&key, NOW)).unwrap();
}

async fn yield_now() {
    let mut yielded = false;
    poll_fn(|context| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[test]
fn every_order_of_calls_and_answers_is_tried_once() {
    let mut orders = Orders::new();
    let mut traces = std::collections::BTreeSet::new();
    while orders.begin() {
        let schedule = Schedule::new([Moment::Before, Moment::After]);
        let store = Arc::new(MemoryStore::new());
        let actors = (0..2).map(|actor| {
            let store = schedule.store(actor, Arc::clone(&store));
            async move { every_verb(&store).await.len().min(1) }
        });
        // The orders of eleven calls each would be too many: the first calls are interleaved, the rest follow.
        let mut trace = Vec::new();
        let played = block_on(schedule.run(actors, |waiting| {
            let chosen = if trace.len() < 6 { orders.choose(waiting.len()) } else { 0 };
            trace.push(waiting[chosen]);
            Release::One(chosen)
        }));
        assert_eq!(played, [1, 1]);
        assert_eq!(trace.len(), 44, "eleven calls, two moments, two actors");
        for actor in 0..2 {
            let own: Vec<_> = trace.iter().filter(|waiting| waiting.actor == actor).collect();
            let calls: Vec<_> = own.iter().step_by(2).map(|waiting| waiting.operation).collect();
            assert_eq!(calls, block_on(every_verb(&*store)));
            assert!(
                own.chunks(2).all(|pair| [pair[0].moment, pair[1].moment] == [Moment::Before, Moment::After])
            );
        }
        traces.insert(trace.iter().map(|waiting| waiting.actor).collect::<Vec<_>>());
    }
    assert_eq!(traces.len(), 1 << 6, "every order, and none twice");
}

#[test]
fn an_actor_that_gives_up_a_call_does_not_stop_the_others() {
    let schedule = Schedule::new([Moment::Before]);
    let store = Arc::new(MemoryStore::new());
    let key = StoreKey::from_bytes([1_u8; 32]);
    let actors = (0..3).map(|actor| {
        let (store, key) = (schedule.store(actor, Arc::clone(&store)), key.clone());
        async move {
            if actor == 0 {
                let mut load = store.load(&key, NOW);
                poll_fn(|context| Poll::Ready(load.as_mut().poll(context).is_pending())).await
            } else {
                store.load(&key, NOW).await.is_ok()
            }
        }
    });
    let mut released = 0;
    let played = block_on(schedule.run(actors, |waiting| {
        assert!(waiting.iter().all(|waiting| waiting.actor != 0));
        released += waiting.len();
        Release::All
    }));
    assert_eq!((played, released), (vec![true; 3], 2));
}
