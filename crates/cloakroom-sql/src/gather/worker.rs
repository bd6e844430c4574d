//! The worker: gets a connection, takes a batch, runs it, answers, and takes the next.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::Duration;

use tokio::time::timeout;

use super::lane::Presence;
use crate::executor::Executor;
use crate::failure::{Cause, Failure};

/// Runs batches until the lane is closed and empty.
///
/// Operations stay in the queue until the executor is ready for them. So an operation whose time passes while there is
/// no connection was surely not begun, and its caller is told so.
///
/// An executor that panics or does not end within `limit` is dropped and made again; the callers of its batch cannot
/// know what was applied, and the drop of their senders says so.
pub(super) async fn work<E: Executor>(
    presence: Presence,
    make: impl Fn() -> E,
    most: usize,
    limit: Option<Duration>,
) {
    // Declared after `presence` and so dropped before it: when the worker is seen to have ended, its connection is
    // given back.
    let mut executor: Option<E> = None;
    while let Some(direction) = presence.called().await {
        let prepared = async { executor.get_or_insert_with(&make).prepare(direction).await };
        let ready = match within(limit, prepared).await {
            Ok(Ok(ready)) => ready,
            Ok(Err(failure)) => {
                presence.refuse(&failure);
                continue;
            }
            // Those who wait are not all as old as the attempt; each leaves when its own time has passed.
            Err(End::TimedOut) => {
                End::TimedOut.report();
                executor = None;
                continue;
            }
            Err(End::Panicked) => {
                End::Panicked.report();
                executor = None;
                presence.refuse(&Failure::new(Cause::Unreachable, "connecting ended in a panic"));
                continue;
            }
        };
        let batch = presence.take(most);
        if batch.is_empty() {
            continue;
        }
        let (operations, answers): (Vec<_>, Vec<_>) =
            batch.into_iter().map(|pending| (pending.operation, pending.answer)).unzip();
        let run = async { executor.get_or_insert_with(&make).run(ready, operations).await };
        match within(limit, run).await {
            Ok(outcomes) => {
                for (answer, outcome) in answers.into_iter().zip(outcomes) {
                    // A caller that went away after its operation was begun needs no answer.
                    let _gone = answer.send(outcome);
                }
            }
            Err(end) => {
                end.report();
                executor = None;
            }
        }
    }
}

/// Polls a future on this thread until it is done.
pub(super) fn block_on(future: impl Future<Output = ()>) {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    while future.as_mut().poll(&mut context).is_pending() {
        std::thread::park();
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Why a future has no output.
enum End {
    Panicked,
    TimedOut,
}

impl End {
    fn report(&self) {
        match self {
            Self::Panicked => {
                tracing::error!("a statement's worker panicked and is replaced; its callers have been told");
            }
            // Whoever met it reports it; a database that is stuck for an hour is no news at every batch.
            Self::TimedOut => {
                tracing::debug!(
                    "the database did not answer within the time limit; its connection is given up"
                );
            }
        }
    }
}

/// Polls `future` until it is done, at most as long as `limit` says. A panic in it is an error; the future must not be
/// used again then, and is not: it is dropped here.
async fn within<F: Future>(limit: Option<Duration>, future: F) -> Result<F::Output, End> {
    let mut future = pin!(future);
    let caught = poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
        Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
        Ok(Poll::Pending) => Poll::Pending,
        Err(_) => Poll::Ready(Err(End::Panicked)),
    });
    match limit {
        Some(limit) => timeout(limit, caught).await.unwrap_or(Err(End::TimedOut)),
        None => caught.await,
    }
}
