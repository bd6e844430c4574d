//! Runs batches row by row, for SQLite and MySQL pools: loads as one SELECT, writes as one transaction, a lone write as
//! one statement.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use cloakroom_core::{ErrorKind, Remaining, StoreError, Swept};
use sqlx::pool::Pool;

use super::admission::Puts;
use super::driver::{Driver, Found};
use super::lease::{Leases, Ready};
use super::{Executor, admission, key, scopes};
use crate::dialect::commit;
use crate::failure::{Cause, Failure};
use crate::gather::Direction;
use crate::operation::{Answer, Operation, Outcome};
use crate::statements::Names;
use crate::statements::rows::{RowStatements, Statement, padded};
use crate::write::{Argument, Effect, Next, STEPS, arguments, first, next};

/// How often a statement that lost to a deadlock is run in all.
const ATTEMPTS: usize = 4;

/// The executor of a pool.
pub(crate) struct Rows<DB: Driver> {
    leases: Leases<DB>,
    names: Arc<Names>,
    statements: Arc<RowStatements>,
}

/// What a write came to: an answer, or `Conflict` or `Gone`.
type Written = Result<Answer, ErrorKind>;

impl<DB: Driver> Rows<DB> {
    /// `patience` is how long to wait for a connection of the pool.
    pub(crate) fn new(
        pool: Pool<DB>,
        names: Arc<Names>,
        statements: Arc<RowStatements>,
        patience: Duration,
    ) -> Self {
        Self { leases: Leases::new(pool, patience), names, statements }
    }

    async fn load(&self, batch: &[Operation]) -> Vec<Outcome> {
        let mut keys: Vec<Argument<'_>> =
            batch.iter().filter_map(key).map(|key| Argument::Bytes(key.as_bytes())).collect();
        if let Some(last) = keys.last().copied() {
            keys.resize(padded(keys.len()), last);
        }
        let rows = match self.rows(&self.statements.load(batch.len()), &keys).await {
            Ok(rows) => rows,
            Err(failure) => return Self::all_failed(batch, &failure),
        };
        let mut rows: HashMap<_, _> = rows.into_iter().map(|found| (found.key, found.row)).collect();
        let answer = |operation: &Operation| match operation {
            Operation::Load { key } => match rows.remove(key) {
                Some(row) => Self::outcome(operation, row.map(|row| Ok(Answer::Loaded(Some(row))))),
                None => Ok(Answer::Loaded(None)),
            },
            _ => Ok(Answer::Loaded(None)),
        };
        batch.iter().map(answer).collect()
    }

