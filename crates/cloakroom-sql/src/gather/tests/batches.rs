//! Which operations make a batch.

use std::num::NonZeroUsize;

use cloakroom_core::{ErrorKind, Operation as Verb, StoreError};
use tokio::time::Instant;

use super::{Next, Stage, admit, assert_failed, count, delete, end, load, rename, settle, submit, touch};
use crate::gather::{Connections, Gathering};
use crate::operation::{Answer, Operation};

#[tokio::test(start_paused = true)]
async fn a_lone_operation_waits_for_no_timer() {
    let mut stage = Stage::new(Gathering::default());
    let before = Instant::now();
    for number in 0..3 {
        let submitted = submit(&stage.gather, load(number)).await;
        let batch = stage.batch().await;
        assert_eq!(batch.operations, [format!("load {number}")]);
        batch.succeed();
        submitted.await.unwrap();
    }
    // A paused clock moves only when a task waits for a timer and nothing else can run.
    assert_eq!(Instant::now(), before);
}

#[tokio::test(start_paused = true)]
async fn what_arrives_while_a_batch_runs_is_the_next_batch() {
    let mut stage = Stage::new(Gathering::default());
    let first = submit(&stage.gather, delete(9)).await;
    let running = stage.batch().await;
    let mut waiting = Vec::new();
    for number in [5, 1, 3] {
        waiting.push(submit(&stage.gather, delete(number)).await);
        settle().await;
    }
    assert!(stage.batches.try_recv().is_err(), "one worker runs one batch at a time");
    running.succeed();
    first.await.unwrap();
    let next = stage.batch().await;
    assert_eq!(next.operations, ["delete 1", "delete 3", "delete 5"], "sorted by key");
    next.succeed();
    for submitted in waiting {
        submitted.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn every_caller_gets_its_own_outcome() {
    let mut stage = Stage::new(Gathering::default());
    let first = submit(&stage.gather, delete(9)).await;
    let running = stage.batch().await;
    let three = submit(&stage.gather, touch(3, 0)).await;
    let one = submit(&stage.gather, touch(1, 0)).await;
    let two = submit(&stage.gather, touch(2, 0)).await;
    running.succeed();
    first.await.unwrap();
    let batch = stage.batch().await;
    assert_eq!(batch.operations, ["touch 1 at 0", "touch 2 at 0", "touch 3 at 0"]);
    // One failing row is that caller's error and nobody else's.
    let gone = StoreError::new(ErrorKind::Gone, Verb::Touch, "scripted");
    batch.go_on(Next::Answer(vec![Ok(Answer::Version(1)), Err(gone), Ok(Answer::Version(3))]));
    assert!(matches!(one.await, Ok(Answer::Version(1))));
    assert_failed(&two.await, ErrorKind::Gone);
    assert!(matches!(three.await, Ok(Answer::Version(3))));
}

#[tokio::test(start_paused = true)]
async fn a_batch_has_a_largest_size() {
    let gathering = Gathering::default().with_batch(NonZeroUsize::new(2).unwrap());
    let batches = batches_of(gathering, [load(4), load(3), load(2), load(1), load(5)]).await;
    assert_eq!(batches, ["load 3, load 4", "load 1, load 2", "load 5"], "first come, first served");
}

#[tokio::test(start_paused = true)]
async fn operations_on_one_key_run_in_order_and_never_together() {
    let operations = [touch(1, 10), touch(2, 20), touch(1, 11), delete(1), touch(2, 21), touch(3, 30)];
    let batches = batches_of(Gathering::default(), operations).await;
    assert_eq!(
        batches,
        ["touch 1 at 10, touch 2 at 20, touch 3 at 30", "touch 1 at 11, touch 2 at 21", "delete 1"]
    );
}

#[tokio::test(start_paused = true)]
async fn two_loads_of_one_key_never_share_a_batch() {
    let batches = batches_of(Gathering::default(), [load(1), load(1), load(2)]).await;
    assert_eq!(batches, ["load 1, load 2", "load 1"]);
}

#[tokio::test(start_paused = true)]
async fn a_rename_stands_for_both_its_keys() {
    let batches = batches_of(Gathering::default(), [rename(1, 2), delete(2), delete(1), delete(3)]).await;
    assert_eq!(batches, ["rename 1 to 2, delete 3", "delete 1, delete 2"]);
}

#[tokio::test(start_paused = true)]
async fn nothing_overtakes_an_operation_that_was_passed_over() {
    // The rename waits for the touch of 1; the touch of 2 came after the rename and must run after it.
    let batches = batches_of(Gathering::default(), [touch(1, 10), rename(1, 2), touch(2, 20)]).await;
    assert_eq!(batches, ["touch 1 at 10", "rename 1 to 2", "touch 2 at 20"]);
}

#[tokio::test(start_paused = true)]
async fn a_statement_over_many_sessions_runs_alone() {
    let batches = batches_of(Gathering::default(), [delete(1), delete(2), end(), delete(3), end()]).await;
    assert_eq!(batches, ["delete 1, delete 2", "end", "delete 3", "end"]);
    let batches = batches_of(Gathering::default(), [touch(1, 1), admit(), delete(2), delete(3)]).await;
    assert_eq!(batches, ["touch 1 at 1", "admit", "delete 2, delete 3"]);
}

#[tokio::test(start_paused = true)]
async fn on_one_connection_loads_and_writes_take_turns() {
    let gathering = Gathering::default().with_connections(Connections::One);
    let batches = batches_of(gathering, [delete(1), load(2), delete(3), load(4), count(), delete(5)]).await;
    assert_eq!(batches, ["delete 1, delete 3", "load 2, load 4", "count", "delete 5"]);
}

#[tokio::test(start_paused = true)]
async fn on_two_connections_a_load_does_not_wait_for_a_write() {
    let mut stage = Stage::new(Gathering::default());
    let write = submit(&stage.gather, delete(1)).await;
    let writing = stage.batch().await;
    let read = submit(&stage.gather, load(1)).await;
    let reading = stage.batch().await;
    assert_eq!(reading.operations, ["load 1"]);
    let more = submit(&stage.gather, load(2)).await;
    let yet_more = submit(&stage.gather, delete(2)).await;
    stage.no_batch().await;
    assert_eq!(stage.made(), 2, "never more workers than connections");
    reading.succeed();
    read.await.unwrap();
    stage.batch().await.succeed();
    more.await.unwrap();
    writing.succeed();
    write.await.unwrap();
    stage.batch().await.succeed();
    yet_more.await.unwrap();
}

/// The batches that `operations` make when all of them wait while another batch runs.
async fn batches_of<const N: usize>(gathering: Gathering, operations: [Operation; N]) -> Vec<String> {
    let mut stage = Stage::new(gathering);
    let blockers: &[fn() -> Operation] = match gathering.connections() {
        Connections::One => &[|| load(250)],
        Connections::Two => &[|| load(250), || delete(251)],
    };
    let mut submitted = Vec::new();
    let mut blocking = Vec::new();
    for blocker in blockers {
        submitted.push(submit(&stage.gather, blocker()).await);
        blocking.push(stage.batch().await);
    }
    for operation in operations {
        submitted.push(submit(&stage.gather, operation).await);
    }
    for batch in blocking {
        batch.succeed();
    }
    let mut batches = Vec::new();
    while batches.iter().map(Vec::len).sum::<usize>() < N {
        let batch = stage.batch().await;
        batches.push(batch.operations.clone());
        batch.succeed();
    }
    for outcome in submitted {
        outcome.await.unwrap();
    }
    batches.into_iter().map(|batch| batch.join(", ")).collect()
}
