//! SQLite in the process itself: loads run where they are asked for, writes are gathered on one thread.
//!
//! A load blocks its caller's thread. That is right here, because a load is a walk of a few pages that are nearly
//! always in memory: it takes less time than handing it to another thread and being woken again would cost. In WAL
//! mode it never waits for a writer. Measured on a table of a million sessions (380 MB, a busy two-core machine with a
//! virtual disk): 16 µs, 99 of 100 within 43 µs; right after the page cache was dropped 0.25 ms, 99 of 100 within 3.7
//! to 6.5 ms, once for each page. A site whose sessions do not fit into memory, on a disk that has to move a head, is
//! better served by a pool of its own.
//!
//! What may block longer is handed to a thread of the store's: a lock of another process, a walk over many rows.

mod connection;
mod database;
mod failure;
mod location;

use std::fmt;
use std::sync::Arc;

use cloakroom_core::{ErrorKind, Operation as Verb, StoreError};
use tokio::runtime::Handle;

use self::connection::Patience;
use self::database::Lent;
use crate::executor::rusqlite::{Rusqlite, Statements};
use crate::failure::{Cause, Failure};
use crate::gather::{Gather, Gathering};
use crate::operation::{Operation, Outcome};
use crate::schema::{Question, TextRow};
use crate::statements::Names;

pub use self::connection::Durability;
pub(crate) use self::connection::begin;
pub(crate) use self::database::Database;
pub(crate) use self::location::Location;

const BACKEND: &str = "sqlite";

/// A SQLite database of the store's own.
pub(crate) struct Embedded {
    database: Arc<Database>,
    statements: Arc<Statements>,
    gather: Gather,
}

impl Embedded {
    /// Opens the database, and makes its file if it is missing, readable by this user alone.
    ///
    /// It blocks until that is done, and if another process has locked the file, for as long as an operation may.
    ///
    /// # Errors
    /// When the folder or the file cannot be used, or the file is no SQLite database.
    pub(crate) fn open(
        location: Location,
        durability: Durability,
        names: Names,
        gathering: Gathering,
        runtime: Option<Handle>,
    ) -> Result<Self, StoreError> {
        let patience = Patience::within(gathering.time_limit());
        let database = Arc::new(Database::open(location, durability, patience).map_err(failed_to_open)?);
        let statements = Arc::new(Statements::new(names));
        let gather = {
            let (database, statements) = (Arc::clone(&database), Arc::clone(&statements));
            let make = move || Rusqlite::new(Arc::clone(&database), Arc::clone(&statements));
            Gather::on_threads(gathering, BACKEND, runtime, make)
        };
        Ok(Self { database, statements, gather })
    }

    /// See [`Engine::submit`](crate::engine::Engine::submit).
    pub(crate) async fn submit(&self, operation: Operation) -> Outcome {
        match &operation {
            Operation::Load { key } => {
                match self.database.lend(|connection| self.statements.load(connection, key)) {
                    // Another process recovers the file or closes it, or there is no file handle to spare. That is
                    // waited for where nobody is held up.
                    Lent::Failed(Failure {
                        cause: Cause::Refused(ErrorKind::Unavailable) | Cause::Unreachable,
                        ..
                    }) => self.gather.submit(operation).await,
                    Lent::Failed(failure) => Err(failure.into_error(Verb::Load, BACKEND)),
                    Lent::Done(answer) => Ok(answer),
                    Lent::Closed => Err(StoreError::new(ErrorKind::Closed, Verb::Load, BACKEND)),
                }
            }
            _ => self.gather.submit(operation).await,
        }
    }

    /// See [`Engine::close`](crate::engine::Engine::close). Afterwards the file is not open any more.
    pub(crate) async fn close(&self) {
        self.database.close();
        self.gather.close().await;
    }

    /// Runs statements without parameters in one transaction, for making the table. It blocks.
    pub(crate) fn execute(&self, statements: &[String]) -> Result<(), StoreError> {
        self.prepare(|connection| {
            let transaction = begin(connection, self.database.patience())?;
            for statement in statements {
                transaction.execute_batch(statement)?;
            }
            Ok(transaction.commit()?)
        })
    }

    /// Asks a question about the table that is there. It blocks.
    pub(crate) fn ask(&self, question: &Question) -> Result<Vec<TextRow>, StoreError> {
        self.prepare(|connection| {
            let mut statement = connection.prepare(question.text)?;
            let columns = statement.column_count();
            let arguments = rusqlite::params_from_iter(&question.arguments);
            let rows =
                statement.query_map(arguments, |row| (0..columns).map(|column| row.get(column)).collect())?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    fn prepare<T>(
        &self,
        run: impl FnOnce(&rusqlite::Connection) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        match self.database.lend(run) {
            Lent::Done(done) => Ok(done),
            Lent::Failed(failure) => Err(failed_to_open(failure)),
            Lent::Closed => Err(StoreError::new(ErrorKind::Closed, Verb::Open, BACKEND)),
        }
    }
}

impl fmt::Debug for Embedded {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Embedded").field("gather", &self.gather).finish_non_exhaustive()
    }
}

fn failed_to_open(failure: Failure) -> StoreError {
    failure.into_error(Verb::Open, BACKEND)
}

#[cfg(test)]
mod tests;
