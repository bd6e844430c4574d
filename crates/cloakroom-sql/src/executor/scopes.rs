//! What runs alone and alike on every database: listing, counting and ending sessions.

use cloakroom_core::StoreKey;

use super::driver::{Driver, Found};
use crate::dialect::commit;
use crate::failure::Failure;
use crate::operation::{Answer, Operation};
use crate::statements::{Keep, Names, Start, scoped};
use crate::write::Argument;

/// Runs a `List` or `Count`, which may be sent twice; nothing for another operation.
pub(super) async fn read<DB: Driver>(
    connection: &mut DB::Connection,
    names: &Names,
    operation: &Operation,
) -> Result<Answer, Failure> {
    match operation {
        Operation::List { scope, page, now } => {
            let start = if page.after.is_some() { Start::After } else { Start::First };
            let mut arguments = scoped(scope, *now);
            arguments.extend(page.after.as_ref().map(key));
            arguments.push(Argument::Integer(page.limit.get().into()));
            let rows = DB::rows(connection, &names.list(scope, start), &arguments).await?;
            let list = |found: Found| found.row.map(|(row, _version)| (found.key, row));
            Ok(Answer::Listed(rows.into_iter().map(list).collect::<Result<_, _>>()?))
        }
        Operation::Count { scope, now } => {
            let number = DB::number(connection, &names.count(scope), &scoped(scope, *now)).await?;
            Ok(Answer::Counted(u64::try_from(number).unwrap_or(0)))
        }
        _ => Ok(Answer::Done),
    }
}

/// Runs an `End` in one transaction; nothing for another operation.
pub(super) async fn end<DB: Driver>(
    connection: &mut DB::Connection,
    names: &Names,
    operation: &Operation,
) -> Result<Answer, Failure> {
    let Operation::End { scope, keep, now } = operation else { return Ok(Answer::Done) };
    let mut arguments = scoped(scope, *now);
    arguments.extend(keep.as_ref().map(key));
    let keep = if keep.is_some() { Keep::One } else { Keep::Nothing };
    let [live, expired] = names.end(scope, keep);

    for command in DB::DIALECT.begin_range() {
        DB::command(connection, command).await?;
    }
    let ended = async {
        let ended = DB::execute(connection, &live, &arguments).await?;
        DB::execute(connection, &expired, &arguments).await?;
        DB::command(connection, commit()).await?;
        Ok(Answer::Counted(ended))
    };
    ended.await
}

fn key(key: &StoreKey) -> Argument<'_> {
    Argument::Bytes(key.as_bytes())
}
