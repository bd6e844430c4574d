//! Gathering: what waits while a statement runs becomes the next statement.
//!
//! An operation joins a queue. A worker takes everything that waits, runs it as one batch, answers each caller, and
//! takes what came meanwhile. There is no timer: a lone operation is run at once, and the busier the store is, the
//! larger its batches are.

mod lane;
mod limits;
mod queue;
mod retry;
mod worker;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use cloakroom_core::{ErrorKind, StoreError};
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep, timeout};

use self::lane::{Lane, Presence};
use self::retry::{Retrier, Spent};
use crate::executor::Executor;
use crate::operation::{Operation, Outcome};

pub use self::limits::{Connections, Gathering};
pub(crate) use self::queue::Direction;
pub use self::retry::Retry;
pub(crate) use self::retry::draw;

/// The queues of a store and the workers that empty them. Dropping it ends the workers.
pub(crate) struct Gather {
    reads: Arc<Lane>,
    writes: Arc<Lane>,
    gathering: Gathering,
    retrier: Retrier,
    backend: &'static str,
    runtime: Option<Handle>,
    start: Start,
}

/// Starts a worker on a runtime.
type Start = Box<dyn Fn(Presence, &Handle) + Send + Sync>;

impl Gather {
    /// Workers that are tasks of a runtime: of `runtime`, or of the one that the first operation is submitted in.
    ///
    /// Each worker runs an executor that `make` made, and has it made again after a batch that did not end. No
    /// worker is started before there is something to do.
    pub(crate) fn on_tasks<E: Executor>(
        gathering: Gathering,
        backend: &'static str,
        runtime: Option<Handle>,
        make: impl Fn() -> E + Send + Sync + 'static,
    ) -> Self {
        let make = Arc::new(make);
        Self::new(gathering, backend, runtime, move |presence, runtime| {
            let make = Arc::clone(&make);
            let limit = Some(gathering.time_limit());
            runtime.spawn(worker::work(presence, move || make(), gathering.batch(), limit));
        })
    }

    /// Workers that are threads of their own, for executors that block. Nothing can end a batch that blocks, so only
    /// the callers have a time limit; `runtime` has their timers where they have no runtime themselves.
    pub(crate) fn on_threads<E: Executor>(
        gathering: Gathering,
        backend: &'static str,
        runtime: Option<Handle>,
        make: impl Fn() -> E + Send + Sync + 'static,
    ) -> Self {
        let make = Arc::new(make);
        Self::new(gathering, backend, runtime, move |presence, _| {
            let make = Arc::clone(&make);
            let work = worker::work(presence, move || make(), gathering.batch(), None);
            let thread = std::thread::Builder::new().name("cloakroom-sql".to_owned());
            if let Err(error) = thread.spawn(|| worker::block_on(work)) {
                tracing::error!(%error, "the store's thread cannot be started; what waited for it has failed");
            }
        })
    }

    fn new(
        gathering: Gathering,
        backend: &'static str,
        runtime: Option<Handle>,
        start: impl Fn(Presence, &Handle) + Send + Sync + 'static,
    ) -> Self {
        let reads = Arc::new(Lane::new(backend));
        let writes = match gathering.connections() {
            Connections::One => Arc::clone(&reads),
            Connections::Two => Arc::new(Lane::new(backend)),
        };
        let retrier = Retrier::new(gathering.retry(), draw);
        Self { reads, writes, gathering, retrier, backend, runtime, start: Box::new(start) }
    }

    /// Runs one operation in the company of what else is waiting, again if that may help: see [`Retry`].
    ///
    /// # Errors
    /// Those of the operation, and of kind `Overloaded` when the queue is full, `Closed` after [`Gather::close`],
    /// `Unavailable` when its time passed before it was begun, `Unknown` when it passed later or the worker died.
    ///
    /// # Cancel safety
    /// A dropped future leaves the operation done or not done: what was not begun is not done any more.
    pub(crate) async fn submit(&self, operation: Operation) -> Outcome {
        let verb = operation.verb();
        let Some(here) = self.here() else {
            let error = StoreError::new(ErrorKind::Unavailable, verb, self.backend);
            return Err(error.with_source("called outside a tokio runtime"));
        };
        let time_limit = self.gathering.time_limit();
        if !self.retrier.is_on() {
            return self.attempt(operation, &here, time_limit).await;
        }
        self.retrier.operation();
        let begin = Instant::now();
        let mut spent = Spent::default();
        loop {
            let before = begin.elapsed();
            let left = time_limit.saturating_sub(before);
            let error = match self.attempt(operation.clone(), &here, left).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            spent.time = begin.elapsed();
            spent.last = spent.time.saturating_sub(before);
            let Some(pause) = self.retrier.pause(&error, spent, time_limit) else {
                return Err(error);
            };
            spent.retries += 1;
            tracing::debug!(%error, retries = spent.retries, ?pause, "a statement failed and is tried again");
            let pause = {
                let _context = here.enter();
                sleep(pause)
            };
            pause.await;
        }
    }

    /// Runs one operation once, and waits for it no longer than `time_limit`.
    async fn attempt(&self, operation: Operation, here: &Handle, time_limit: Duration) -> Outcome {
        let lane = match Direction::of(&operation) {
            Direction::Read => &self.reads,
            Direction::Write => &self.writes,
        };
        let (mut waiting, worker) = lane.push(operation, self.gathering.queue())?;
        if let Some(presence) = worker {
            (self.start)(presence, self.runtime.as_ref().unwrap_or(here));
        }
        let outcome = {
            let _context = here.enter();
            timeout(time_limit, waiting.outcome())
        };
        match outcome.await {
            Ok(outcome) => outcome,
            Err(_) => waiting.give_up(),
        }
    }

    /// Refuses new operations, finishes what waits within the time limit, and sees the workers out.
    ///
    /// What still waits when the limit has passed fails with kind `Closed`, not begun.
    ///
    /// # Cancel safety
    /// A dropped future leaves the queues closed; the workers still finish what waits and end.
    pub(crate) async fn close(&self) {
        self.reads.close();
        self.writes.close();
        let ended = async {
            self.reads.ended().await;
            self.writes.ended().await;
        };
        let Some(here) = self.here() else { return ended.await };
        let ended = {
            let _context = here.enter();
            timeout(self.gathering.time_limit(), ended)
        };
        if ended.await.is_err() {
            let given_up = self.reads.give_up() + self.writes.give_up();
            tracing::warn!(
                backend = self.backend,
                given_up,
                "the store closed before its database had answered"
            );
        }
    }

    /// The runtime whose timer a caller uses: its own, because that one is still there.
    fn here(&self) -> Option<Handle> {
        Handle::try_current().ok().or_else(|| self.runtime.clone())
    }
}

impl Drop for Gather {
    fn drop(&mut self) {
        self.reads.close();
        self.writes.close();
    }
}

impl fmt::Debug for Gather {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Gather")
            .field("backend", &self.backend)
            .field("gathering", &self.gathering)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
