//! Runs batches on PostgreSQL: one statement for each verb of the batch, arrays in, what happened to each key out.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use cloakroom_core::{ErrorKind, Remaining, StoreError, StoreKey, Swept};
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::{AssertSqlSafe, PgConnection, PgPool, Postgres, Row as _};

use super::admission::Puts;
use super::driver::Driver as _;
use super::lease::{Leases, Ready};
use super::parameters;
use super::{Executor, admission, key, scopes};
use crate::failure::{Cause, Failure};
use crate::gather::Direction;
use crate::operation::{Answer, Operation, Outcome};
use crate::statements::Names;
use crate::statements::arrays::ArrayStatements;
use crate::write::new_version;

/// How often a statement that lost to a deadlock is run in all.
const ATTEMPTS: usize = 4;

/// The executor of a pool.
pub(crate) struct Arrays {
    leases: Leases<Postgres>,
    names: Arc<Names>,
    statements: Arc<ArrayStatements>,
}

/// What a write came to: an answer, or `Conflict` or `Gone`.
type Written = Result<Answer, ErrorKind>;

impl Arrays {
    /// `patience` is how long to wait for a connection of the pool.
    pub(crate) fn new(
        pool: PgPool,
        names: Arc<Names>,
        statements: Arc<ArrayStatements>,
        patience: Duration,
    ) -> Self {
        Self { leases: Leases::new(pool, patience), names, statements }
    }

    async fn load(&self, batch: &[Operation]) -> Vec<Outcome> {
        let rows = match self.rows(batch).await {
            Ok(rows) => rows,
            Err(failure) => return all_failed(batch, &failure),
        };
        let mut found = HashMap::with_capacity(rows.len());
        for row in &rows {
            match Postgres::found(row) {
                Ok(row) => found.insert(row.key, row.row),
                Err(failure) => return all_failed(batch, &failure),
            };
        }
        let answer = |operation: &Operation| {
            let row = key(operation).and_then(|key| found.remove(key)).transpose();
            outcome(operation, row.map(|row| Ok(Answer::Loaded(row))))
        };
        batch.iter().map(answer).collect()
    }

    async fn rows(&self, batch: &[Operation]) -> Result<Vec<PgRow>, Failure> {
        let text = &self.statements.load;
        if let Some(mut lease) = self.leases.take_idle() {
            let result = fetch(lease.connection(), text, parameters::keys(batch)?).await;
            match lease.settle(result) {
                // The connection had died in the pool; reading again harms nobody.
                Err(failure) if failure.cause == Cause::Broken => {}
                result => return result,
            }
        }
        let mut lease = self.leases.take().await?;
        let result = fetch(lease.connection(), text, parameters::keys(batch)?).await;
        lease.settle(result)
    }

    async fn write(&self, batch: Vec<Operation>) -> Vec<Outcome> {
        let mut outcomes: Vec<(usize, Outcome)> = Vec::with_capacity(batch.len());
        for group in parameters::by_verb(batch) {
            let (positions, operations): (Vec<usize>, Vec<Operation>) = group.into_iter().unzip();
            outcomes.extend(positions.into_iter().zip(self.write_group(&operations).await));
        }
        outcomes.sort_by_key(|(position, _)| *position);
        outcomes.into_iter().map(|(_, outcome)| outcome).collect()
    }

    /// Operations of one verb in one statement, or one by one where that fails: the statement was rolled back, and
    /// taking turns finds out whose error it was.
    async fn write_group(&self, group: &[Operation]) -> Vec<Outcome> {
        let failure = match self.write_together(group).await {
            Ok(written) => {
                return group.iter().zip(written).map(|(one, written)| outcome(one, Ok(written))).collect();
            }
            Err(failure) => failure,
        };
        if matches!(failure.cause, Cause::Broken | Cause::Unreachable) {
            return all_failed(group, &failure);
        }
        let mut outcomes = Vec::with_capacity(group.len());
        for operation in group {
            outcomes.push(outcome(operation, self.write_alone(operation).await));
        }
        outcomes
    }

    async fn write_alone(&self, operation: &Operation) -> Result<Written, Failure> {
        let mut attempt = 1;
        loop {
            let result = self.write_together(std::slice::from_ref(operation)).await;
            match (result, operation) {
                (Err(failure), Operation::Rename { to, now, .. }) if failure.cause == Cause::Duplicate => {
                    // The new key is taken; if only by an expired row, that one goes, and there is another try.
                    if attempt == ATTEMPTS || !self.clear(to, now.as_millis()).await? {
                        return Ok(Err(ErrorKind::Conflict));
                    }
                }
                (Err(failure), _) if failure.cause == Cause::Contention && attempt < ATTEMPTS => {}
                (result, _) => {
                    return result.map(|written| written.into_iter().next().unwrap_or(Err(ErrorKind::Gone)));
                }
            }
            attempt += 1;
        }
    }

    async fn write_together(&self, group: &[Operation]) -> Result<Vec<Written>, Failure> {
        let mut lease = self.leases.take().await?;
        let result = self.statement_of(lease.connection(), group).await;
        lease.settle(result)
    }

