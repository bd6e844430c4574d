//! A write in the dialects that go row by row: which statement comes first, with which arguments, and what follows
//! from what it did.
//!
//! The decisions are here, without I/O, so that the asynchronous and the blocking driver cannot differ.

use cloakroom_core::{ErrorKind, Timestamp};

use crate::operation::{Answer, ExtraValue, Operation, Payload, Row};
use crate::statements::rows::Statement;

/// A parameter of a statement.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Argument<'a> {
    Null,
    Bytes(&'a [u8]),
    Text(&'a str),
    Integer(i64),
}

/// What a statement did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It matched this many rows; for [`Statement::Probe`], the count that it selected.
    Rows(u64),
    /// It was refused because the key is taken. Nothing was written.
    Duplicate,
}

/// What comes next.
#[derive(Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "it lives for one turn of a loop, and no write answers with a row"
)]
pub(crate) enum Next {
    /// Run this statement, and ask again.
    Run(Statement),
    /// The operation is over. The error is [`ErrorKind::Conflict`] or [`ErrorKind::Gone`].
    Answer(Result<Answer, ErrorKind>),
}

/// The first statement of a write, or nothing for an operation that is none.
pub(crate) const fn first(operation: &Operation) -> Option<Statement> {
    match operation {
        Operation::Create { .. } => Some(Statement::Insert),
        Operation::Save { .. } => Some(Statement::Update),
        Operation::Touch { .. } => Some(Statement::Touch),
        Operation::Rename { .. } => Some(Statement::Rename),
        Operation::Delete { .. } => Some(Statement::Delete),
        Operation::Load { .. }
        | Operation::Sweep { .. }
        | Operation::List { .. }
        | Operation::Count { .. }
        | Operation::End { .. }
        | Operation::Admit(_) => None,
    }
}

/// How many statements one write runs at most; then it is a conflict. A create starts again when the row in its way
/// vanishes meanwhile, but when it is refused by a UNIQUE constraint of the application's own it would do so for ever.
pub(crate) const STEPS: usize = 9;

/// What follows when `statement`, run for `operation`, had this effect.
pub(crate) fn next(operation: &Operation, statement: Statement, effect: Effect) -> Next {
    let matched = matches!(effect, Effect::Rows(1..));
    match (statement, effect) {
        (Statement::Insert, Effect::Duplicate) => Next::Run(Statement::Replace),
        // The key to move to is taken; if only by an expired row, that one goes first.
        (Statement::Rename, Effect::Duplicate) => Next::Run(Statement::Clear),
        (Statement::Clear, _) if matched => Next::Run(Statement::Rename),
        (Statement::Delete, _) => Next::Answer(Ok(Answer::Done)),
        (Statement::Touch, _) if matched => Next::Answer(Ok(Answer::Done)),
        (Statement::Update | Statement::Rename | Statement::Insert | Statement::Replace, _) if matched => {
            Next::Answer(Ok(Answer::Version(new_version(operation))))
        }
        (Statement::Update | Statement::Rename | Statement::Touch | Statement::Replace, _) => {
            Next::Run(Statement::Probe)
        }
        // The row that stood in the way was swept or deleted meanwhile.
        (Statement::Probe, _) if !matched && matches!(operation, Operation::Create { .. }) => {
            Next::Run(Statement::Insert)
        }
        (Statement::Probe, _) if !matched => Next::Answer(Err(ErrorKind::Gone)),
        // Live, so the version is another one: whoever wrote that has moved the expiry too.
        (Statement::Probe, _) if matches!(operation, Operation::Touch { .. }) => {
            Next::Answer(Ok(Answer::Done))
        }
        (Statement::Insert | Statement::Clear | Statement::Probe, _) => {
            Next::Answer(Err(ErrorKind::Conflict))
        }
    }
}

