//! The database: one pool, which users and sessions share.
//!
//! For SQLite too the sessions' store gets this pool instead of opening the file itself. There is one thing to
//! configure, to bound and to close then, and the same code for every database.

mod migrations;
mod place;

use std::error::Error;
use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use cloakroom::StoreError;
use cloakroom::sql::{SqlStore, SqlStoreBuilder};
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{MySqlPool, PgPool, SqlitePool};

pub(crate) use self::place::Place;

/// How long a request waits for a connection, or for another writer of the file, before it is told to come back.
const PATIENCE: Duration = Duration::from_secs(5);
/// Sessions take two of them at most, however many requests there are.
const CONNECTIONS: u32 = 10;

/// The application's pool.
#[derive(Clone, Debug)]
pub(crate) enum Database {
    Sqlite(SqlitePool),
    Postgres(PgPool),
    Mysql(MySqlPool),
}

/// Does the same with whichever pool it is; the statements are for all.
macro_rules! on_pool {
    ($database:expr, |$pool:ident| $work:expr) => {
        match $database {
            $crate::database::Database::Sqlite($pool) => $work,
            $crate::database::Database::Postgres($pool) => $work,
            $crate::database::Database::Mysql($pool) => $work,
        }
    };
}

pub(crate) use on_pool;

impl Database {
    /// Opens the database and brings its tables up to date: the sessions' first, then the users'.
    ///
    /// # Errors
    /// With one line that says what to do. It names a file, and of a server nothing that the URL says.
    pub(crate) async fn open(url: &str) -> Result<(Self, SqlStore, Place), Box<dyn Error>> {
        let place = Place::of(url).ok_or(
            "database_url begins with none of sqlite:, postgres:// and mysql://; write sqlite:FILE or \
             postgres://USER:PASSWORD@HOST/DATABASE",
        )?;
        // What a server's URL names is not repeated: part of a mistyped one may be the password.
        let name =
            if url.starts_with("sqlite:") { place.location.clone() } else { place.database.to_owned() };
        let database = Self::connect(url).map_err(|reason| format!("{name}: {reason}"))?;
        let store =
            database.sessions().build().await.map_err(|error| format!("{name}: {}", reason(&error)))?;
        database.migrate().await.map_err(|reason| format!("{name}: {reason}"))?;
        Ok((database, store, place))
    }

    /// Waits for what uses the pool and closes it.
    pub(crate) async fn close(self) {
        on_pool!(self, |pool| pool.close().await);
    }

    /// A pool that connects when it is first used.
    fn connect(url: &str) -> Result<Self, String> {
        let unreadable = |_| "the URL cannot be read; percent-encode special characters in it".to_owned();
        let (scheme, _) = url.split_once(':').unwrap_or_default();
        Ok(match scheme {
            "sqlite" => Self::Sqlite(sqlite(url, url.parse().map_err(unreadable)?)?),
            "postgres" | "postgresql" => {
                let options: PgConnectOptions = url.parse().map_err(unreadable)?;
                let pool = PgPoolOptions::new().max_connections(CONNECTIONS).acquire_timeout(PATIENCE);
                Self::Postgres(pool.connect_lazy_with(options))
            }
            _ => {
                let options: MySqlConnectOptions = url.parse().map_err(unreadable)?;
                let pool = MySqlPoolOptions::new().max_connections(CONNECTIONS).acquire_timeout(PATIENCE);
                Self::Mysql(pool.connect_lazy_with(options))
            }
        })
    }

    fn sessions(&self) -> SqlStoreBuilder {
        on_pool!(self, |pool| SqlStore::builder(pool.clone()))
    }
}

fn sqlite(url: &str, options: SqliteConnectOptions) -> Result<SqlitePool, String> {
    let in_memory = url.contains(":memory:") || url.contains("mode=memory");
    if !in_memory {
        create(options.get_filename())?;
    }
    let options = options
        // Readers and the writer do not wait for each other.
        .journal_mode(SqliteJournalMode::Wal)
        // What was answered survives a power failure.
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(PATIENCE)
        .foreign_keys(true);
    let pool = SqlitePoolOptions::new().acquire_timeout(PATIENCE);
    let pool = if in_memory {
        // The database ends with its last connection.
        pool.max_connections(1).idle_timeout(None).max_lifetime(None)
    } else {
        pool.max_connections(CONNECTIONS)
    };
    Ok(pool.connect_lazy_with(options))
}

/// Makes the file unless it is there, readable and writable by this user alone. SQLite gives the files beside it the
/// same rights.
fn create(path: &Path) -> Result<(), String> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => Ok(()),
        Err(error) => match error.kind() {
            ErrorKind::AlreadyExists => Ok(()),
            ErrorKind::NotFound => Err("the folder of the file does not exist; create it first".to_owned()),
            ErrorKind::PermissionDenied => Err("this user may not create the file in its folder".to_owned()),
            _ => Err(format!("the file cannot be created: {error}")),
        },
    }
}

/// An error on one line.
fn reason(error: &StoreError) -> String {
    error.to_string().lines().map(str::trim).collect::<Vec<_>>().join(" ")
}
