//! A queue and the worker that empties it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cloakroom_core::{ErrorKind, Operation as Verb, StoreError};
use tokio::sync::{Notify, oneshot};

use super::queue::{Direction, Pending, Queue, Ticket};
use crate::failure::Failure;
use crate::operation::{Operation, Outcome};

/// A queue that callers push to and one worker takes from.
#[derive(Debug)]
pub(super) struct Lane {
    backend: &'static str,
    state: Mutex<State>,
    /// Rung when an idle worker has something to do.
    bell: Notify,
    /// Rung when the worker has ended.
    ended: Notify,
}

#[derive(Debug)]
struct State {
    queue: Queue,
    worker: Worker,
    intake: Intake,
}

#[derive(Debug)]
enum Worker {
    /// There is none: nothing was submitted yet, it died with its runtime, or the lane is closed.
    Absent,
    /// It listens for the bell.
    Idle,
    /// It will look at the queue again before it listens.
    Busy,
}

#[derive(Debug, PartialEq, Eq)]
enum Intake {
    Open,
    Closed,
}

impl Lane {
    pub(super) fn new(backend: &'static str) -> Self {
        let state = State { queue: Queue::default(), worker: Worker::Absent, intake: Intake::Open };
        Self { backend, state: Mutex::new(state), bell: Notify::new(), ended: Notify::new() }
    }

    /// Queues an operation behind at most `limit - 1` others. Whoever is given a [`Presence`] must start a worker
    /// with it.
    pub(super) fn push(
        self: &Arc<Self>,
        operation: Operation,
        limit: usize,
    ) -> Result<(Waiting<'_>, Option<Presence>), StoreError> {
        let verb = operation.verb();
        let (sender, receiver) = oneshot::channel();
        let mut state = self.lock();
        if state.intake == Intake::Closed {
            return Err(self.error(ErrorKind::Closed, verb));
        }
        if state.queue.len() >= limit {
            return Err(self.error(ErrorKind::Overloaded, verb));
        }
        let ticket = state.queue.push(operation, sender);
        let worker = std::mem::replace(&mut state.worker, Worker::Busy);
        drop(state);
        let waiting = Waiting { lane: self, verb, ticket, receiver, settled: false };
        match worker {
            Worker::Absent => return Ok((waiting, Some(Presence { lane: Arc::clone(self) }))),
            Worker::Idle => self.bell.notify_one(),
            Worker::Busy => {}
        }
        Ok((waiting, None))
    }

    /// Refuses further operations. The worker ends when nothing waits any more.
    pub(super) fn close(&self) {
        self.lock().intake = Intake::Closed;
        self.bell.notify_one();
    }

    /// Waits until the worker has ended.
    pub(super) async fn ended(&self) {
        let mut rung = std::pin::pin!(self.ended.notified());
        // Listens before it looks, so that an end in between is heard.
        rung.as_mut().enable();
        if !matches!(self.lock().worker, Worker::Absent) {
            rung.await;
        }
    }

    /// Tells everyone who waits that the store is closed, and how many they were.
    pub(super) fn give_up(&self) -> usize {
        let waiting = self.lock().queue.clear();
        self.refuse(waiting, ErrorKind::Closed)
    }

    fn refuse(&self, waiting: Vec<Pending>, kind: ErrorKind) -> usize {
        let count = waiting.len();
        for Pending { operation, answer, .. } in waiting {
            // A caller that has gone needs no answer.
            let _gone = answer.send(Err(self.error(kind, operation.verb())));
        }
        count
    }

    fn error(&self, kind: ErrorKind, verb: Verb) -> StoreError {
        StoreError::new(kind, verb, self.backend)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that runs under the lock leaves it half done, so a panic elsewhere has not spoilt it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The worker's presence in its lane. When it is dropped the worker has ended, whatever ended it: those who still
/// wait are told, and the next operation starts another worker.
#[derive(Debug)]
pub(super) struct Presence {
    lane: Arc<Lane>,
}

impl Presence {
    /// Waits until there is something to do and says in which direction; `None` when the lane has closed and is
    /// empty.
    pub(super) async fn called(&self) -> Option<Direction> {
        loop {
            {
                let mut state = self.lane.lock();
                if let Some(direction) = state.queue.direction() {
                    return Some(direction);
                }
                if state.intake == Intake::Closed {
                    return None;
                }
                state.worker = Worker::Idle;
            }
            self.lane.bell.notified().await;
        }
    }

    /// Takes the next batch. Empty when everyone who waited has gone.
    pub(super) fn take(&self, limit: usize) -> Vec<Pending> {
        self.lane.lock().queue.take(limit)
    }

    /// Tells everyone who waits what keeps their operations from being begun.
    pub(super) fn refuse(&self, failure: &Failure) {
        let waiting = self.lane.lock().queue.clear();
        for Pending { operation, answer, .. } in waiting {
            let error = failure.again().into_error(operation.verb(), self.lane.backend);
            // A caller that has gone needs no answer.
            let _gone = answer.send(Err(error));
        }
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        let waiting = {
            let mut state = self.lane.lock();
            state.worker = Worker::Absent;
            state.queue.clear()
        };
        self.lane.refuse(waiting, ErrorKind::Unavailable);
        self.lane.ended.notify_waiters();
    }
}

/// A caller's place in the queue. Dropping it gives the place up: an operation that was not begun is not done.
#[derive(Debug)]
pub(super) struct Waiting<'a> {
    lane: &'a Lane,
    verb: Verb,
    ticket: Ticket,
    receiver: oneshot::Receiver<Outcome>,
    settled: bool,
}

impl Waiting<'_> {
    /// What the operation came to; `Unknown` when the worker died with it.
    pub(super) async fn outcome(&mut self) -> Outcome {
        let outcome = (&mut self.receiver).await;
        self.settled = true;
        outcome.unwrap_or_else(|_| Err(self.lane.error(ErrorKind::Unknown, self.verb)))
    }

    /// Waits no longer, and says what is known: `Unavailable` when the operation was not begun and now never will
    /// be, `Unknown` when a batch has it, or the outcome if it came in the last moment.
    pub(super) fn give_up(mut self) -> Outcome {
        self.settled = true;
        if self.lane.lock().queue.retract(self.ticket).is_some() {
            let error = self.lane.error(ErrorKind::Unavailable, self.verb);
            return Err(
                error.with_source("its time passed in the queue; no connection was free to send it on")
            );
        }
        self.receiver.try_recv().unwrap_or_else(|_| Err(self.lane.error(ErrorKind::Unknown, self.verb)))
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if !self.settled {
            let _begun = self.lane.lock().queue.retract(self.ticket);
        }
    }
}
