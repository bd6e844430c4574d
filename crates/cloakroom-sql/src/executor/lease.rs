//! A connection on loan from the application's pool.

use std::time::Duration;

use sqlx::Database;
use sqlx::pool::{Pool, PoolConnection};

use super::driver::Driver;
use crate::dialect::rollback;
use crate::failure::{Cause, Failure};

/// A connection that goes back to its pool when all is well with it, and is closed otherwise: after a statement whose
/// end nobody saw it may be in a transaction, or still be receiving rows.
pub(crate) struct Lease<DB: Database> {
    connection: PoolConnection<DB>,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    InDoubt,
    Settled,
}

impl<DB: Database> Lease<DB> {
    /// Takes a connection that was seen to work, waiting for one at most as long as `patience` says.
    pub(crate) async fn take(pool: &Pool<DB>, patience: Duration) -> Result<Self, Failure> {
        match tokio::time::timeout(patience, pool.acquire()).await {
            Ok(Ok(connection)) => Ok(Self { connection, state: State::InDoubt }),
            Ok(Err(error)) => {
                let failure = Failure::from(error);
                // Whatever went wrong, no statement of ours was sent.
                Err(if failure.cause == Cause::Broken {
                    failure.meaning(Cause::Unreachable)
                } else {
                    failure
                })
            }
            Err(_) => Err(Failure::new(Cause::Unreachable, "no connection of the pool became free in time")),
        }
    }

    /// Takes an idle connection without asking whether it still works, which saves a round trip. For statements that
    /// may be sent again.
    pub(crate) fn take_idle(pool: &Pool<DB>) -> Option<Self> {
        pool.try_acquire().map(|connection| Self { connection, state: State::InDoubt })
    }

    pub(crate) fn connection(&mut self) -> &mut DB::Connection {
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
    pub(crate) async fn finish<T>(mut self, result: Result<T, Failure>) -> Result<T, Failure> {
        match result {
            Ok(value) => self.settle(Ok(value)),
            Err(failure) if failure.cause == Cause::Broken => Err(failure),
            Err(failure) => match DB::command(self.connection(), rollback()).await {
                Ok(()) => self.settle(Err(failure)),
                // Dropped in doubt, and so closed.
                Err(_) => Err(failure),
            },
        }
    }
}

impl<DB: Database> Drop for Lease<DB> {
    fn drop(&mut self) {
        if self.state == State::InDoubt {
            self.connection.close_on_drop();
        }
    }
}
