//! What the executors need of a connection of sqlx, whichever its database.

use std::future::Future;

use cloakroom_core::StoreKey;
use sqlx::{Arguments as _, AssertSqlSafe, Row as _};

use crate::dialect::Dialect;
use crate::failure::Failure;
use crate::operation::{Payload, Row};
use crate::schema::{Question, TextRow};
use crate::statements::LOADED;
use crate::write::Argument;

/// A row that was found: its key, and the row with its version unless it has another shape than expected.
pub(crate) struct Found {
    pub(crate) key: StoreKey,
    pub(crate) row: Result<(Row, i64), Failure>,
}

/// A database of sqlx, driven by statements of text and [`Argument`]s.
///
/// # Cancel safety
/// None: a dropped future leaves the connection in doubt, so that it has to be closed.
pub(crate) trait Driver: sqlx::Database {
    /// Its dialect.
    const DIALECT: Dialect;

    /// Runs a statement without parameters, unprepared: transactions and DDL.
    fn command(
        connection: &mut Self::Connection,
        text: &str,
    ) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Runs a statement and says how many rows it matched.
    fn execute(
        connection: &mut Self::Connection,
        text: &str,
        arguments: &[Argument<'_>],
    ) -> impl Future<Output = Result<u64, Failure>> + Send;

    /// Runs a query whose rows are one number each.
    fn number(
        connection: &mut Self::Connection,
        text: &str,
        arguments: &[Argument<'_>],
    ) -> impl Future<Output = Result<i64, Failure>> + Send;

    /// Runs a query whose rows are one key each.
    fn keys(
        connection: &mut Self::Connection,
        text: &str,
        arguments: &[Argument<'_>],
    ) -> impl Future<Output = Result<Vec<Vec<u8>>, Failure>> + Send;

    /// Runs a query for the columns of [`LOADED`], with or without the data, which is last.
    fn rows(
        connection: &mut Self::Connection,
        text: &str,
        arguments: &[Argument<'_>],
    ) -> impl Future<Output = Result<Vec<Found>, Failure>> + Send;

    /// Asks the database about a table.
    fn ask(
        connection: &mut Self::Connection,
        question: &Question,
    ) -> impl Future<Output = Result<Vec<TextRow>, Failure>> + Send;

    /// Reads a row of the columns of [`LOADED`].
    fn found(row: &Self::Row) -> Result<Found, Failure>;
}

/// Makes the arguments of a query; see [`driver`] for why it is a macro.
macro_rules! query {
    ($database:ty, $text:expr, $arguments:expr) => {{
        let mut list = <$database as sqlx::Database>::Arguments::default();
        for argument in $arguments {
            let added = match *argument {
                Argument::Null => list.add(None::<i64>),
                Argument::Bytes(bytes) => list.add(bytes),
                Argument::Text(text) => list.add(text),
                Argument::Integer(integer) => list.add(integer),
            };
            added.map_err(sqlx::Error::Encode)?;
        }
        sqlx::query_with::<$database, _>(AssertSqlSafe($text.to_owned()), list)
    }};
}

/// The drivers differ in their types only, for which sqlx has no common name.
macro_rules! driver {
    ($feature:literal, $database:ty, $dialect:expr) => {
        #[cfg(feature = $feature)]
        impl Driver for $database {
            const DIALECT: Dialect = $dialect;

            async fn command(connection: &mut Self::Connection, text: &str) -> Result<(), Failure> {
                sqlx::raw_sql(AssertSqlSafe(text.to_owned())).execute(connection).await?;
                Ok(())
            }

            async fn execute(
                connection: &mut Self::Connection,
                text: &str,
                arguments: &[Argument<'_>],
            ) -> Result<u64, Failure> {
                let done = query!($database, text, arguments).execute(connection).await?;
                Ok(done.rows_affected())
            }

            async fn number(
                connection: &mut Self::Connection,
                text: &str,
                arguments: &[Argument<'_>],
            ) -> Result<i64, Failure> {
                let rows = query!($database, text, arguments).fetch_all(connection).await?;
                rows.first().map_or(Ok(0), |row| Ok(row.try_get(0)?))
            }

            async fn keys(
                connection: &mut Self::Connection,
                text: &str,
                arguments: &[Argument<'_>],
            ) -> Result<Vec<Vec<u8>>, Failure> {
                let rows = query!($database, text, arguments).fetch_all(connection).await?;
                rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
            }

            async fn rows(
                connection: &mut Self::Connection,
                text: &str,
                arguments: &[Argument<'_>],
            ) -> Result<Vec<Found>, Failure> {
                let rows = query!($database, text, arguments).fetch_all(connection).await?;
                rows.iter().map(Self::found).collect()
            }

            async fn ask(
                connection: &mut Self::Connection,
                question: &Question,
            ) -> Result<Vec<TextRow>, Failure> {
                let mut query = sqlx::query(question.text);
                for argument in &question.arguments {
                    query = query.bind(argument);
                }
                let rows = query.fetch_all(connection).await?;
                let texts = |row: &Self::Row| (0..row.len()).map(|index| Ok(row.try_get(index)?)).collect();
                rows.iter().map(texts).collect()
            }

            fn found(row: &Self::Row) -> Result<Found, Failure> {
                let key = StoreKey::from_bytes(row.try_get::<Vec<u8>, _>(0)?);
                let read = || {
                    let version: i64 = row.try_get(1)?;
                    let data = LOADED.len() - 1;
                    let payload = if row.len() <= data {
                        Payload::Text(String::new())
                    } else if let Ok(text) = row.try_get(data) {
                        Payload::Text(text)
                    } else {
                        Payload::Binary(row.try_get(data)?)
                    };
                    let persistence: i64 = row.try_get(14)?;
                    let row = Row {
                        user: row.try_get(2)?,
                        handle: row.try_get(3)?,
                        authenticated: row.try_get(4)?,
                        method: row.try_get(5)?,
                        proof: row.try_get(6)?,
                        format: row.try_get(7)?,
                        created: row.try_get(8)?,
                        seen: row.try_get(9)?,
                        expires: row.try_get(10)?,
                        deadline: row.try_get(11)?,
                        idle: row.try_get(12)?,
                        absolute: row.try_get(13)?,
                        // What does not fit is no persistence that was ever written.
                        persistence: i16::try_from(persistence).unwrap_or(-1),
                        device: row.try_get(15)?,
                        verifier: row.try_get(16)?,
                        payload,
                        extra: Vec::new(),
                    };
                    Ok::<_, sqlx::Error>((row, version))
                };
                Ok(Found { key, row: read().map_err(Failure::from) })
            }
        }
    };
}

driver!("sqlite", sqlx::Sqlite, Dialect::Sqlite);
driver!("postgres", sqlx::Postgres, Dialect::Postgres);
driver!("mysql", sqlx::MySql, Dialect::Mysql);
