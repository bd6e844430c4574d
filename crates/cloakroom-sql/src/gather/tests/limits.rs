//! The length of the queue and the time limit.

use std::num::NonZeroUsize;
use std::time::Duration;

use cloakroom_core::ErrorKind;
use tokio::time::{Instant, advance};

use super::{Stage, assert_failed, delete, load, poll_once, settle, submit};
use crate::gather::Gathering;

#[tokio::test(start_paused = true)]
async fn a_full_queue_is_an_error_at_once() {
    let mut stage = Stage::new(Gathering::default().with_queue(NonZeroUsize::new(2).unwrap()));
    let running = submit(&stage.gather, delete(1)).await;
    let batch = stage.batch().await;
    let waiting = [submit(&stage.gather, delete(2)).await, submit(&stage.gather, delete(3)).await];
    let before = Instant::now();
    assert_failed(&stage.gather.submit(delete(4)).await, ErrorKind::Overloaded);
    assert_eq!(Instant::now(), before);
    // Loads have a queue of their own.
    let read = submit(&stage.gather, load(4)).await;
    stage.batch().await.succeed();
    read.await.unwrap();

    batch.succeed();
    running.await.unwrap();
    let batch = stage.batch().await;
    let again = submit(&stage.gather, delete(4)).await;
    batch.succeed();
    for submitted in waiting {
        submitted.await.unwrap();
    }
    stage.batch().await.succeed();
    again.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_was_begun_is_unknown_when_its_time_has_passed() {
    let limit = Duration::from_millis(300);
    let mut stage = Stage::new(Gathering::default().with_time_limit(limit));
    let before = Instant::now();
    for operation in [load(1), delete(1)] {
        let submitted = submit(&stage.gather, operation).await;
        let _hangs = stage.batch().await;
        assert_failed(&submitted.await, ErrorKind::Unknown);
    }
    assert_eq!(Instant::now() - before, limit * 2);
}

#[tokio::test(start_paused = true)]
async fn what_never_left_the_queue_was_not_begun_when_its_time_has_passed() {
    let mut stage = Stage::new(Gathering::default().with_time_limit(Duration::from_secs(5)));
    let running = submit(&stage.gather, delete(1)).await;
    let batch = stage.batch().await;
    advance(Duration::from_secs(3)).await;
    let mut write = submit(&stage.gather, delete(2)).await;
    let mut read = submit(&stage.gather, load(2)).await;
    let _reading = stage.batch().await;
    let mut waiting_read = submit(&stage.gather, load(2)).await;
    advance(Duration::from_millis(1_999)).await;
    assert!(poll_once(&mut write).await.is_none());
    batch.succeed();
    running.await.unwrap();
    let _writing = stage.batch().await;
    let mut late = submit(&stage.gather, delete(3)).await;
    // The executors' own time is still good; only the callers' has passed.
    advance(Duration::from_millis(3_001)).await;
    assert_failed(&poll_once(&mut write).await.unwrap(), ErrorKind::Unknown);
    assert_failed(&poll_once(&mut read).await.unwrap(), ErrorKind::Unknown);
    assert_failed(&poll_once(&mut waiting_read).await.unwrap(), ErrorKind::Unavailable);
    assert!(poll_once(&mut late).await.is_none(), "its time has not passed yet");
}

#[tokio::test(start_paused = true)]
async fn what_was_not_begun_in_time_is_never_begun() {
    let mut stage = Stage::new(Gathering::default());
    let first = submit(&stage.gather, delete(1)).await;
    let batch = stage.batch().await;
    advance(Duration::from_secs(1)).await;
    let second = submit(&stage.gather, delete(2)).await;
    let third = submit(&stage.gather, delete(2)).await;
    advance(Duration::from_secs(3)).await;
    batch.succeed();
    first.await.unwrap();
    let hanging = stage.batch().await;
    assert_eq!(hanging.operations, ["delete 2"]);
    assert_failed(&second.await, ErrorKind::Unknown);
    assert_failed(&third.await, ErrorKind::Unavailable);
    hanging.succeed();
    stage.no_batch().await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_in_the_last_moment_counts() {
    let mut stage = Stage::new(Gathering::default());
    let mut submitted = submit(&stage.gather, delete(1)).await;
    let batch = stage.batch().await;
    advance(Duration::from_millis(4_999)).await;
    batch.succeed();
    settle().await;
    advance(Duration::from_mins(1)).await;
    assert!(matches!(poll_once(&mut submitted).await, Some(Ok(_))));
}

#[tokio::test(start_paused = true)]
async fn a_stuck_database_holds_nobody_longer_than_the_limit() {
    // Nobody takes the batches from the channel, so every one of them hangs.
    let stage = Stage::new(Gathering::default().with_queue(NonZeroUsize::new(3).unwrap()));
    for round in 0..4 {
        let before = Instant::now();
        let mut submitted = Vec::new();
        for number in 0..3 {
            submitted.push(submit(&stage.gather, delete(number)).await);
        }
        for outcome in submitted {
            assert!(outcome.await.is_err());
        }
        assert_eq!(Instant::now() - before, Duration::from_secs(5), "round {round}");
    }
    // Each batch that did not end cost its executor, and with it the connection.
    settle().await;
    assert!(stage.made() >= 4);
    assert_eq!(stage.alive(), 0);
}
