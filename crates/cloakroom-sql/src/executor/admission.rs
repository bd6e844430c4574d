//! Admits in one transaction, alike on every database.
//!
//! The mark is locked first. Whoever else admits the same user waits for it, and so does whoever writes it. Each
//! statement after that sees what was committed before (READ COMMITTED), so the list is of one instant and misses no
//! session that was let in before. It locks none of the user's sessions: a scan that locks as it goes could miss one
//! that is renamed meanwhile. Those that have to end are locked then, and if one of them is not any more what the
//! decision was made on, there is another try.

use std::future::Future;

use cloakroom_core::{Admitted, ErrorKind, Summary};

use super::driver::Driver;
use super::lease::Lease;
use super::scopes;
use crate::admission::{Admit, admitted, summarise};
use crate::dialect::commit;
use crate::failure::{Cause, Failure};
use crate::operation::{Answer, Operation};
use crate::statements::Names;
use crate::statements::admission::{AT_ONCE, in_list};

/// How an executor runs one write within a transaction.
pub(super) trait Puts<DB: Driver> {
    /// Runs a `Create` or `Save`.
    fn put(
        &self,
        connection: &mut DB::Connection,
        operation: &Operation,
    ) -> impl Future<Output = Result<Result<Answer, ErrorKind>, Failure>> + Send;
}

/// Fails with [`Cause::Broken`] only when nobody knows whether the transaction was committed.
pub(super) async fn admit<DB: Driver>(
    puts: &impl Puts<DB>,
    mut lease: Lease<DB>,
    names: &Names,
    admit: &Admit,
) -> Result<Result<Answer, ErrorKind>, Failure> {
    match before_commit(puts, lease.connection(), names, admit).await {
        Ok(Ok(Answer::Admitted(admitted @ Admitted::In { .. }))) => {
            let committed = DB::command(lease.connection(), commit()).await;
            lease.finish(committed.map(|()| Ok(Answer::Admitted(admitted)))).await
        }
        Ok(refused) => {
            lease.undo().await;
            Ok(refused)
        }
        // The connection broke with the transaction open, so nothing of it was applied.
        Err(failure) if failure.cause == Cause::Broken => Err(failure.meaning(Cause::Contention)),
        Err(failure) => lease.finish(Err(failure)).await,
    }
}

async fn before_commit<DB: Driver>(
    puts: &impl Puts<DB>,
    connection: &mut DB::Connection,
    names: &Names,
    admit: &Admit,
) -> Result<Result<Answer, ErrorKind>, Failure> {
    for command in DB::DIALECT.begin() {
        DB::command(connection, command).await?;
    }
    if DB::keys(connection, &names.mark(), &admit.mark()).await?.is_empty() {
        return Ok(Ok(Answer::Admitted(Admitted::Superseded)));
    }
    let listed = match admit.list() {
        Some(list) => scopes::read::<DB>(connection, names, &list).await?,
        None => Answer::Listed(Vec::new()),
    };
    let Answer::Listed(listed) = listed else { return Ok(Ok(listed)) };
    let Some(ended) = admit.make_room(listed)? else { return Ok(Ok(Answer::Admitted(Admitted::Full))) };
    for some in ended.chunks(AT_ONCE) {
        remove::<DB>(connection, names, some).await?;
    }
    Ok(match puts.put(connection, &admit.put).await? {
        Ok(Answer::Version(version)) => Ok(admitted(version, ended)),
        refused => refused,
    })
}

/// Removes sessions that are still what `ended` says.
async fn remove<DB: Driver>(
    connection: &mut DB::Connection,
    names: &Names,
    ended: &[Summary],
) -> Result<(), Failure> {
    let keys = in_list(ended.iter().map(|session| &session.key));
    let held = DB::rows(connection, &names.held(ended.len()), &keys).await?;
    let held = held.into_iter().map(|found| summarise(found.key, &found.row?.0));
    if held.collect::<Result<Vec<_>, _>>()? != ended {
        return Err(Failure::new(Cause::Contention, "a session that was to end has changed meanwhile"));
    }
    DB::execute(connection, &names.remove(ended.len()), &keys).await?;
    Ok(())
}
