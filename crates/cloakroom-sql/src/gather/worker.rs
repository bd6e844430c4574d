//! The worker: takes a batch, runs it, answers, and takes the next.

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

/// Runs batches until the lane is closed and empty.
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
    while let Some(batch) = presence.next_batch(most).await {
        let (operations, answers): (Vec<_>, Vec<_>) =
            batch.into_iter().map(|pending| (pending.operation, pending.answer)).unzip();
        let run = catching(async { executor.get_or_insert_with(&make).run(operations).await });
        let ended = match limit {
            Some(limit) => timeout(limit, run).await,
            None => Ok(run.await),
        };
        match ended {
            Ok(Ok(outcomes)) => {
                for (answer, outcome) in answers.into_iter().zip(outcomes) {
                    // A caller that went away after its operation was begun needs no answer.
                    let _gone = answer.send(outcome);
                }
            }
            Ok(Err(Panicked)) => {
                tracing::error!("a statement's worker panicked and is replaced; its callers have been told");
                executor = None;
            }
            Err(_) => {
                tracing::error!(
                    "the database did not answer within the time limit; its connection is given up"
                );
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

struct Panicked;

/// Turns a panic inside `future` into an error. The future must not be used again, and is not: it is dropped here.
async fn catching<F: Future>(future: F) -> Result<F::Output, Panicked> {
    let mut future = pin!(future);
    poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
        Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
        Ok(Poll::Pending) => Poll::Pending,
        Err(_) => Poll::Ready(Err(Panicked)),
    })
    .await
}
