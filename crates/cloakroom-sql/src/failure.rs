//! What a driver's error means for the operation that met it.

use std::error::Error;
use std::fmt;

use cloakroom_core::{ErrorKind, Operation, StoreError};

/// Why a statement failed, in the terms that the executors act on.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) cause: Cause,
    source: Box<dyn Error + Send + Sync>,
}

/// What to do about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The key is taken. Nothing was written.
    Duplicate,
    /// The database gave the statement up because of its company (deadlock, serialisation). Nothing was written, and
    /// the same statement alone is likely to succeed: the executors run it again at once, because whom it lost to goes
    /// on meanwhile, a few times. What keeps losing is [`ErrorKind::Unavailable`], and so tried again after a pause.
    Contention,
    /// There was no connection to send the statement on.
    Unreachable,
    /// The connection broke: the statement was applied or it was not.
    Broken,
    /// The database said no, and nothing was written.
    Refused(ErrorKind),
}

/// A driver's message with everything left out that could quote a value.
#[derive(Debug)]
struct Message(String);

impl fmt::Display for Message {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Error for Message {}

impl Failure {
    pub(crate) fn new(cause: Cause, message: impl Into<String>) -> Self {
        Self { cause, source: Box::new(Message(message.into())) }
    }

    /// The store's error for `operation`.
    pub(crate) fn into_error(self, operation: Operation, backend: &'static str) -> StoreError {
        let kind = match self.cause {
            Cause::Duplicate => ErrorKind::Conflict,
            Cause::Contention | Cause::Unreachable => ErrorKind::Unavailable,
            Cause::Broken => ErrorKind::Unknown,
            Cause::Refused(kind) => kind,
        };
        StoreError::new(kind, operation, backend).with_source(self.source)
    }

    /// The same failure, for which the caller knows better what it means.
    pub(crate) fn meaning(self, cause: Cause) -> Self {
        Self { cause, ..self }
    }

    /// The same failure once more, for another operation of the same batch.
    pub(crate) fn again(&self) -> Self {
        Self::new(self.cause, self.source.to_string())
    }

    /// Reads an extended result code of SQLite. Its messages name tables and columns, never values.
    pub(crate) fn sqlite(code: i32, message: &str) -> Self {
        const PRIMARY_KEY: i32 = 1555;
        const UNIQUE: i32 = 2067;
        let cause = match (code, code & 0xff) {
            (PRIMARY_KEY | UNIQUE, _) => Cause::Duplicate,
            // BUSY and LOCKED: another writer did not finish within the busy timeout.
            (_, 5 | 6) => Cause::Refused(ErrorKind::Unavailable),
            // IOERR: what was written may be in the log although it could not be synchronised, and be found there after
            // a restart.
            (_, 10) => Cause::Broken,
            // CANTOPEN
            (_, 14) => Cause::Unreachable,
            // TOOBIG
            (_, 18) => Cause::Refused(ErrorKind::TooLarge),
            (_, 1)
                if ["no such table", "no such column", "has no column named"]
                    .iter()
                    .any(|part| message.contains(part)) =>
            {
                Cause::Refused(ErrorKind::Schema)
            }
            _ => Cause::Refused(ErrorKind::Refused),
        };
        Self::new(cause, format!("{message} (SQLite code {code})"))
    }

    /// Reads an SQLSTATE of PostgreSQL.
    #[cfg(feature = "postgres")]
    pub(crate) fn postgres(state: &str, message: &str) -> Self {
        let cause = match state {
            "23505" => Cause::Duplicate,
            // Serialisation failure, deadlock.
            "40001" | "40P01" => Cause::Contention,
            // Statement cancelled, lock not available, shutting down, starting, full: the statement was rolled back.
            "57014" | "55P03" | "57P01" | "57P03" | "53300" => Cause::Refused(ErrorKind::Unavailable),
            // Another process of the server crashed and took this one with it, at whatever point it was.
            "57P02" => Cause::Broken,
            "22001" | "54000" | "54001" => Cause::Refused(ErrorKind::TooLarge),
            "42P01" | "42703" | "42804" | "3F000" | "42P10" => Cause::Refused(ErrorKind::Schema),
            _ if state.starts_with("08") => Cause::Broken,
            _ => Cause::Refused(ErrorKind::Refused),
        };
        // Classes that speak of schema, rights, resources and the server itself; those on data (21 to 23) quote it.
        let quotable = ["08", "25", "28", "3D", "3F", "40", "42", "53", "54", "55", "57", "58", "XX"];
        let class = state.get(..2).unwrap_or_default();
        Self::new(cause, told(message, quotable.contains(&class), &format!("SQLSTATE {state}")))
    }

