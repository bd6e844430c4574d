//! The users' tables, brought up to date at every start.

use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::{AssertSqlSafe, Connection as _, MySqlPool, SqlSafeStr as _, SqlitePool};

use super::{Database, PATIENCE};

/// One file for each database, compiled in: a program that is copied somewhere brings its tables along.
macro_rules! migrations {
    ($database:literal) => {
        [(1, "users", include_str!(concat!("../../migrations/", $database, "/0001_users.sql")))]
    };
}

impl Database {
    /// Runs what has not run here yet. Several processes may start at once.
    ///
    /// # Errors
    /// With one line, when the database refuses or was changed by hand.
    pub(super) async fn migrate(&self) -> Result<(), String> {
        let outcome = match self {
            Self::Sqlite(pool) => sqlite(pool).await,
            Self::Postgres(pool) => migrator(&migrations!("postgres")).run(pool).await,
            Self::Mysql(pool) => mysql(pool).await,
        };
        outcome.map_err(|error| {
            let text = error.to_string();
            let text = text.lines().map(str::trim).collect::<Vec<_>>().join(" ");
            format!("the users' table cannot be brought up to date: {text}")
        })
    }
}

/// sqlx leaves the lock to the caller: whoever has the write lock runs the migrations, the others find them done.
async fn sqlite(pool: &SqlitePool) -> Result<(), MigrateError> {
    let mut turn = pool.begin_with("BEGIN IMMEDIATE").await?;
    migrator(&migrations!("sqlite")).run_direct(None, &mut *turn, false).await?;
    Ok(turn.commit().await?)
}

/// sqlx asks for a lock without a time limit in a way that MariaDB does not know, and goes on without one.
async fn mysql(pool: &MySqlPool) -> Result<(), MigrateError> {
    const NAME: &str = "MD5(CONCAT('users of ', DATABASE()))";
    let seconds = PATIENCE.as_secs();
    // The connection is closed at the end, and the lock with it, also where a migration failed.
    let mut connection = pool.acquire().await?.detach();
    let lock = AssertSqlSafe(format!("SELECT GET_LOCK({NAME}, {seconds})"));
    let locked: Option<i64> = sqlx::query_scalar(lock).fetch_one(&mut connection).await?;
    if locked != Some(1) {
        let reason = "another process has been migrating for too long; start again when it is done";
        return Err(MigrateError::Source(reason.into()));
    }
    migrator(&migrations!("mysql")).run_direct(None, &mut connection, false).await?;
    Ok(connection.close().await?)
}

fn migrator(files: &[(i64, &'static str, &'static str)]) -> Migrator {
    let migration = |(version, name, sql): &(i64, &'static str, &'static str)| {
        Migration::new(*version, (*name).into(), MigrationType::Simple, sql.into_sql_str(), false)
    };
    Migrator::with_migrations(files.iter().map(migration).collect())
}
