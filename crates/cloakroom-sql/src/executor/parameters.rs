//! The parameters of PostgreSQL's array statements, in the order of their texts.

use cloakroom_core::StoreKey;
use cloakroom_core::layout::{ExtraKind, Layout};
use sqlx::Arguments as _;
use sqlx::postgres::PgArguments;

use super::key;
use crate::failure::Failure;
use crate::operation::{ExtraValue, Operation, Payload, Row};
use crate::write::new_version;

/// The operations of a batch with their positions, those of one verb together.
pub(super) fn by_verb(batch: Vec<Operation>) -> [Vec<(usize, Operation)>; 5] {
    let [mut creates, mut saves, mut touches, mut renames, mut deletes] = [const { Vec::new() }; 5];
    for (position, operation) in batch.into_iter().enumerate() {
        let group = match operation {
            Operation::Create { .. } => &mut creates,
            Operation::Save { .. } => &mut saves,
            Operation::Touch { .. } => &mut touches,
            Operation::Rename { .. } => &mut renames,
            _ => &mut deletes,
        };
        group.push((position, operation));
    }
    [creates, saves, touches, renames, deletes]
}

/// For loads and deletes.
pub(super) fn keys(batch: &[Operation]) -> Result<PgArguments, Failure> {
    let mut list = PgArguments::default();
    add(&mut list, key_bytes(batch))?;
    Ok(list)
}

/// For touches.
pub(super) fn touches(batch: &[Operation]) -> Result<PgArguments, Failure> {
    let mut list = PgArguments::default();
    add(&mut list, key_bytes(batch))?;
    let fields = batch.iter().filter_map(|operation| match operation {
        Operation::Touch { version, seen, expires, now, .. } => {
            Some([*version, seen.as_millis(), expires.as_millis(), now.as_millis()])
        }
        _ => None,
    });
    let fields: Vec<[i64; 4]> = fields.collect();
    add(&mut list, fields.iter().map(|[version, ..]| *version).collect::<Vec<i64>>())?;
    add(&mut list, fields.iter().map(|[_, seen, ..]| *seen).collect::<Vec<i64>>())?;
    add(&mut list, fields.iter().map(|[_, _, expires, _]| *expires).collect::<Vec<i64>>())?;
    add(&mut list, fields.iter().map(|[.., now]| *now).collect::<Vec<i64>>())?;
    Ok(list)
}

/// For creates, saves and renames.
pub(super) fn rows(batch: &[Operation], layout: &Layout) -> Result<PgArguments, Failure> {
    let rows: Vec<(&Row, i64, i64, Option<&StoreKey>)> = batch.iter().filter_map(row).collect();
    let row = || rows.iter().map(|(row, ..)| *row);
    let mut list = PgArguments::default();
    add(&mut list, key_bytes(batch))?;
    add(&mut list, rows.iter().map(|(_, version, ..)| *version).collect::<Vec<i64>>())?;
    add(&mut list, row().map(|row| row.user.as_deref()).collect::<Vec<Option<&str>>>())?;
    add(&mut list, row().map(|row| row.handle.as_deref()).collect::<Vec<Option<&[u8]>>>())?;
    add(&mut list, row().map(|row| row.authenticated).collect::<Vec<Option<i64>>>())?;
    add(&mut list, row().map(|row| row.method.as_deref()).collect::<Vec<Option<&str>>>())?;
    add(&mut list, row().map(|row| row.proof.as_deref()).collect::<Vec<Option<&[u8]>>>())?;
    add(&mut list, row().map(|row| row.format.as_str()).collect::<Vec<&str>>())?;
    add_payloads(&mut list, row().map(|row| &row.payload).collect())?;
    for integers in [
        row().map(|row| Some(row.created)).collect::<Vec<Option<i64>>>(),
        row().map(|row| Some(row.seen)).collect(),
        row().map(|row| Some(row.expires)).collect(),
        row().map(|row| row.deadline).collect(),
        row().map(|row| row.idle).collect(),
        row().map(|row| row.absolute).collect(),
        row().map(|row| Some(i64::from(row.persistence))).collect(),
    ] {
        add(&mut list, integers)?;
    }
    add(&mut list, row().map(|row| row.device.as_deref()).collect::<Vec<Option<&str>>>())?;
    add(&mut list, row().map(|row| row.verifier.as_slice()).collect::<Vec<&[u8]>>())?;
    add(&mut list, rows.iter().map(|(_, _, now, _)| *now).collect::<Vec<i64>>())?;
    for (position, column) in layout.extra().iter().enumerate() {
        let values = row().map(|row| row.extra.get(position).unwrap_or(&ExtraValue::Null));
        match column.kind {
            ExtraKind::Text => add(&mut list, values.map(text).collect::<Vec<Option<&str>>>())?,
            ExtraKind::Integer => add(&mut list, values.map(integer).collect::<Vec<Option<i64>>>())?,
        }
    }
    let targets: Vec<&[u8]> = rows.iter().filter_map(|(.., target)| target.map(StoreKey::as_bytes)).collect();
    if !targets.is_empty() {
        add(&mut list, targets)?;
    }
    Ok(list)
}

/// The row, the version (the new one of a create, the expected one otherwise), the time, the new key.
fn row(operation: &Operation) -> Option<(&Row, i64, i64, Option<&StoreKey>)> {
    match operation {
        Operation::Create { row, now, .. } => Some((row, new_version(operation), now.as_millis(), None)),
        Operation::Save { row, version, now, .. } => Some((row, *version, now.as_millis(), None)),
        Operation::Rename { row, version, now, to, .. } => Some((row, *version, now.as_millis(), Some(to))),
        _ => None,
    }
}

fn key_bytes(batch: &[Operation]) -> Vec<&[u8]> {
    batch.iter().filter_map(key).map(StoreKey::as_bytes).collect()
}

/// A store's payloads are all of the kind that its data column takes.
fn add_payloads(list: &mut PgArguments, payloads: Vec<&Payload>) -> Result<(), Failure> {
    match payloads.first() {
        Some(Payload::Binary(_)) => add(list, payloads.into_iter().map(bytes).collect::<Vec<&[u8]>>()),
        _ => add(list, payloads.into_iter().map(characters).collect::<Vec<Option<&str>>>()),
    }
}

fn bytes(payload: &Payload) -> &[u8] {
    match payload {
        Payload::Binary(bytes) => bytes,
        Payload::Text(text) => text.as_bytes(),
    }
}

fn characters(payload: &Payload) -> Option<&str> {
    match payload {
        Payload::Text(text) => Some(text),
        Payload::Binary(_) => None,
    }
}

fn text(value: &ExtraValue) -> Option<&str> {
    match value {
        ExtraValue::Text(text) => Some(text),
        ExtraValue::Null | ExtraValue::Integer(_) => None,
    }
}

fn integer(value: &ExtraValue) -> Option<i64> {
    match value {
        ExtraValue::Integer(integer) => Some(*integer),
        ExtraValue::Null | ExtraValue::Text(_) => None,
    }
}

fn add<'t, T>(list: &mut PgArguments, value: T) -> Result<(), Failure>
where
    T: sqlx::Encode<'t, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
{
    Ok(list.add(value).map_err(sqlx::Error::Encode)?)
}