    /// Reads an error number of MySQL or MariaDB.
    #[cfg(feature = "mysql")]
    pub(crate) fn mysql(number: u16, message: &str) -> Self {
        let cause = match number {
            // Duplicate entry.
            1062 => Cause::Duplicate,
            // Deadlock; the lock wait timeout; a row that changed since the snapshot was taken (MariaDB).
            1213 | 1205 | 1020 => Cause::Contention,
            // Too many connections, shutting down, statement time limit, killed query or connection: nothing was
            // written.
            1040 | 1053 | 1203 | 1317 | 1927 | 1969 | 3024 => Cause::Refused(ErrorKind::Unavailable),
            // The packet or the value is too long.
            1153 | 1406 => Cause::Refused(ErrorKind::TooLarge),
            // Unknown database, unknown column, wrong number of columns, no such table.
            1049 | 1054 | 1136 | 1146 => Cause::Refused(ErrorKind::Schema),
            _ => Cause::Refused(ErrorKind::Refused),
        };
        // Rights, schema, resources; everything else may quote a value.
        let quotable = [
            1020, 1021, 1030, 1036, 1040, 1044, 1045, 1046, 1049, 1053, 1054, 1064, 1114, 1136, 1142, 1143,
            1146, 1153, 1203, 1205, 1213, 1290, 1317, 1364, 1792, 1836, 1927, 1969, 3024,
        ];
        Self::new(cause, told(message, quotable.contains(&number), &format!("error {number}")))
    }
}

#[cfg(any(feature = "postgres", feature = "mysql"))]
fn told(message: &str, quotable: bool, code: &str) -> String {
    if quotable {
        format!("{message} ({code})")
    } else {
        format!("{code}; its message is left out, for it may quote data")
    }
}

#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        use sqlx::Error as Sqlx;
        match error {
            Sqlx::Database(error) => from_database(error.as_ref()),
            Sqlx::PoolTimedOut | Sqlx::PoolClosed | Sqlx::Configuration(_) => {
                Self::new(Cause::Unreachable, error.to_string())
            }
            // A row of the wrong shape: the statement itself was carried out.
            Sqlx::ColumnDecode { ref index, .. } => Self::new(
                Cause::Refused(ErrorKind::Corrupt),
                format!("column {index} has another type than expected"),
            ),
            Sqlx::ColumnNotFound(_)
            | Sqlx::ColumnIndexOutOfBounds { .. }
            | Sqlx::Decode(_)
            | Sqlx::TypeNotFound { .. } => {
                Self::new(Cause::Refused(ErrorKind::Corrupt), "the row has another shape than expected")
            }
            Sqlx::Encode(_) | Sqlx::InvalidArgument(_) => {
                Self::new(Cause::Refused(ErrorKind::TooLarge), "a value cannot be sent to the database")
            }
            Sqlx::Io(ref error) => Self::new(Cause::Broken, format!("the connection failed: {error}")),
            Sqlx::Tls(_) => Self::new(Cause::Broken, error.to_string()),
            // Protocol errors may show what was received.
            _ => Self::new(Cause::Broken, "the connection failed, or the driver lost its place in it"),
        }
    }
}

