//! Databases for tests: SQLite files of their own, and tables of their own on the servers that `scripts/test` starts.

#![allow(dead_code, reason = "every test file uses its own part of this")]

use std::cell::RefCell;
use std::future::Future;
use std::sync::atomic::{AtomicU32, Ordering};

use cloakroom_core::layout::{Layout, Name};
use sqlx::AssertSqlSafe;
use tokio::runtime::{Builder, Runtime};

/// The server named by an environment variable.
fn url(variable: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| {
        panic!("{variable} is not set: run scripts/test, which starts the servers, or set it")
    })
}

pub(crate) fn postgres_url() -> String {
    url("CLOAKROOM_TEST_POSTGRES_URL")
}

pub(crate) fn mysql_url() -> String {
    url("CLOAKROOM_TEST_MYSQL_URL")
}

/// A name that no other test of any process uses.
pub(crate) fn unique(prefix: &str) -> Name {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    Name::new(format!("{prefix}_{}_{number}", std::process::id())).unwrap()
}

/// The native layout in a table of its own, which is dropped when [`run`] ends.
pub(crate) fn own_table(prefix: &str, server: Server) -> Layout {
    let name = unique(prefix);
    drop_later(server, name.as_str());
    Layout::native().with_table(name)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Server {
    Postgres,
    Mysql,
}

thread_local! {
    static LEFT_BEHIND: RefCell<Vec<(Server, String)>> = const { RefCell::new(Vec::new()) };
    static FOLDERS: RefCell<Vec<tempfile::TempDir>> = const { RefCell::new(Vec::new()) };
}

/// Drops a table when [`run`] ends, which has to be running on this thread.
pub(crate) fn drop_later(server: Server, table: &str) {
    LEFT_BEHIND.with_borrow_mut(|tables| tables.push((server, table.to_owned())));
}

/// Runs a test on a runtime of its own, on several threads, and removes what it left behind.
pub(crate) fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let outcome = runtime.block_on(test);
    clean(&runtime);
    FOLDERS.with_borrow_mut(Vec::clear);
    outcome
}

fn clean(runtime: &Runtime) {
    for (server, table) in LEFT_BEHIND.take() {
        runtime.block_on(async {
            match server {
                #[cfg(feature = "postgres")]
                Server::Postgres => {
                    let table = table.replace('"', "\"\"");
                    let text = format!("DROP TABLE IF EXISTS \"{table}\"");
                    sqlx::raw_sql(AssertSqlSafe(text)).execute(&postgres_pool(1).await).await.unwrap();
                }
                #[cfg(feature = "mysql")]
                Server::Mysql => {
                    let table = table.replace('`', "``");
                    let text = format!("DROP TABLE IF EXISTS `{table}`");
                    sqlx::raw_sql(AssertSqlSafe(text)).execute(&mysql_pool(1).await).await.unwrap();
                }
                #[allow(unreachable_patterns, reason = "without the feature of a server nobody names it")]
                _ => {}
            }
        });
    }
}

/// A folder that is removed when [`run`] ends.
pub(crate) fn folder() -> std::path::PathBuf {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    FOLDERS.with_borrow_mut(|folders| folders.push(folder));
    path
}

#[cfg(feature = "sqlite")]
pub(crate) async fn sqlite_pool(path: &std::path::Path, connections: u32) -> sqlx::SqlitePool {
    let options = sqlx::sqlite::SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(sqlx::sqlite::SqliteJournalMode::Wal)
        .synchronous(sqlx::sqlite::SqliteSynchronous::Off);
    sqlx::sqlite::SqlitePoolOptions::new().max_connections(connections).connect_with(options).await.unwrap()
}

#[cfg(feature = "postgres")]
pub(crate) async fn postgres_pool(connections: u32) -> sqlx::PgPool {
    sqlx::postgres::PgPoolOptions::new().max_connections(connections).connect(&postgres_url()).await.unwrap()
}

#[cfg(feature = "mysql")]
pub(crate) async fn mysql_pool(connections: u32) -> sqlx::MySqlPool {
    sqlx::mysql::MySqlPoolOptions::new().max_connections(connections).connect(&mysql_url()).await.unwrap()
}
