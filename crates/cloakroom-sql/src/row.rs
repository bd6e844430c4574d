//! Records as rows, and rows as records.

use cloakroom_core::layout::DataColumn;
use cloakroom_core::{
    Authentication, Device, Lifetime, Method, Persistence, Record, SessionHandle, StoreKey, Summary,
    Timestamp, UserId, Verifier,
};

use crate::codec::{BoxError, Codecs};
use crate::operation::{ExtraValue, Row};

/// Turns a record into a row.
///
/// # Errors
/// When the codec fails, or the data is nested too deep to be read again.
pub(crate) fn write(
    record: &Record,
    extra: Vec<ExtraValue>,
    codecs: &Codecs,
    column: DataColumn,
) -> Result<Row, BoxError> {
    let (lifetime, authentication) = (&record.lifetime, record.authentication.as_ref());
    Ok(Row {
        user: record.user.as_ref().map(|user| user.as_str().to_owned()),
        handle: authentication.map(|it| it.handle.as_bytes().to_vec()),
        authenticated: authentication.map(|it| it.at.as_millis()),
        method: authentication.map(|it| it.method.as_str().to_owned()),
        proof: authentication.map(Authentication::proof_bytes),
        payload: codecs.encode(&record.data, column)?,
        format: codecs.writes.mark().to_owned(),
        created: record.created.as_millis(),
        seen: record.seen.as_millis(),
        expires: record.expires.as_millis(),
        deadline: record.deadline.map(Timestamp::as_millis),
        idle: lifetime.idle_limit().map(millis),
        absolute: lifetime.absolute_limit().map(millis),
        persistence: match lifetime.persistence() {
            Persistence::Browser => 0,
            Persistence::Persistent => 1,
        },
        device: record.device.as_ref().map(serde_json::to_string).transpose()?,
        verifier: record.verifier.to_bytes(),
        extra,
    })
}

/// Turns a row into a record.
///
/// # Errors
/// When a column holds what no record has, or no codec reads the payload. The text names the column, never its value.
pub(crate) fn read(row: &Row, codecs: &Codecs, column: DataColumn) -> Result<Record, BoxError> {
    Ok(Record {
        data: codecs.decode(&row.format, &row.payload, column).map_err(unquoted)?,
        user: user(row)?,
        authentication: authentication(row)?,
        created: Timestamp::from_millis(row.created),
        seen: Timestamp::from_millis(row.seen),
        expires: Timestamp::from_millis(row.expires),
        deadline: row.deadline.map(Timestamp::from_millis),
        lifetime: lifetime(row)?,
        device: device(row)?,
        verifier: Verifier::from_bytes(&row.verifier)
            .ok_or("the verifier column holds what checks no session id")?,
    })
}

/// Turns a row that was read without its data into an entry of a listing.
///
/// # Errors
/// As for [`read`].
pub(crate) fn summarise(key: StoreKey, row: &Row) -> Result<Summary, BoxError> {
    Ok(Summary {
        key,
        user: user(row)?,
        authentication: authentication(row)?,
        created: Timestamp::from_millis(row.created),
        seen: Timestamp::from_millis(row.seen),
        expires: Timestamp::from_millis(row.expires),
        device: device(row)?,
    })
}

fn user(row: &Row) -> Result<Option<UserId>, BoxError> {
    row.user.as_ref().map(UserId::new).transpose().map_err(|_| "the user column holds no user id".into())
}

/// All four columns, or none of them.
fn authentication(row: &Row) -> Result<Option<Authentication>, BoxError> {
    let (handle, at, method, proof) = match (&row.handle, row.authenticated, &row.method, &row.proof) {
        (None, None, None, None) => return Ok(None),
        (Some(handle), Some(at), Some(method), Some(proof)) => {
            (handle, Timestamp::from_millis(at), method, proof)
        }
        (None, ..) => return Err("the handle column is empty, and others of a sign-in are not".into()),
        (_, None, ..) => {
            return Err("the authenticated_at column is empty, and others of a sign-in are not".into());
        }
        (_, _, None, _) => return Err("the method column is empty, and others of a sign-in are not".into()),
        (.., None) => return Err("the proof column is empty, and others of a sign-in are not".into()),
    };
    let refused = || match (handle.len(), Method::new(method)) {
        (SessionHandle::BYTES, Ok(_)) => "the proof column holds what proves no sign-in",
        (SessionHandle::BYTES, Err(_)) => "the method column holds no method of signing in",
        _ => "the handle column holds no session's handle",
    };
    Authentication::from_stored(handle, at, method, proof).map(Some).ok_or_else(|| refused().into())
}

fn lifetime(row: &Row) -> Result<Lifetime, BoxError> {
    let persistence = match row.persistence {
        0 => Persistence::Browser,
        1 => Persistence::Persistent,
        _ => return Err("the persistence column holds neither 0 nor 1".into()),
    };
    Lifetime::from_stored(row.idle, row.absolute, persistence)
        .ok_or_else(|| "the row has no limit of its life".into())
}

fn device(row: &Row) -> Result<Option<Device>, BoxError> {
    let read = row.device.as_deref().map(serde_json::from_str).transpose();
    read.map_err(|_| "the device column holds no device".into())
}

/// The errors of serde quote the value that they did not expect (`invalid type: string "…"`).
fn unquoted(error: BoxError) -> BoxError {
    match error.downcast::<serde_json::Error>() {
        Ok(error) => {
            format!("the payload is no JSON object (line {}, column {})", error.line(), error.column()).into()
        }
        Err(error) => unquoted_messagepack(error),
    }
}

#[cfg(feature = "messagepack")]
fn unquoted_messagepack(error: BoxError) -> BoxError {
    if error.is::<rmp_serde::decode::Error>() { "the payload is no MessagePack map".into() } else { error }
}

#[cfg(not(feature = "messagepack"))]
fn unquoted_messagepack(error: BoxError) -> BoxError {
    error
}

fn millis(duration: std::time::Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
