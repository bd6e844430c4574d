//! A database that cannot be reached: what waits is not begun, and its callers are told so.

use std::num::NonZeroUsize;
use std::time::Duration;

use cloakroom_core::ErrorKind;
use futures_util::future::join_all;
use tokio::time::{Instant, advance};

use super::{Obstacle, Stage, Submitted, assert_failed, delete, load, poll_once, settle, submit};
use crate::failure::Cause;
use crate::gather::{Connections, Gathering, Retry};

/// Without retries, so that every failure is seen.
fn once() -> Gathering {
    Gathering::default().with_retry(Retry::never())
}

#[tokio::test(start_paused = true)]
async fn what_no_connection_was_made_for_was_not_begun() {
    let limit = Duration::from_millis(300);
    let mut stage = Stage::new(once().with_time_limit(limit));
    stage.obstruct(Obstacle::Hangs);
    let before = Instant::now();
    let write = submit(&stage.gather, delete(1)).await;
    let read = submit(&stage.gather, load(1)).await;
    advance(Duration::from_millis(200)).await;
    let late = submit(&stage.gather, delete(2)).await;
    // Unknown would make a caller ask whether its write was applied.
    assert_failed(&write.await, ErrorKind::Unavailable);
    assert_failed(&read.await, ErrorKind::Unavailable);
    assert_failed(&late.await, ErrorKind::Unavailable);
    assert_eq!(Instant::now() - before, limit + Duration::from_millis(200), "each has all of its time");
    settle().await;
    assert_eq!(stage.alive(), 0, "the connections that were never made are given up");

    stage.obstruct(None);
    let write = submit(&stage.gather, delete(3)).await;
    let batch = stage.batch().await;
    assert_eq!(batch.operations, ["delete 3"], "nothing of before is begun later");
    batch.succeed();
    write.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_database_that_refuses_is_told_to_everyone_who_waits_at_once() {
    for (cause, kind) in [
        (Cause::Unreachable, ErrorKind::Unavailable),
        (Cause::Refused(ErrorKind::Refused), ErrorKind::Refused),
        (Cause::Refused(ErrorKind::Unavailable), ErrorKind::Unavailable),
    ] {
        let stage = Stage::new(once());
        stage.obstruct(Obstacle::Refuses(cause));
        let before = Instant::now();
        let mut waiting = Vec::new();
        for number in 0..100 {
            waiting.push(submit(&stage.gather, delete(number)).await);
        }
        for outcome in join_all(waiting).await {
            assert_failed(&outcome, kind);
            let source = std::error::Error::source(&outcome.unwrap_err()).map(ToString::to_string);
            assert_eq!(source.as_deref(), Some("the script says so"));
        }
        assert_eq!(Instant::now(), before);
        assert_eq!(stage.prepared(), 1, "a hundred requests are one attempt to connect");
    }
}

#[tokio::test(start_paused = true)]
async fn what_arrives_while_a_connection_is_made_is_in_the_first_batch() {
    let mut stage = Stage::new(once());
    stage.obstruct(Obstacle::Takes(Duration::from_secs(1)));
    let mut waiting = Vec::new();
    for number in 2..5 {
        waiting.push(submit(&stage.gather, delete(number)).await);
        settle().await;
    }
    assert_eq!(stage.prepared(), 1);
    let batch = stage.batch().await;
    assert_eq!(batch.operations, ["delete 2", "delete 3", "delete 4"]);
    batch.succeed();
    for outcome in waiting {
        outcome.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_for_which_nobody_waits_any_more_begins_nothing() {
    let mut stage = Stage::new(once());
    let gone = submit(&stage.gather, delete(1)).await;
    drop(gone);
    stage.no_batch().await;
    assert_eq!(stage.prepared(), 0, "a worker that finds nothing asks for nothing");
    let stays = submit(&stage.gather, delete(2)).await;
    let batch = stage.batch().await;
    assert_eq!(batch.operations, ["delete 2"]);
    batch.succeed();
    stays.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_panic_while_connecting_is_told_and_the_executor_replaced() {
    let mut stage = Stage::new(once());
    stage.obstruct(Obstacle::Panics);
    let first = submit(&stage.gather, delete(1)).await;
    assert_failed(&first.await, ErrorKind::Unavailable);
    stage.obstruct(None);
    let second = submit(&stage.gather, delete(2)).await;
    stage.batch().await.succeed();
    second.await.unwrap();
    assert_eq!((stage.made(), stage.alive()), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn asvs_13_1_2_a_store_that_accepts_and_never_answers_piles_up_no_requests() {
    const REQUESTS: u8 = 200;
    let queue = 5;
    for connections in [Connections::One, Connections::Two] {
        for hangs in [Obstacle::Hangs.into(), None] {
            let gathering =
                once().with_connections(connections).with_queue(NonZeroUsize::new(queue).unwrap());
            let stage = Stage::new(gathering);
            stage.obstruct(hangs);
            // One batch that hangs with the executor, if it gets one.
            let mut waiting = vec![submit(&stage.gather, delete(255)).await];
            settle().await;
            let mut overloaded = 0;
            for number in 0..REQUESTS {
                let gather = std::sync::Arc::clone(&stage.gather);
                let mut submitted: Submitted = Box::pin(async move { gather.submit(delete(number)).await });
                match poll_once(&mut submitted).await {
                    Some(outcome) => {
                        assert_failed(&outcome, ErrorKind::Overloaded);
                        overloaded += 1;
                    }
                    None => waiting.push(submitted),
                }
            }
            let begun = usize::from(hangs.is_none());
            assert_eq!(waiting.len(), queue + begun, "{connections:?}");
            assert_eq!(overloaded + waiting.len(), usize::from(REQUESTS) + 1);
            for outcome in join_all(waiting).await {
                assert!(outcome.is_err());
            }
        }
    }
}
