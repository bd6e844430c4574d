//! What rusqlite's errors mean.

use cloakroom_core::ErrorKind;

use crate::failure::{Cause, Failure};

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::Error as Rusqlite;
        match error {
            Rusqlite::SqliteFailure(error, message) => {
                Self::sqlite(error.extended_code, message.as_deref().unwrap_or("no message"))
            }
            Rusqlite::SqlInputError { error, msg, .. } => Self::sqlite(error.extended_code, &msg),
            // A value of another type than the column should have. The driver's text may quote it.
            Rusqlite::FromSqlConversionFailure(..)
            | Rusqlite::IntegralValueOutOfRange(..)
            | Rusqlite::Utf8Error(..)
            | Rusqlite::InvalidColumnType(..)
            | Rusqlite::InvalidColumnIndex(_) => {
                Self::new(Cause::Refused(ErrorKind::Corrupt), "the row has another shape than expected")
            }
            Rusqlite::ToSqlConversionFailure(_) => {
                Self::new(Cause::Refused(ErrorKind::TooLarge), "a value cannot be sent to the database")
            }
            _ => Self::new(Cause::Refused(ErrorKind::Refused), "the driver refused the statement"),
        }
    }
}
