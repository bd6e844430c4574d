//! What a store can be made from.

use std::fmt;

#[cfg(feature = "mysql")]
use sqlx::MySqlPool;
#[cfg(feature = "postgres")]
use sqlx::PgPool;
#[cfg(feature = "sqlite")]
use sqlx::SqlitePool;

/// The application's own pool, a SeaORM connection, or a URL.
///
/// Made with `into()`: from `sqlx::SqlitePool`, `sqlx::PgPool`, `sqlx::MySqlPool`, `sea_orm::DatabaseConnection` (each
/// with its feature), or text. A pool stays the application's: it is not closed with the store.
///
/// | URL | is |
/// |---|---|
/// | `sqlite:sessions.db` | a file in the working folder, opened by this crate itself (feature `embedded`) |
/// | `sqlite::memory:` | a database that ends with the process |
/// | `postgres://user@host/database` | a small pool of the store's own |
/// | `mysql://user@host/database`, `mariadb://…` | the same |
///
/// For TLS enable one of sqlx's TLS features in the application.
pub struct Database(pub(crate) Source);

pub(crate) enum Source {
    #[cfg(feature = "sqlite")]
    Sqlite(SqlitePool),
    #[cfg(feature = "postgres")]
    Postgres(PgPool),
    #[cfg(feature = "mysql")]
    Mysql(MySqlPool),
    Url(String),
    /// A connection that has no pool to use, and why.
    #[cfg(feature = "sea-orm")]
    Unusable(&'static str),
}

#[cfg(feature = "sqlite")]
impl From<SqlitePool> for Database {
    fn from(pool: SqlitePool) -> Self {
        Self(Source::Sqlite(pool))
    }
}

#[cfg(feature = "postgres")]
impl From<PgPool> for Database {
    fn from(pool: PgPool) -> Self {
        Self(Source::Postgres(pool))
    }
}

#[cfg(feature = "mysql")]
impl From<MySqlPool> for Database {
    fn from(pool: MySqlPool) -> Self {
        Self(Source::Mysql(pool))
    }
}

impl From<&str> for Database {
    fn from(url: &str) -> Self {
        Self(Source::Url(url.to_owned()))
    }
}

impl From<String> for Database {
    fn from(url: String) -> Self {
        Self(Source::Url(url))
    }
}

impl fmt::Debug for Database {
    /// Names the kind only: a URL holds a password.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self.0 {
            #[cfg(feature = "sqlite")]
            Source::Sqlite(_) => "Database(SqlitePool)",
            #[cfg(feature = "postgres")]
            Source::Postgres(_) => "Database(PgPool)",
            #[cfg(feature = "mysql")]
            Source::Mysql(_) => "Database(MySqlPool)",
            Source::Url(_) => "Database(Url)",
            #[cfg(feature = "sea-orm")]
            Source::Unusable(_) => "Database(Unusable)",
        })
    }
}
