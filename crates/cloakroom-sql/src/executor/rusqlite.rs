//! Runs batches on a rusqlite connection, blocking its thread.

mod admission;

use std::num::NonZeroU32;
use std::sync::Arc;

use cloakroom_core::{ErrorKind, Page, Remaining, Scope, StoreError, StoreKey, Swept, Timestamp};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, ErrorCode, ToSql, Transaction, params_from_iter};

use super::Executor;
use crate::embedded::{Database, begin};
use crate::failure::{Cause, Failure};
use crate::gather::Direction;
use crate::operation::{Answer, Operation, Outcome, Payload, Row};
use crate::statements::rows::{RowStatements, Statement, padded};
use crate::statements::{Keep, LOADED, Names, Start, scoped};
use crate::write::{self, Argument, Effect, Next};

const BACKEND: &str = "sqlite";

/// An executor with a connection of its own, opened when the first batch needs it.
pub(crate) struct Rusqlite {
    database: Arc<Database>,
    statements: Arc<Statements>,
    connection: Option<Connection>,
    lock: Lock,
}

/// What is known of the lock that SQLite gives one writer at a time.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lock {
    Free,
    /// Another process had it for longer than the last batch could wait.
    Kept,
}

impl Rusqlite {
    pub(crate) fn new(database: Arc<Database>, statements: Arc<Statements>) -> Self {
        Self { database, statements, connection: None, lock: Lock::Free }
    }

    /// Opens the connection, and waits for a lock that kept the last batch from writing. Usually there is nothing to
    /// do: the lock itself is taken with the batch, because taking it twice would cost as much as a small write.
    fn prepare_blocking(&mut self, direction: Direction) -> Result<(), Failure> {
        let patience = self.database.patience();
        let wait = self.lock == Lock::Kept && direction == Direction::Write;
        self.database.on(&mut self.connection, |connection| {
            if wait {
                drop(begin(connection, patience)?);
            }
            Ok::<_, Failure>(())
        })??;
        if wait {
            self.lock = Lock::Free;
        }
        Ok(())
    }

    fn run_blocking(&mut self, batch: &[Operation]) -> Vec<Outcome> {
        let (database, statements) = (&self.database, &self.statements);
        let outcomes = database.on(&mut self.connection, |connection| {
            let run = Run { connection, database, statements };
            if batch.first().and_then(write::first).is_some() {
                run.writes(batch)
            } else {
                batch.iter().map(|operation| outcome(operation, run.other(operation))).collect()
            }
        });
        let outcomes: Vec<Outcome> = outcomes.unwrap_or_else(|failure| all_failed(batch, &failure));
        if outcomes.iter().any(is_locked_out) {
            self.lock = Lock::Kept;
        }
        if outcomes.iter().any(is_suspicious) {
            // The file may have been replaced or its disk be gone; the next batch opens it anew.
            self.connection = None;
        }
        outcomes
    }
}

impl Executor for Rusqlite {
    type Ready = ();

    async fn prepare(&mut self, direction: Direction) -> Result<(), Failure> {
        self.prepare_blocking(direction)
    }

    async fn run(&mut self, (): (), batch: Vec<Operation>) -> Vec<Outcome> {
        self.run_blocking(&batch)
    }
}

/// The texts that this driver runs.
pub(crate) struct Statements {
    names: Names,
    rows: RowStatements,
    load: String,
}

impl Statements {
    pub(crate) fn new(names: Names) -> Self {
        let rows = RowStatements::new(&names);
        Self { load: rows.load(1), rows, names }
    }

    /// Reads the row under a key.
    pub(crate) fn load(&self, connection: &Connection, key: &StoreKey) -> Result<Answer, Failure> {
        let mut statement = connection.prepare_cached(&self.load)?;
        let mut rows = statement.query([key.as_bytes()])?;
        let found = match rows.next()? {
            Some(row) => Some((read(row, Data::Read)?, row.get(1)?)),
            None => None,
        };
        Ok(Answer::Loaded(found))
    }
}

/// One batch on one connection.
struct Run<'a> {
    connection: &'a Connection,
    database: &'a Database,
    statements: &'a Statements,
}