/// The parameters of `statement` when it is run for `operation`, in the order of its text.
pub(crate) fn arguments(operation: &Operation, statement: Statement) -> Vec<Argument<'_>> {
    let mut list = Vec::with_capacity(24);
    let (key, now) = key_and_now(operation);
    match (statement, operation) {
        (Statement::Insert, Operation::Create { key, version, row, .. }) => {
            list.push(Argument::Bytes(key.as_bytes()));
            push_row(&mut list, *version, row);
        }
        (Statement::Replace, Operation::Create { key, version, row, now }) => {
            push_row(&mut list, *version, row);
            list.extend([Argument::Bytes(key.as_bytes()), at(*now)]);
        }
        (Statement::Update, Operation::Save { key, version, row, now }) => {
            push_row(&mut list, new_version(operation), row);
            list.extend([Argument::Bytes(key.as_bytes()), Argument::Integer(*version), at(*now)]);
        }
        (Statement::Touch, Operation::Touch { key, version, seen, expires, now }) => {
            list.extend([at(*seen), at(*expires)]);
            list.extend([Argument::Bytes(key.as_bytes()), Argument::Integer(*version), at(*now)]);
        }
        (Statement::Rename, Operation::Rename { from, version, to, row, now }) => {
            list.push(Argument::Bytes(to.as_bytes()));
            push_row(&mut list, new_version(operation), row);
            list.extend([Argument::Bytes(from.as_bytes()), Argument::Integer(*version), at(*now)]);
        }
        (Statement::Clear, Operation::Rename { to, now, .. }) => {
            list.extend([Argument::Bytes(to.as_bytes()), at(*now)]);
        }
        (Statement::Delete, _) => list.extend(key.map(Argument::Bytes)),
        // `first` and `next` pair no other statement than the probe with any operation.
        (_, _) => list.extend(key.map(Argument::Bytes).into_iter().chain(now.map(Argument::Integer))),
    }
    list
}

/// The version that a row has after a successful create, save or rename.
pub(crate) const fn new_version(operation: &Operation) -> i64 {
    match operation {
        Operation::Create { version, .. } => *version,
        // Wrapping, because a row that the application filled by hand may hold any number.
        Operation::Save { version, .. } | Operation::Rename { version, .. } => version.wrapping_add(1),
        _ => 0,
    }
}

fn key_and_now(operation: &Operation) -> (Option<&[u8]>, Option<i64>) {
    match operation {
        Operation::Create { key, now, .. }
        | Operation::Save { key, now, .. }
        | Operation::Touch { key, now, .. }
        | Operation::Rename { from: key, now, .. } => (Some(key.as_bytes()), Some(now.as_millis())),
        Operation::Load { key } | Operation::Delete { key } => (Some(key.as_bytes()), None),
        Operation::Sweep { .. }
        | Operation::List { .. }
        | Operation::Count { .. }
        | Operation::End { .. }
        | Operation::Admit(_) => (None, None),
    }
}

/// The version, the columns of `statements::WRITTEN`, the sweep time and the extra columns.
fn push_row<'a>(list: &mut Vec<Argument<'a>>, version: i64, row: &'a Row) {
    let text = |value: &'a Option<String>| value.as_deref().map_or(Argument::Null, Argument::Text);
    let bytes = |value: &'a Option<Vec<u8>>| value.as_deref().map_or(Argument::Null, Argument::Bytes);
    let integer = |value: Option<i64>| value.map_or(Argument::Null, Argument::Integer);
    let payload = match &row.payload {
        Payload::Text(text) => Argument::Text(text),
        Payload::Binary(bytes) => Argument::Bytes(bytes),
    };
    list.extend([
        Argument::Integer(version),
        text(&row.user),
        bytes(&row.handle),
        integer(row.authenticated),
        text(&row.method),
        bytes(&row.proof),
        Argument::Text(&row.format),
        payload,
        Argument::Integer(row.created),
        Argument::Integer(row.seen),
        Argument::Integer(row.expires),
        integer(row.deadline),
        integer(row.idle),
        integer(row.absolute),
        Argument::Integer(i64::from(row.persistence)),
        text(&row.device),
        Argument::Bytes(&row.verifier),
        Argument::Integer(row.expires),
    ]);
    list.extend(row.extra.iter().map(|value| match value {
        ExtraValue::Null => Argument::Null,
        ExtraValue::Text(text) => Argument::Text(text),
        ExtraValue::Integer(integer) => Argument::Integer(*integer),
    }));
}

const fn at(instant: Timestamp) -> Argument<'static> {
    Argument::Integer(instant.as_millis())
}

#[cfg(test)]
mod tests;
