//! The database that is open: where its connections come from.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;

use super::connection::{Durability, Patience, create, open, open_in_memory};
use super::location::Location;
use crate::failure::Failure;

/// An open database.
pub(crate) struct Database {
    place: Place,
    durability: Durability,
    patience: Patience,
    idle: Mutex<Idle>,
}

enum Place {
    File(PathBuf),
    /// There is one connection, because it is the database.
    Memory(Mutex<Connection>),
}

#[derive(Default)]
struct Idle {
    connections: Vec<Connection>,
    closed: bool,
}

/// What became of a call that wanted a connection.
pub(super) enum Lent<T> {
    Done(T),
    Failed(Failure),
    Closed,
}

impl Database {
    /// Makes the file if it is missing, and opens a first connection, so that what is wrong is known at once.
    pub(super) fn open(
        location: Location,
        durability: Durability,
        patience: Patience,
    ) -> Result<Self, Failure> {
        let mut idle = Idle::default();
        let place = match location {
            Location::Memory => Place::Memory(Mutex::new(open_in_memory()?)),
            Location::File { path, missing } => {
                create(&path, missing)?;
                idle.connections.push(open(&path, durability, patience)?);
                Place::File(path)
            }
        };
        Ok(Self { place, durability, patience, idle: Mutex::new(idle) })
    }

    /// How long another process's lock is waited for.
    pub(crate) fn patience(&self) -> Patience {
        self.patience
    }

    /// Runs a short `call` on an idle connection, or on a new one if there is none, and waits for no lock.
    ///
    /// A call blocks its thread, so there are never more connections than threads that call.
    pub(super) fn lend<T>(&self, call: impl FnOnce(&Connection) -> Result<T, Failure>) -> Lent<T> {
        let taken = {
            let mut idle = lock(&self.idle);
            if idle.closed {
                return Lent::Closed;
            }
            idle.connections.pop()
        };
        let path = match &self.place {
            Place::Memory(only) => return told(call(&lock(only))),
            Place::File(path) => path,
        };
        let connection = match taken.map_or_else(|| open(path, self.durability, Patience::NONE), Ok) {
            Ok(connection) => connection,
            Err(failure) => return Lent::Failed(failure),
        };
        let outcome = call(&connection);
        let mut idle = lock(&self.idle);
        // One that failed may have met a file that was replaced; a new one is opened next time.
        if outcome.is_ok() && !idle.closed {
            idle.connections.push(connection);
        }
        told(outcome)
    }

    /// Runs `call` on the caller's own connection, which is opened if it is missing.
    pub(crate) fn on<T>(
        &self,
        own: &mut Option<Connection>,
        call: impl FnOnce(&Connection) -> T,
    ) -> Result<T, Failure> {
        match &self.place {
            Place::Memory(only) => Ok(call(&lock(only))),
            Place::File(path) => {
                let connection = match own.take() {
                    Some(connection) => connection,
                    None => open(path, self.durability, self.patience)?,
                };
                Ok(call(own.insert(connection)))
            }
        }
    }

    /// Lends nothing any more, and closes the connections that are idle.
    pub(super) fn close(&self) {
        let mut idle = lock(&self.idle);
        idle.closed = true;
        idle.connections.clear();
    }
}

fn told<T>(outcome: Result<T, Failure>) -> Lent<T> {
    match outcome {
        Ok(done) => Lent::Done(done),
        Err(failure) => Lent::Failed(failure),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A call that panicked rolled its transaction back on the way out.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
