//! Operations that are tried again.

use std::time::Duration;

use cloakroom_core::{ErrorKind, Operation as Verb, StoreError};
use tokio::time::{Instant, advance};

use super::{Next, Obstacle, Stage, assert_failed, delete, load, poll_once, settle, submit};
use crate::failure::Cause;
use crate::gather::{Gathering, Retry};
use crate::operation::Outcome;

fn failed(kind: ErrorKind, verb: Verb) -> Outcome {
    Err(StoreError::new(kind, verb, "scripted"))
}

#[tokio::test(start_paused = true)]
async fn a_database_that_is_back_in_a_moment_is_not_noticed() {
    let mut stage = Stage::new(Gathering::default());
    stage.obstruct(Obstacle::Refuses(Cause::Unreachable));
    let before = Instant::now();
    let mut write = submit(&stage.gather, delete(1)).await;
    settle().await;
    assert!(poll_once(&mut write).await.is_none(), "it pauses");
    stage.obstruct(None);
    let write = tokio::spawn(write);
    let batch = stage.batch().await;
    let pause = Instant::now() - before;
    assert!(pause >= Duration::from_millis(25) && pause <= Duration::from_millis(51), "{pause:?}");
    batch.succeed();
    write.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_load_whose_answer_was_lost_is_made_again_and_a_write_is_not() {
    let mut stage = Stage::new(Gathering::default());
    let read = submit(&stage.gather, load(1)).await;
    let lost = vec![failed(ErrorKind::Unknown, Verb::Load)];
    let reading = tokio::spawn(read);
    stage.batch().await.go_on(Next::Answer(lost));
    stage.batch().await.succeed();
    reading.await.unwrap().unwrap();

    let write = submit(&stage.gather, delete(1)).await;
    stage.batch().await.go_on(Next::Answer(vec![failed(ErrorKind::Unknown, Verb::Delete)]));
    assert_failed(&write.await, ErrorKind::Unknown);
    stage.no_batch().await;

    // The database undid it, for which it says so: a shutdown, a deadlock.
    let write = tokio::spawn(submit(&stage.gather, delete(1)).await);
    stage.batch().await.go_on(Next::Answer(vec![failed(ErrorKind::Unavailable, Verb::Delete)]));
    stage.batch().await.succeed();
    write.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_operation_that_keeps_failing_fails_in_the_end() {
    let stage = Stage::new(Gathering::default());
    stage.obstruct(Obstacle::Refuses(Cause::Unreachable));
    let before = Instant::now();
    assert_failed(&stage.gather.submit(delete(1)).await, ErrorKind::Unavailable);
    assert_eq!(stage.prepared(), 1 + 3);
    let pauses = Instant::now() - before;
    assert!(pauses >= Duration::from_millis(175) && pauses <= Duration::from_millis(353), "{pauses:?}");
}

#[tokio::test(start_paused = true)]
async fn retries_do_not_lengthen_the_time_limit() {
    let limit = Duration::from_millis(200);
    let retry = Retry::default().with_times(u32::MAX).with_pause(Duration::from_millis(20));
    let stage = Stage::new(Gathering::default().with_time_limit(limit).with_retry(retry));
    stage.obstruct(Obstacle::Refuses(Cause::Unreachable));
    let before = Instant::now();
    assert_failed(&stage.gather.submit(delete(1)).await, ErrorKind::Unavailable);
    assert!(Instant::now() - before <= limit / 5 * 4 + Duration::from_millis(1));

    // The last attempt has only what is left.
    let stage = Stage::new(Gathering::default().with_time_limit(limit).with_retry(retry));
    stage.obstruct(Obstacle::Refuses(Cause::Unreachable));
    let before = Instant::now();
    let mut write = submit(&stage.gather, delete(1)).await;
    settle().await;
    assert!(poll_once(&mut write).await.is_none());
    stage.obstruct(Obstacle::Hangs);
    assert_failed(&write.await, ErrorKind::Unavailable);
    assert!(Instant::now() - before <= limit + Duration::from_millis(1));
}

#[tokio::test(start_paused = true)]
async fn asvs_13_1_3_a_dead_database_is_not_hammered() {
    const OPERATIONS: usize = 1_000;
    let stage = Stage::new(Gathering::default());
    stage.obstruct(Obstacle::Refuses(Cause::Unreachable));
    for _ in 0..OPERATIONS {
        assert_failed(&stage.gather.submit(delete(1)).await, ErrorKind::Unavailable);
    }
    // Ten in a hundred and ten in reserve. Without a budget it would be four thousand.
    let attempts = stage.prepared();
    assert!(attempts > OPERATIONS && attempts <= OPERATIONS + OPERATIONS / 10 + 10, "{attempts}");
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_goes_away_while_it_pauses_is_not_tried_again() {
    let mut stage = Stage::new(Gathering::default());
    stage.obstruct(Obstacle::Refuses(Cause::Unreachable));
    let mut write = submit(&stage.gather, delete(1)).await;
    settle().await;
    assert!(poll_once(&mut write).await.is_none());
    drop(write);
    stage.obstruct(None);
    advance(Duration::from_secs(1)).await;
    stage.no_batch().await;
    assert_eq!(stage.prepared(), 1);
}