    /// The one statement of operations of one verb.
    async fn statement_of(
        &self,
        connection: &mut PgConnection,
        group: &[Operation],
    ) -> Result<Vec<Written>, Failure> {
        let statements = &self.statements;
        let layout = &self.names.layout;
        let (text, arguments) = match group.first() {
            Some(Operation::Create { .. }) => (&statements.create, parameters::rows(group, layout)?),
            Some(Operation::Save { .. }) => (&statements.save, parameters::rows(group, layout)?),
            Some(Operation::Rename { .. }) => (&statements.rename, parameters::rows(group, layout)?),
            Some(Operation::Touch { .. }) => (&statements.touch, parameters::touches(group)?),
            _ => (&statements.delete, parameters::keys(group)?),
        };
        let rows = fetch(connection, text, arguments).await?;
        let (mut written, mut live) = (HashSet::new(), HashSet::new());
        for row in &rows {
            let key = StoreKey::from_bytes(row.try_get::<Vec<u8>, _>(0)?);
            // The statements that answer with one column name only keys that were written.
            if row.len() == 1 || row.try_get(1)? {
                written.insert(key.clone());
            }
            live.insert(key);
        }
        let conclude = |operation: &Operation| match (operation, key(operation)) {
            (Operation::Delete { .. }, _) => Ok(Answer::Done),
            (Operation::Touch { .. }, Some(key)) if live.contains(key) => Ok(Answer::Done),
            (_, Some(key)) if written.contains(key) => Ok(Answer::Version(new_version(operation))),
            (Operation::Create { .. }, _) => Err(ErrorKind::Conflict),
            (_, Some(key)) if live.contains(key) => Err(ErrorKind::Conflict),
            _ => Err(ErrorKind::Gone),
        };
        Ok(group.iter().map(conclude).collect())
    }

    /// Removes an expired row, and says whether there was one.
    async fn clear(&self, key: &StoreKey, now: i64) -> Result<bool, Failure> {
        let mut lease = self.leases.take().await?;
        let query = sqlx::query(AssertSqlSafe(self.statements.clear.clone())).bind(key.as_bytes()).bind(now);
        let result = query.execute(lease.connection()).await.map_err(Failure::from);
        Ok(lease.settle(result)?.rows_affected() > 0)
    }

    async fn alone(&self, operation: &Operation) -> Outcome {
        let mut attempt = 1;
        loop {
            match self.alone_once(operation).await {
                Err(failure) if failure.cause == Cause::Contention && attempt < ATTEMPTS => attempt += 1,
                result => return outcome(operation, result),
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
            Operation::End { .. } => {
                let result = scopes::end::<Postgres>(connection, &self.names, operation).await;
                lease.finish(result).await
            }
            Operation::Sweep { limit, now } => {
                let result = self.sweep(connection, limit.get().into(), now.as_millis()).await;
                lease.settle(result)
            }
            _ => {
                let result = scopes::read::<Postgres>(connection, &self.names, operation).await;
                lease.settle(result)
            }
        };
        result.map(Ok)
    }

    async fn sweep(&self, connection: &mut PgConnection, limit: i64, now: i64) -> Result<Answer, Failure> {
        let query = sqlx::query(AssertSqlSafe(self.statements.sweep.clone())).bind(now).bind(limit);
        let row = query.fetch_one(connection).await?;
        let (removed, due): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
        let remaining = if due >= limit { Remaining::Perhaps } else { Remaining::Nothing };
        Ok(Answer::Swept(Swept { removed: u64::try_from(removed).unwrap_or(0), remaining }))
    }
}

impl Puts<Postgres> for Arrays {
    async fn put(&self, connection: &mut PgConnection, operation: &Operation) -> Result<Written, Failure> {
        let written = self.statement_of(connection, std::slice::from_ref(operation)).await?;
        Ok(written.into_iter().next().unwrap_or(Err(ErrorKind::Gone)))
    }
}

impl Executor for Arrays {
    type Ready = Ready<Postgres>;

    async fn prepare(&mut self, direction: Direction) -> Result<Self::Ready, Failure> {
        self.leases.prepare(direction).await
    }

    async fn run(&mut self, ready: Self::Ready, batch: Vec<Operation>) -> Vec<Outcome> {
        self.leases.begin(ready);
        let outcomes = match batch.first() {
            Some(Operation::Load { .. }) => self.load(&batch).await,
            Some(operation) if key(operation).is_some() => self.write(batch).await,
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

async fn fetch(
    connection: &mut PgConnection,
    text: &str,
    arguments: PgArguments,
) -> Result<Vec<PgRow>, Failure> {
    Ok(sqlx::query_with(AssertSqlSafe(text.to_owned()), arguments).fetch_all(connection).await?)
}

fn all_failed(batch: &[Operation], failure: &Failure) -> Vec<Outcome> {
    batch.iter().map(|operation| outcome(operation, Err(failure.again()))).collect()
}

fn outcome(operation: &Operation, result: Result<Written, Failure>) -> Outcome {
    const BACKEND: &str = "postgres";
    match result {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(kind)) => Err(StoreError::new(kind, operation.verb(), BACKEND)),
        Err(failure) => Err(failure.into_error(operation.verb(), BACKEND)),
    }
}