impl Run<'_> {
    /// Runs writes in one transaction, so that they share one commit.
    ///
    /// SQLite undoes a statement that fails and keeps the transaction, so that it spoils no other. When the whole
    /// transaction is lost, each operation gets one of its own and its own error.
    fn writes(&self, batch: &[Operation]) -> Vec<Outcome> {
        let transaction = match begin(self.connection, self.database.patience()) {
            Ok(transaction) => transaction,
            Err(error) => return all_failed(batch, &error.into()),
        };
        let mut outcomes = Vec::with_capacity(batch.len());
        for operation in batch {
            outcomes.push(outcome(operation, self.write(operation)));
            // Some failures, a full disk among them, end the transaction too.
            if self.connection.is_autocommit() {
                break;
            }
        }
        if outcomes.len() == batch.len() && outcomes.iter().all(Result::is_err) {
            // Nothing to commit; dropping the transaction rolls it back.
            return outcomes;
        }
        let lost = if outcomes.len() == batch.len() && !self.connection.is_autocommit() {
            match commit(transaction) {
                Ok(()) => return outcomes,
                Err(failure) => Some(failure),
            }
        } else {
            drop(transaction);
            None
        };
        match (lost, batch) {
            // Whether the log reached the disk is not known, so nothing may be done twice.
            (Some(failure), _) if failure.cause == Cause::Broken => all_failed(batch, &failure),
            (Some(failure), [_]) => all_failed(batch, &failure),
            (None, [_]) => outcomes,
            _ => batch.chunks(1).flat_map(|alone| self.writes(alone)).collect(),
        }
    }

    fn write(&self, operation: &Operation) -> Result<Answer, Fault> {
        let mut statement = write::first(operation).ok_or(Fault::Kind(ErrorKind::Unsupported))?;
        for _ in 0..write::STEPS {
            let effect = self.step(operation, statement)?;
            match write::next(operation, statement, effect) {
                Next::Run(following) => statement = following,
                Next::Answer(answer) => return answer.map_err(Fault::Kind),
            }
        }
        Err(Fault::Kind(ErrorKind::Conflict))
    }

    fn step(&self, operation: &Operation, statement: Statement) -> Result<Effect, Failure> {
        let arguments = params_from_iter(write::arguments(operation, statement));
        let mut prepared = self.prepared(self.statements.rows.text(statement))?;
        if statement == Statement::Probe {
            return Ok(Effect::Rows(count(prepared.query_row(arguments, |row| row.get(0))?)));
        }
        match prepared.execute(arguments) {
            Ok(rows) => Ok(Effect::Rows(rows as u64)),
            Err(error) => match Failure::from(error) {
                failure if failure.cause == Cause::Duplicate => Ok(Effect::Duplicate),
                failure => Err(failure),
            },
        }
    }

    fn other(&self, operation: &Operation) -> Result<Answer, Fault> {
        Ok(match operation {
            Operation::Load { key } => self.statements.load(self.connection, key)?,
            Operation::Sweep { limit, now } => Answer::Swept(self.sweep(*limit, *now)?),
            Operation::List { scope, page, now } => Answer::Listed(self.list(scope, page, *now)?),
            Operation::Count { scope, now } => Answer::Counted(self.count(scope, *now)?),
            Operation::Admit(admit) => self.admit(admit)?,
            Operation::End { scope, keep, now } => Answer::Counted(self.end(scope, keep.as_ref(), *now)?),
            _ => return Err(Fault::Kind(ErrorKind::Unsupported)),
        })
    }

    fn sweep(&self, limit: NonZeroU32, now: Timestamp) -> Result<Swept, Failure> {
        let limit = limit.get();
        let now = Argument::Integer(now.as_millis());
        let transaction = begin(self.connection, self.database.patience())?;
        let due: Vec<Vec<u8>> = self
            .prepared(&self.statements.rows.due)?
            .query_map(params_from_iter([now, Argument::Integer(limit.into())]), |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        let Some(last) = due.last() else {
            return Ok(Swept { removed: 0, remaining: Remaining::Nothing });
        };
        let keys = || {
            due.iter().chain(std::iter::repeat(last)).take(padded(due.len())).map(|key| Argument::Bytes(key))
        };
        let expired = self.statements.rows.sweep_delete(due.len());
        let removed = self.prepared(&expired)?.execute(params_from_iter([now].into_iter().chain(keys())))?;
        if removed < due.len() {
            self.prepared(&self.statements.rows.sweep_move(due.len()))?.execute(params_from_iter(keys()))?;
        }
        commit(transaction)?;
        let remaining = if due.len() < limit as usize { Remaining::Nothing } else { Remaining::Perhaps };
        Ok(Swept { removed: removed as u64, remaining })
    }

    fn list(&self, scope: &Scope, page: &Page, now: Timestamp) -> Result<Vec<(StoreKey, Row)>, Failure> {
        let start = if page.after.is_some() { Start::After } else { Start::First };
        let after = page.after.as_ref().map(|key| Argument::Bytes(key.as_bytes()));
        let limit = Argument::Integer(page.limit.get().into());
        let arguments = scoped(scope, now).into_iter().chain(after).chain([limit]);
        let mut statement = self.prepared(&self.statements.names.list(scope, start))?;
        let mut rows = statement.query(params_from_iter(arguments))?;
        let mut listed = Vec::new();
        while let Some(row) = rows.next()? {
            listed.push((StoreKey::from_bytes(row.get::<_, Vec<u8>>(0)?), read(row, Data::Skip)?));
        }
        Ok(listed)
    }

    fn count(&self, scope: &Scope, now: Timestamp) -> Result<u64, Failure> {
        let mut statement = self.prepared(&self.statements.names.count(scope))?;
        Ok(count(statement.query_row(params_from_iter(scoped(scope, now)), |row| row.get(0))?))
    }

    fn end(&self, scope: &Scope, keep: Option<&StoreKey>, now: Timestamp) -> Result<u64, Failure> {
        let kept = if keep.is_some() { Keep::One } else { Keep::Nothing };
        let keep = keep.map(|key| Argument::Bytes(key.as_bytes()));
        let [live, expired] = self.statements.names.end(scope, kept);
        let transaction = begin(self.connection, self.database.patience())?;
        let arguments = || params_from_iter(scoped(scope, now).into_iter().chain(keep));
        let ended = self.prepared(&live)?.execute(arguments())?;
        self.prepared(&expired)?.execute(arguments())?;
        commit(transaction)?;
        Ok(ended as u64)
    }

    fn prepared(&self, text: &str) -> Result<CachedStatement<'_>, Failure> {
        Ok(self.connection.prepare_cached(text)?)
    }
}

