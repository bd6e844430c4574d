//! Callers that go away, at every point where they can.

use std::num::NonZeroUsize;

use cloakroom_core::ErrorKind;

use super::{Stage, assert_failed, delete, settle, submit};
use crate::gather::Gathering;

#[tokio::test(start_paused = true)]
async fn a_caller_that_never_began_leaves_nothing() {
    let mut stage = Stage::new(Gathering::default());
    drop(stage.gather.submit(delete(1)));
    stage.no_batch().await;
    assert_eq!(stage.made(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_a_gone_caller_wanted_is_not_done_unless_it_was_begun() {
    let mut stage = Stage::new(Gathering::default());
    let first = submit(&stage.gather, delete(1)).await;
    let batch = stage.batch().await;
    let gone = submit(&stage.gather, delete(2)).await;
    let stays = submit(&stage.gather, delete(3)).await;
    drop(gone);
    batch.succeed();
    first.await.unwrap();
    let batch = stage.batch().await;
    assert_eq!(batch.operations, ["delete 3"]);
    batch.succeed();
    stays.await.unwrap();
    stage.no_batch().await;
}

#[tokio::test(start_paused = true)]
async fn a_gone_caller_frees_its_place() {
    let mut stage = Stage::new(Gathering::default().with_queue(NonZeroUsize::MIN));
    let first = submit(&stage.gather, delete(1)).await;
    let batch = stage.batch().await;
    for _ in 0..3 {
        let gone = submit(&stage.gather, delete(2)).await;
        assert_failed(&stage.gather.submit(delete(3)).await, ErrorKind::Overloaded);
        drop(gone);
    }
    batch.succeed();
    first.await.unwrap();
    stage.no_batch().await;
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_goes_while_its_operation_runs_disturbs_nobody() {
    let mut stage = Stage::new(Gathering::default());
    let first = submit(&stage.gather, delete(9)).await;
    let batch = stage.batch().await;
    let goes = submit(&stage.gather, delete(1)).await;
    let stays = submit(&stage.gather, delete(2)).await;
    batch.succeed();
    first.await.unwrap();
    let batch = stage.batch().await;
    assert_eq!(batch.operations, ["delete 1", "delete 2"], "once begun it is done");
    drop(goes);
    batch.succeed();
    stays.await.unwrap();
    assert_eq!(stage.made(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_goes_before_it_has_read_its_answer_disturbs_nobody() {
    let mut stage = Stage::new(Gathering::default());
    let answered = submit(&stage.gather, delete(1)).await;
    stage.batch().await.succeed();
    settle().await;
    drop(answered);
    let next = submit(&stage.gather, delete(1)).await;
    stage.batch().await.succeed();
    next.await.unwrap();
}
