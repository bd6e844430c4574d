//! What a pool's store does before its first operation: making or checking its table.

use std::time::Duration;

use cloakroom_core::{Operation, StoreError};
use sqlx::pool::Pool;

use super::driver::Driver;
use super::lease::Lease;
use crate::failure::Failure;
use crate::schema::{Mismatch, Startup, check, creation, in_transaction, longest_statement, questions};
use crate::statements::Names;

/// Why a store cannot start.
#[derive(Debug)]
pub(crate) enum Obstacle {
    Failure(Failure),
    Mismatch(Mismatch),
}

impl Obstacle {
    pub(crate) fn into_error(self, backend: &'static str) -> StoreError {
        match self {
            Self::Failure(failure) => failure.into_error(Operation::Open, backend),
            Self::Mismatch(mismatch) => mismatch.into_error(backend),
        }
    }
}

impl From<Failure> for Obstacle {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

/// Makes the table if that is asked for and needed, and compares what is there with the layout.
pub(crate) async fn start<DB: Driver>(
    pool: &Pool<DB>,
    names: &Names,
    startup: Startup,
    patience: Duration,
) -> Result<(), Obstacle> {
    match startup {
        Startup::Nothing => Ok(()),
        Startup::CheckOnly => inspect(pool, names, patience).await?.map_err(Obstacle::Mismatch),
        Startup::CreateIfMissing => match inspect(pool, names, patience).await? {
            // Only now, because IF NOT EXISTS asks for the right to create even where there is nothing to create.
            Err(mismatch) if mismatch.is_missing_table() => {
                create(pool, names, patience).await?;
                inspect(pool, names, patience).await?.map_err(Obstacle::Mismatch)
            }
            inspected => inspected.map_err(Obstacle::Mismatch),
        },
    }
}

/// The longest payload that the database takes, if it has a limit and may be asked.
pub(crate) async fn longest_payload<DB: Driver>(
    pool: &Pool<DB>,
    startup: Startup,
    patience: Duration,
) -> Result<Option<usize>, Failure> {
    /// What a statement holds besides its payload: the text and the other columns, of which the device is the longest.
    const REST: usize = 64 * 1_024;
    let Some(question) = longest_statement(DB::DIALECT).filter(|_| startup != Startup::Nothing) else {
        return Ok(None);
    };
    let mut lease = Lease::take(pool, patience).await?;
    let answer = DB::ask(lease.connection(), &question).await;
    let rows = lease.settle(answer)?;
    let limit = rows.first().and_then(|row| row.first()?.as_deref()?.parse::<usize>().ok());
    Ok(limit.map(|limit| limit.saturating_sub(REST)))
}

async fn inspect<DB: Driver>(
    pool: &Pool<DB>,
    names: &Names,
    patience: Duration,
) -> Result<Result<(), Mismatch>, Failure> {
    let [columns, indexes] = questions(names);
    let mut lease = Lease::take(pool, patience).await?;
    let connection = lease.connection();
    let answers = match DB::ask(connection, &columns).await {
        Ok(columns) => DB::ask(connection, &indexes).await.map(|indexes| (columns, indexes)),
        Err(failure) => Err(failure),
    };
    let (columns, indexes) = lease.settle(answers)?;
    Ok(check(names, &columns, &indexes))
}

async fn create<DB: Driver>(pool: &Pool<DB>, names: &Names, patience: Duration) -> Result<(), Failure> {
    let (before, after) = in_transaction(DB::DIALECT);
    let statements = creation(names);
    let mut lease = Lease::take(pool, patience).await?;
    let all = before.iter().copied().chain(statements.iter().map(String::as_str)).chain([after]);
    let mut result = Ok(());
    for statement in all {
        if result.is_ok() {
            result = DB::command(lease.connection(), statement).await;
        }
    }
    lease.finish(result).await
}