    async fn rows(&self, text: &str, arguments: &[Argument<'_>]) -> Result<Vec<Found>, Failure> {
        if let Some(mut lease) = self.leases.take_idle() {
            let result = DB::rows(lease.connection(), text, arguments).await;
            match lease.settle(result) {
                // The connection had died in the pool; reading again harms nobody.
                Err(failure) if failure.cause == Cause::Broken => {}
                result => return result,
            }
        }
        let mut lease = self.leases.take().await?;
        let result = DB::rows(lease.connection(), text, arguments).await;
        lease.settle(result)
    }

    /// All writes in one transaction, or one by one where that fails: an error there means that nothing of it was
    /// committed, and taking turns finds out whose error it was.
    async fn write(&self, batch: &[Operation]) -> Vec<Outcome> {
        if batch.len() > 1 {
            match self.write_together(batch).await {
                Ok(written) => {
                    return batch
                        .iter()
                        .zip(written)
                        .map(|(operation, written)| Self::outcome(operation, Ok(written)))
                        .collect();
                }
                // The commit was sent and not answered.
                Err(failure) if failure.cause == Cause::Broken => return Self::all_failed(batch, &failure),
                Err(failure) if failure.cause == Cause::Unreachable => {
                    return Self::all_failed(batch, &failure);
                }
                Err(_) => {}
            }
        }
        let mut outcomes = Vec::with_capacity(batch.len());
        for operation in batch {
            let written = self.write_alone(operation).await;
            outcomes.push(Self::outcome(operation, written));
        }
        outcomes
    }

    /// Fails with [`Cause::Broken`] only when nobody knows whether the transaction was committed.
    async fn write_together(&self, batch: &[Operation]) -> Result<Vec<Written>, Failure> {
        // In the order of the keys, so that nodes whose batches overlap cannot deadlock.
        let mut order: Vec<usize> = (0..batch.len()).collect();
        order.sort_by_key(|position| batch.get(*position).and_then(key));

        let mut lease = self.leases.take().await?;
        match self.before_commit(lease.connection(), batch, &order).await {
            Ok(written) => {
                let committed = DB::command(lease.connection(), commit()).await;
                lease.finish(committed.map(|()| written)).await
            }
            // The connection broke with the transaction open, so nothing of it was applied.
            Err(failure) if failure.cause == Cause::Broken => Err(failure.meaning(Cause::Contention)),
            Err(failure) => lease.finish(Err(failure)).await,
        }
    }

    async fn before_commit(
        &self,
        connection: &mut DB::Connection,
        batch: &[Operation],
        order: &[usize],
    ) -> Result<Vec<Written>, Failure> {
        for command in DB::DIALECT.begin() {
            DB::command(connection, command).await?;
        }
        let mut written: Vec<(usize, Written)> = Vec::with_capacity(batch.len());
        for position in order {
            if let Some(operation) = batch.get(*position) {
                written.push((*position, self.statements_of(connection, operation).await?));
            }
        }
        written.sort_by_key(|(position, _)| *position);
        Ok(written.into_iter().map(|(_, written)| written).collect())
    }

    async fn write_alone(&self, operation: &Operation) -> Result<Written, Failure> {
        let mut attempt = 1;
        loop {
            let mut lease = self.leases.take().await?;
            let result = self.statements_of(lease.connection(), operation).await;
            match lease.settle(result) {
                Err(failure) if failure.cause == Cause::Contention && attempt < ATTEMPTS => attempt += 1,
                result => return result,
            }
        }
    }

    /// The statements of one write, each of which commits by itself outside a transaction.
    async fn statements_of(
        &self,
        connection: &mut DB::Connection,
        operation: &Operation,
    ) -> Result<Written, Failure> {
        let Some(mut statement) = first(operation) else { return Ok(Ok(Answer::Done)) };
        for _ in 0..STEPS {
            let text = self.statements.text(statement);
            let arguments = arguments(operation, statement);
            let effect = if statement == Statement::Probe {
                let live = DB::number(connection, text, &arguments).await?;
                Effect::Rows(u64::try_from(live).unwrap_or(0))
            } else {
                match DB::execute(connection, text, &arguments).await {
                    Ok(rows) => Effect::Rows(rows),
                    Err(failure) if failure.cause == Cause::Duplicate => Effect::Duplicate,
                    Err(failure) => return Err(failure),
                }
            };
            match next(operation, statement, effect) {
                Next::Run(following) => statement = following,
                Next::Answer(written) => return Ok(written),
            }
        }
        Ok(Err(ErrorKind::Conflict))
    }

    async fn alone(&self, operation: &Operation) -> Outcome {
        let mut attempt = 1;
        loop {
            let result = self.alone_once(operation).await;
            match result {
                Err(failure) if failure.cause == Cause::Contention && attempt < ATTEMPTS => attempt += 1,
                result => return Self::outcome(operation, result),
            }
        }
    }

    async fn alone_once(&self, operation: &Operation) -> Result<Written, Failure> {
        let mut lease = self.leases.take().await?;
        if let Operation::Admit(admit) = operation {
            return admission::admit(self, lease, &self.names, admit).await;
        }
        let connection = lease.connection();
        let result = match operation {
            Operation::End { .. } => scopes::end::<DB>(connection, &self.names, operation).await,
            Operation::Sweep { limit, now } => self.sweep(connection, limit.get(), now.as_millis()).await,
            _ => scopes::read::<DB>(connection, &self.names, operation).await,
        };
        let result = result.map(Ok);
        match operation {
            Operation::End { .. } | Operation::Sweep { .. } => lease.finish(result).await,
            _ => lease.settle(result),
        }
    }

    async fn sweep(&self, connection: &mut DB::Connection, limit: u32, now: i64) -> Result<Answer, Failure> {
        for command in DB::DIALECT.begin() {
            DB::command(connection, command).await?;
        }
        let bounds = [Argument::Integer(now), Argument::Integer(limit.into())];
        let keys = DB::keys(connection, &self.statements.due, &bounds).await?;
        let mut removed = 0;
        if let Some(last) = keys.last() {
            let mut list: Vec<Argument<'_>> = keys.iter().map(|key| Argument::Bytes(key)).collect();
            list.resize(padded(keys.len()), Argument::Bytes(last));
            let expired: Vec<_> = [Argument::Integer(now)].into_iter().chain(list.iter().copied()).collect();
            removed = DB::execute(connection, &self.statements.sweep_delete(keys.len()), &expired).await?;
            if removed < u64::try_from(keys.len()).unwrap_or(u64::MAX) {
                DB::execute(connection, &self.statements.sweep_move(keys.len()), &list).await?;
            }
        }
        DB::command(connection, commit()).await?;
        let full = u32::try_from(keys.len()).is_ok_and(|looked_at| looked_at >= limit);
        let remaining = if full { Remaining::Perhaps } else { Remaining::Nothing };
        Ok(Answer::Swept(Swept { removed, remaining }))
    }

    fn all_failed(batch: &[Operation], failure: &Failure) -> Vec<Outcome> {
        batch.iter().map(|operation| Self::outcome(operation, Err(failure.again()))).collect()
    }

    fn outcome(operation: &Operation, result: Result<Written, Failure>) -> Outcome {
        let backend = DB::DIALECT.name();
        match result {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(kind)) => Err(StoreError::new(kind, operation.verb(), backend)),
            Err(failure) => Err(failure.into_error(operation.verb(), backend)),
        }
    }
}

impl<DB: Driver> Puts<DB> for Rows<DB> {
    async fn put(&self, connection: &mut DB::Connection, operation: &Operation) -> Result<Written, Failure> {
        self.statements_of(connection, operation).await
    }
}

impl<DB: Driver> Executor for Rows<DB> {
    type Ready = Ready<DB>;

    async fn prepare(&mut self, direction: Direction) -> Result<Self::Ready, Failure> {
        self.leases.prepare(direction).await
    }

    async fn run(&mut self, ready: Self::Ready, batch: Vec<Operation>) -> Vec<Outcome> {
        self.leases.begin(ready);
        let outcomes = match batch.first() {
            Some(Operation::Load { .. }) => self.load(&batch).await,
            Some(operation) if first(operation).is_some() => self.write(&batch).await,
            _ => {
                let mut outcomes = Vec::with_capacity(batch.len());
                for operation in &batch {
                    outcomes.push(self.alone(operation).await);
                }
                outcomes
            }
        };
        self.leases.end();
        outcomes
    }
}
