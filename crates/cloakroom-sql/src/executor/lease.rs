//! Connections on loan from the application's pool.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sqlx::pool::{Pool, PoolConnection};
use sqlx::{Connection, Database};
use tokio::runtime::Handle;
use tokio::time::timeout;

use super::driver::Driver;
use crate::dialect::rollback;
use crate::failure::{Cause, Failure};
use crate::gather::Direction;

/// Where an executor gets its connections, of which it has one at a time.
pub(crate) struct Leases<DB: Database> {
    pool: Pool<DB>,
    patience: Duration,
    /// What the batch that runs was given to begin with.
    ready: Mutex<Option<Ready<DB>>>,
    suspicion: Suspicion,
}

/// Whether the last connection broke, or there was none yet. Whatever ended it is likely to have ended the others that
/// wait in the pool, however recently they were used, so that the next one is asked before anything is sent on it.
#[derive(Clone, Debug)]
struct Suspicion(Arc<AtomicBool>);

impl Suspicion {
    fn new() -> Self {
        Self(Arc::new(AtomicBool::new(true)))
    }

    fn is_raised(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn raise(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn put_aside(&self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

/// A connection that was taken before there is anything to send on it.
pub(crate) enum Ready<DB: Database> {
    /// It was idle, and nobody has asked whether it still works, which saves a round trip. For statements that may be
    /// sent again.
    Idle(Lease<DB>),
    /// It was seen to work.
    Tested(Lease<DB>),
}

impl<DB: Database> Leases<DB> {
    /// `patience` is how long to wait for a connection of the pool.
    pub(crate) fn new(pool: Pool<DB>, patience: Duration) -> Self {
        Self { pool, patience, ready: Mutex::new(None), suspicion: Suspicion::new() }
    }

    /// Takes a connection for a batch that has not been begun, and waits for it as long as the pool does. Whoever waits
    /// for the batch leaves the queue when their own time has passed.
    pub(crate) async fn prepare(&self, direction: Direction) -> Result<Ready<DB>, Failure> {
        if direction == Direction::Read
            && let Some(connection) = self.pool.try_acquire()
        {
            return Ok(Ready::Idle(Lease::new(connection, self.patience, self.suspicion.clone())));
        }
        Ok(Ready::Tested(self.tested().await?))
    }

    /// Uses `ready` for the next connection that is taken.
    pub(crate) fn begin(&self, ready: Ready<DB>) {
        *self.ready() = Some(ready);
    }

    /// Gives back what was not used.
    pub(crate) fn end(&self) {
        self.ready().take();
    }

    /// Takes a connection that was seen to work.
    pub(crate) async fn take(&self) -> Result<Lease<DB>, Failure> {
        // In a statement of its own, so that the lock is not kept while waiting.
        let ready = self.ready().take();
        match ready {
            Some(Ready::Tested(lease)) => return Ok(lease),
            Some(Ready::Idle(idle)) => drop(idle),
            None => {}
        }
        timeout(self.patience, self.tested()).await.unwrap_or_else(|_| Err(late()))
    }

    /// Waits for a connection as long as the pool does, and asks it if there is a reason.
    async fn tested(&self) -> Result<Lease<DB>, Failure> {
        loop {
            let mut lease = Lease::wait(&self.pool, self.patience, &self.suspicion).await?;
            if !self.suspicion.is_raised() || lease.answers().await {
                self.suspicion.put_aside();
                return Ok(lease);
            }
        }
    }

    /// Takes an idle connection if that is what the batch was given.
    pub(crate) fn take_idle(&self) -> Option<Lease<DB>> {
        let mut ready = self.ready();
        match ready.take() {
            Some(Ready::Idle(lease)) => Some(lease),
            other => {
                *ready = other;
                None
            }
        }
    }

    fn ready(&self) -> MutexGuard<'_, Option<Ready<DB>>> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection that goes back to its pool when all is well with it, and is closed otherwise: after a statement whose
/// end nobody saw it may be in a transaction, or still be receiving rows.
pub(crate) struct Lease<DB: Database> {
    connection: PoolConnection<DB>,
    state: State,
    /// How long the pool may take to look whether the connection that it gets back is well.
    patience: Duration,
    suspicion: Suspicion,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    InDoubt,
    Settled,
}

impl<DB: Database> Lease<DB> {
    const fn new(connection: PoolConnection<DB>, patience: Duration, suspicion: Suspicion) -> Self {
        Self { connection, state: State::Settled, patience, suspicion }
    }

    /// Takes a connection that was seen to work, waiting for one at most as long as `patience` says.
    pub(crate) async fn take(pool: &Pool<DB>, patience: Duration) -> Result<Self, Failure> {
        let taken = timeout(patience, Self::wait(pool, patience, &Suspicion::new())).await;
        taken.unwrap_or_else(|_| Err(late()))
    }

    /// The same, waiting as long as the pool does.
    async fn wait(pool: &Pool<DB>, patience: Duration, suspicion: &Suspicion) -> Result<Self, Failure> {
        let taken = pool.acquire().await;
        taken.map(|connection| Self::new(connection, patience, suspicion.clone())).map_err(|error| {
            let failure = Failure::from(error);
            // Whatever went wrong, no statement of ours was sent.
            if failure.cause == Cause::Broken { failure.meaning(Cause::Unreachable) } else { failure }
        })
    }

    /// Whether the database answers on it in time. A connection on which it does not is dropped in doubt.
    async fn answers(&mut self) -> bool {
        let answer = timeout(self.patience, Connection::ping(self.connection())).await;
        let answers = matches!(answer, Ok(Ok(())));
        if answers {
            self.state = State::Settled;
        }
        answers
    }

    /// The connection, which is in doubt from now on until the lease is settled.
    pub(crate) fn connection(&mut self) -> &mut DB::Connection {
        self.state = State::InDoubt;
        &mut self.connection
    }

    /// Returns the connection to the pool unless `result` says that it broke.
    pub(crate) fn settle<T>(mut self, result: Result<T, Failure>) -> Result<T, Failure> {
        self.state = match &result {
            Err(failure) if failure.cause == Cause::Broken => State::InDoubt,
            _ => State::Settled,
        };
        result
    }
}

impl<DB: Driver> Lease<DB> {
    /// Returns the connection after a transaction that `result` ended: committed, or to be rolled back.
    pub(crate) async fn finish<T>(self, result: Result<T, Failure>) -> Result<T, Failure> {
        match result {
            Ok(value) => self.settle(Ok(value)),
            Err(failure) if failure.cause == Cause::Broken => Err(failure),
            Err(failure) => {
                self.undo().await;
                Err(failure)
            }
        }
    }

    /// Returns the connection after its transaction was rolled back; one on which that fails is dropped in doubt, and so
    /// closed.
    pub(crate) async fn undo(mut self) {
        if DB::command(self.connection(), rollback()).await.is_ok() {
            self.state = State::Settled;
        }
    }
}

impl<DB: Database> Drop for Lease<DB> {
    /// The pool asks every connection that comes back whether it is well, and would wait for ever for one that has
    /// fallen silent, which would keep its place. So it is given a time limit here, after which the connection is
    /// closed and its place is free.
    fn drop(&mut self) {
        if self.state == State::InDoubt {
            self.suspicion.raise();
            self.connection.close_on_drop();
            return;
        }
        let (returned, patience) = (self.connection.return_to_pool(), self.patience);
        // Without a runtime there is nobody to ask it, and it is closed.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move { timeout(patience, returned).await });
        }
    }
}

fn late() -> Failure {
    Failure::new(Cause::Unreachable, "no connection of the pool became free in time")
}