#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
fn from_database(error: &dyn sqlx::error::DatabaseError) -> Failure {
    #[cfg(feature = "postgres")]
    if let Some(error) = error.try_downcast_ref::<sqlx::postgres::PgDatabaseError>() {
        return Failure::postgres(error.code(), error.message());
    }
    #[cfg(feature = "mysql")]
    if let Some(error) = error.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>() {
        return Failure::mysql(error.number(), error.message());
    }
    let code = error.code().and_then(|code| code.parse().ok()).unwrap_or(-1);
    Failure::sqlite(code, error.message())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(failure: &Failure) -> String {
        let again = failure.again();
        let error = again.into_error(Operation::Save, "test");
        format!("{failure:?} {error} {error:?} {}", Error::source(&error).unwrap())
    }

    #[cfg(feature = "postgres")]
    #[test]
    fn asvs_16_2_5_messages_of_postgres_that_quote_a_value_are_left_out() {
        for state in ["22P02", "22001", "22021", "23505", "23514", "2200G", "P0001", "", "ä"] {
            assert!(
                !told(&Failure::postgres(state, "invalid input: \"secret\"")).contains("secret"),
                "{state}"
            );
        }
        assert!(
            told(&Failure::postgres("42P01", "relation \"sessions\" does not exist")).contains("sessions")
        );
        assert_eq!(Failure::postgres("40P01", "").cause, Cause::Contention);
        // Crashed with a neighbour at whatever point it was, told to go, refused.
        assert_eq!(Failure::postgres("57P02", "").cause, Cause::Broken);
        assert_eq!(Failure::postgres("57P01", "").cause, Cause::Refused(ErrorKind::Unavailable));
        assert_eq!(Failure::postgres("42501", "").cause, Cause::Refused(ErrorKind::Refused));
        assert_eq!(Failure::postgres("08006", "").cause, Cause::Broken);
        assert_eq!(Failure::postgres("22001", "").cause, Cause::Refused(ErrorKind::TooLarge));
    }

    #[cfg(feature = "mysql")]
    #[test]
    fn asvs_16_2_5_messages_of_mysql_that_quote_a_value_are_left_out() {
        for number in [1062, 1292, 1366, 1406, 1644, 3819, 4025, 0] {
            assert!(
                !told(&Failure::mysql(number, "Duplicate entry 'secret'")).contains("secret"),
                "{number}"
            );
        }
        assert!(told(&Failure::mysql(1146, "Table 'app.sessions' doesn't exist")).contains("sessions"));
        assert_eq!(Failure::mysql(1213, "").cause, Cause::Contention);
        // Killed, and too many connections of one user.
        assert_eq!(Failure::mysql(1927, "").cause, Cause::Refused(ErrorKind::Unavailable));
        assert_eq!(Failure::mysql(1203, "").cause, Cause::Refused(ErrorKind::Unavailable));
        assert_eq!(Failure::mysql(1153, "").cause, Cause::Refused(ErrorKind::TooLarge));
    }

    #[test]
    fn codes_of_sqlite_are_told_apart() {
        let cause = |code, message| Failure::sqlite(code, message).cause;
        assert_eq!(cause(1555, ""), Cause::Duplicate);
        assert_eq!(cause(2067, ""), Cause::Duplicate);
        // BUSY and its extended form BUSY_SNAPSHOT.
        assert_eq!(cause(5, ""), Cause::Refused(ErrorKind::Unavailable));
        assert_eq!(cause(517, ""), Cause::Refused(ErrorKind::Unavailable));
        // IOERR and its extended form IOERR_FSYNC; FULL and READONLY.
        assert_eq!(cause(10, ""), Cause::Broken);
        assert_eq!(cause(1034, ""), Cause::Broken);
        assert_eq!(cause(13, ""), Cause::Refused(ErrorKind::Refused));
        assert_eq!(cause(8, ""), Cause::Refused(ErrorKind::Refused));
        assert_eq!(cause(1, "no such table: sessions"), Cause::Refused(ErrorKind::Schema));
        assert_eq!(cause(275, "CHECK constraint failed"), Cause::Refused(ErrorKind::Refused));
    }
}
