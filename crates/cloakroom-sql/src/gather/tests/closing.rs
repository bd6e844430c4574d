//! Shutting down.

use std::time::Duration;

use cloakroom_core::ErrorKind;
use tokio::time::Instant;

use super::{Stage, assert_failed, delete, load, poll_once, settle, submit};
use crate::gather::Gathering;

#[tokio::test(start_paused = true)]
async fn closing_finishes_what_waits_and_refuses_what_comes() {
    let mut stage = Stage::new(Gathering::default());
    let Stage { gather, batches, executors: _ } = &mut stage;
    let write = submit(gather, delete(1)).await;
    let read = submit(gather, load(1)).await;
    let running = [batches.recv().await.unwrap(), batches.recv().await.unwrap()];
    let waiting = submit(gather, delete(2)).await;
    let mut close = Box::pin(gather.close());
    assert!(poll_once(&mut close).await.is_none());
    assert_failed(&gather.submit(delete(3)).await, ErrorKind::Closed);
    assert_failed(&gather.submit(load(3)).await, ErrorKind::Closed);
    for batch in running {
        batch.succeed();
    }
    write.await.unwrap();
    read.await.unwrap();
    assert!(poll_once(&mut close).await.is_none(), "an operation still waits");
    batches.recv().await.unwrap().succeed();
    waiting.await.unwrap();
    close.await;
    assert_eq!(stage.alive(), 0, "the connections are given back before close returns");
    assert_eq!(stage.made(), 2);
    stage.gather.close().await;
    assert_failed(&stage.gather.submit(load(3)).await, ErrorKind::Closed);
}

#[tokio::test(start_paused = true)]
async fn closing_what_was_never_used_starts_nothing() {
    let stage = Stage::new(Gathering::default());
    let before = Instant::now();
    stage.gather.close().await;
    assert_eq!(Instant::now(), before);
    assert_eq!(stage.made(), 0);
}

#[tokio::test]
async fn closing_ends_idle_workers() {
    for mut stage in [Stage::new(Gathering::default()), Stage::on_threads(Gathering::default())] {
        let submitted = submit(&stage.gather, delete(1)).await;
        stage.batch().await.succeed();
        submitted.await.unwrap();
        assert_eq!(stage.alive(), 1);
        stage.gather.close().await;
        assert_eq!(stage.alive(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn closing_does_not_wait_for_a_stuck_database() {
    let mut stage = Stage::new(Gathering::default().with_time_limit(Duration::from_secs(5)));
    let Stage { gather, batches, .. } = &mut stage;
    let begun = submit(gather, delete(1)).await;
    let _hangs = batches.recv().await.unwrap();
    tokio::time::advance(Duration::from_secs(1)).await;
    let before = Instant::now();
    let mut waiting = submit(gather, delete(2)).await;
    let close = gather.close();
    let (begun, ()) = tokio::join!(begun, close);
    assert_failed(&begun, ErrorKind::Unknown);
    // The worker gave the stuck batch up and went on to the waiting one, which hangs as well.
    assert!(Instant::now() - before <= Duration::from_secs(5));
    assert!(poll_once(&mut waiting).await.unwrap().is_err());
}

#[tokio::test(start_paused = true)]
async fn what_still_waits_when_closing_takes_too_long_was_not_begun() {
    let limit = Duration::from_secs(5);
    let mut stage = Stage::new(Gathering::default().with_time_limit(limit));
    let Stage { gather, batches, .. } = &mut stage;
    let mut close = Box::pin(gather.close());
    let begun = submit(gather, delete(1)).await;
    let _hangs = batches.recv().await.unwrap();
    assert!(poll_once(&mut close).await.is_none());
    tokio::time::advance(limit).await;
    close.await;
    assert_failed(&begun.await, ErrorKind::Unknown);
    assert_failed(&gather.submit(delete(2)).await, ErrorKind::Closed);
}

#[tokio::test]
async fn dropping_the_last_handle_ends_the_workers() {
    for mut stage in [Stage::new(Gathering::default()), Stage::on_threads(Gathering::default())] {
        let idle = submit(&stage.gather, load(1)).await;
        stage.batch().await.succeed();
        idle.await.unwrap();
        let begun = submit(&stage.gather, delete(1)).await;
        let batch = stage.batch().await;
        drop(begun);
        let Stage { gather, mut batches, executors } = stage;
        drop(gather);
        // What was begun is done, and then nobody is left to send another batch.
        batch.succeed();
        let next = tokio::time::timeout(Duration::from_mins(1), batches.recv()).await;
        assert!(next.expect("the workers end").is_none());
        settle().await;
        assert_eq!(executors.alive.load(std::sync::atomic::Ordering::SeqCst), 0);
    }
}