/// Commits. Some failures leave open whether the log reached the disk.
fn commit(transaction: Transaction<'_>) -> Result<(), Failure> {
    transaction.commit().map_err(|error| {
        let undone = matches!(
            error.sqlite_error_code(),
            Some(
                ErrorCode::DatabaseBusy
                    | ErrorCode::DatabaseLocked
                    | ErrorCode::DiskFull
                    | ErrorCode::ReadOnly
            )
        );
        let mut failure = Failure::from(error);
        if !undone {
            failure.cause = Cause::Broken;
        }
        failure
    })
}

/// Why an operation failed: for a reason of the contract, or of the database.
enum Fault {
    Kind(ErrorKind),
    Database(Failure),
}

impl<E: Into<Failure>> From<E> for Fault {
    fn from(error: E) -> Self {
        Self::Database(error.into())
    }
}

fn outcome(operation: &Operation, result: Result<Answer, Fault>) -> Outcome {
    result.map_err(|fault| match fault {
        Fault::Kind(kind) => StoreError::new(kind, operation.verb(), BACKEND),
        Fault::Database(failure) => failure.into_error(operation.verb(), BACKEND),
    })
}

fn all_failed(batch: &[Operation], failure: &Failure) -> Vec<Outcome> {
    batch.iter().map(|operation| Err(failure.again().into_error(operation.verb(), BACKEND))).collect()
}

fn is_locked_out(outcome: &Outcome) -> bool {
    matches!(outcome, Err(error) if error.kind() == ErrorKind::Unavailable)
}

/// Whether the connection that an operation failed on should not be trusted again.
fn is_suspicious(outcome: &Outcome) -> bool {
    matches!(outcome, Err(error) if matches!(error.kind(), ErrorKind::Refused | ErrorKind::Unknown))
}

/// What COUNT answered, which is never negative.
fn count(answer: i64) -> u64 {
    u64::try_from(answer).unwrap_or(0)
}

/// Whether the data column was selected.
enum Data {
    Read,
    Skip,
}

/// Where the data is among the columns of [`LOADED`].
const DATA: usize = LOADED.len() - 1;

/// Reads the columns of [`LOADED`].
fn read(row: &rusqlite::Row<'_>, data: Data) -> rusqlite::Result<Row> {
    let payload = match data {
        Data::Skip => Payload::Text(String::new()),
        Data::Read => match row.get_ref(DATA)? {
            ValueRef::Blob(bytes) => Payload::Binary(bytes.to_vec()),
            _ => Payload::Text(row.get(DATA)?),
        },
    };
    Ok(Row {
        user: row.get(2)?,
        handle: row.get(3)?,
        authenticated: row.get(4)?,
        method: row.get(5)?,
        proof: row.get(6)?,
        format: row.get(7)?,
        created: row.get(8)?,
        seen: row.get(9)?,
        expires: row.get(10)?,
        deadline: row.get(11)?,
        idle: row.get(12)?,
        absolute: row.get(13)?,
        persistence: row.get(14)?,
        device: row.get(15)?,
        verifier: row.get(16)?,
        payload,
        extra: Vec::new(),
    })
}

impl ToSql for Argument<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Integer(integer) => ValueRef::Integer(*integer),
        }))
    }
}
