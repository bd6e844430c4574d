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
            Self::Sqlite(pool) => sqlite(pool, migrator(&migrations!("sqlite"))).await,
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
async fn sqlite(pool: &SqlitePool, migrator: Migrator) -> Result<(), MigrateError> {
    let mut turn = pool.begin_with("BEGIN IMMEDIATE").await?;
    migrator.run_direct(None, &mut *turn, false).await?;
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The second version of the tables comes to a file that has the first, by eight processes at once.
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn the_next_migration_runs_once_however_many_start() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("demo.sqlite").display());
        let (first, ..) = Database::open(&url).await.unwrap();
        first.close().await;
        let [users] = migrations!("sqlite");
        let starts = (0..8).map(|_| {
            let url = url.clone();
            tokio::spawn(async move {
                let Ok(Database::Sqlite(pool)) = Database::connect(&url) else { panic!("a file") };
                sqlite(&pool, migrator(&[users, (2, "next", "CREATE TABLE next (id INTEGER)")])).await
            })
        });
        for start in starts.collect::<Vec<_>>() {
            start.await.unwrap().unwrap();
        }
    }
}
