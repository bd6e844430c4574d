//! Executors that panic, forget, or die with their runtime.

use cloakroom_core::ErrorKind;

use super::{Next, Stage, assert_failed, delete, load, settle, submit};
use crate::gather::{Connections, Gathering, Retry};
use crate::operation::Answer;

#[tokio::test(start_paused = true)]
async fn an_executor_that_panics_is_replaced_and_its_callers_are_told() {
    let mut stage = Stage::new(Gathering::default());
    let first = submit(&stage.gather, delete(1)).await;
    let batch = stage.batch().await;
    let waiting = submit(&stage.gather, delete(2)).await;
    batch.go_on(Next::Panic);
    assert_failed(&first.await, ErrorKind::Unknown);
    // What was not in its batch has not noticed.
    stage.batch().await.succeed();
    waiting.await.unwrap();
    assert_eq!(stage.made(), 2);
    assert_eq!(stage.alive(), 1);
}

#[tokio::test]
async fn an_executor_on_a_thread_that_panics_is_replaced_too() {
    let mut stage = Stage::on_threads(Gathering::default());
    let first = submit(&stage.gather, delete(1)).await;
    stage.batch().await.go_on(Next::Panic);
    assert_failed(&first.await, ErrorKind::Unknown);
    let second = submit(&stage.gather, delete(2)).await;
    stage.batch().await.succeed();
    second.await.unwrap();
    assert_eq!(stage.made(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_operation_that_an_executor_forgets_fails_and_the_others_do_not() {
    let mut stage = Stage::new(Gathering::default());
    let first = submit(&stage.gather, delete(9)).await;
    let running = stage.batch().await;
    let one = submit(&stage.gather, delete(1)).await;
    let two = submit(&stage.gather, delete(2)).await;
    running.succeed();
    first.await.unwrap();
    stage.batch().await.go_on(Next::Answer(vec![Ok(Answer::Done)]));
    one.await.unwrap();
    assert_failed(&two.await, ErrorKind::Unknown);
}

#[test]
fn a_worker_that_died_with_its_runtime_is_replaced_on_the_next_one() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let gathering = Gathering::default().with_connections(Connections::One).with_retry(Retry::never());
    let mut stage = Stage::new(gathering);
    let first = runtime();
    let begun = first.block_on(async {
        let submitted = submit(&stage.gather, load(1)).await;
        (submitted, stage.batch().await)
    });
    let second = runtime();
    let waiting = second.block_on(submit(&stage.gather, load(2)));
    drop(first);
    let (begun, _batch) = begun;
    second.block_on(async {
        assert_failed(&begun.await, ErrorKind::Unknown);
        assert_failed(&waiting.await, ErrorKind::Unavailable);
        let again = submit(&stage.gather, load(3)).await;
        stage.batch().await.succeed();
        again.await.unwrap();
    });
    assert_eq!(stage.made(), 2);
}

#[test]
fn outside_a_runtime_an_operation_fails_instead_of_panicking() {
    let stage = Stage::new(Gathering::default());
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let mut submitted = Box::pin(stage.gather.submit(load(1)));
    match submitted.as_mut().poll(&mut context) {
        std::task::Poll::Ready(outcome) => assert_failed(&outcome, ErrorKind::Unavailable),
        std::task::Poll::Pending => panic!("waits for a worker that nobody can start"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_runtime_that_was_given_is_used_whoever_asks() {
    let runtime = tokio::runtime::Handle::current();
    let mut stage = Stage::with(Gathering::default(), |gathering, make| {
        crate::gather::Gather::on_tasks(gathering, "scripted", Some(runtime), make)
    });
    let answered = std::thread::scope(|scope| {
        let gather = &stage.gather;
        let caller = scope.spawn(move || {
            let gather = std::sync::Arc::clone(gather);
            let mut submitted = Box::pin(async move { gather.submit(load(1)).await });
            let mut context = std::task::Context::from_waker(std::task::Waker::noop());
            // A thread without a runtime can put an operation into the queue.
            assert!(submitted.as_mut().poll(&mut context).is_pending());
            submitted
        });
        caller.join().unwrap()
    });
    settle().await;
    stage.batch().await.succeed();
    answered.await.unwrap();
}

#[test]
fn threads_outlive_the_runtime_that_they_were_started_with() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let first = runtime();
    let given = first.handle().clone();
    let mut stage = Stage::with(Gathering::default(), |gathering, make| {
        crate::gather::Gather::on_threads(gathering, "scripted", Some(given), make)
    });
    first.block_on(async {
        let submitted = submit(&stage.gather, delete(1)).await;
        stage.batch().await.succeed();
        submitted.await.unwrap();
    });
    drop(first);
    runtime().block_on(async {
        let submitted = submit(&stage.gather, delete(2)).await;
        stage.batch().await.succeed();
        submitted.await.unwrap();
        stage.gather.close().await;
    });
    assert_eq!(stage.made(), 1);
}
