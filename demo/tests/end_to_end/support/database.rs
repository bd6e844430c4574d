//! A database for each test, gone when the test ends.

use std::env;
use std::future::Future;
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::{AssertSqlSafe, Connection as _, MySqlConnection, PgConnection};
use tempfile::TempDir;

/// Where one test's sessions are.
pub(crate) struct Database {
    url: String,
    kind: Kind,
}

enum Kind {
    Sqlite(TempDir),
    Postgres { admin: String, name: String },
    Mysql { admin: String, name: String },
}

impl Database {
    /// A file in a folder of its own.
    pub(crate) fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("demo.sqlite").display());
        Self { url, kind: Kind::Sqlite(folder) }
    }

    /// A new database on the server for tests.
    pub(crate) fn postgres() -> Self {
        let admin = server("CLOAKROOM_TEST_POSTGRES_URL");
        let name = unique_name();
        // A run that was killed may have had the same process id.
        postgres(&admin, &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
        postgres(&admin, &format!("CREATE DATABASE {name}"));
        Self { url: with_database(&admin, &name), kind: Kind::Postgres { admin, name } }
    }

    /// A new database on the server for tests.
    pub(crate) fn mysql() -> Self {
        let admin = server("CLOAKROOM_TEST_MYSQL_URL");
        let name = unique_name();
        mysql(&admin, &format!("DROP DATABASE IF EXISTS {name}"));
        mysql(&admin, &format!("CREATE DATABASE {name}"));
        Self { url: with_database(&admin, &name), kind: Kind::Mysql { admin, name } }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// How many rows the table has, expired or not. Asked of the database itself.
    pub(crate) fn rows(&self) -> i64 {
        const COUNT: &str = "SELECT count(*) FROM sessions";
        match &self.kind {
            Kind::Sqlite(folder) => {
                let connection = rusqlite::Connection::open(folder.path().join("demo.sqlite")).unwrap();
                connection.query_row(COUNT, (), |row| row.get(0)).unwrap()
            }
            Kind::Postgres { .. } => wait(async {
                let mut connection = PgConnection::connect(&self.url).await.unwrap();
                sqlx::query_scalar(COUNT).fetch_one(&mut connection).await.unwrap()
            }),
            Kind::Mysql { .. } => wait(async {
                let mut connection = MySqlConnection::connect(&self.url).await.unwrap();
                sqlx::query_scalar(COUNT).fetch_one(&mut connection).await.unwrap()
            }),
        }
    }

    /// Takes the table away from under the demo.
    pub(crate) fn lose_table(&self) {
        const LOSS: &str = "DROP TABLE sessions";
        match &self.kind {
            Kind::Sqlite(folder) => {
                let connection = rusqlite::Connection::open(folder.path().join("demo.sqlite")).unwrap();
                connection.execute_batch(LOSS).unwrap();
            }
            Kind::Postgres { .. } => postgres(&self.url, LOSS),
            Kind::Mysql { .. } => mysql(&self.url, LOSS),
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        match &self.kind {
            Kind::Sqlite(_) => {}
            // A demo that was killed leaves connections that the server has not noticed yet.
            Kind::Postgres { admin, name } => postgres(admin, &format!("DROP DATABASE {name} WITH (FORCE)")),
            Kind::Mysql { admin, name } => mysql(admin, &format!("DROP DATABASE {name}")),
        }
    }
}

/// Makes one test for each database out of a story, named after both.
macro_rules! on_every_database {
    ($($story:ident),+ $(,)?) => {$(
        mod $story {
            use crate::support::database::Database;

            #[test]
            fn sqlite() {
                super::$story(&Database::sqlite());
            }

            #[test]
            fn postgres() {
                super::$story(&Database::postgres());
            }

            #[test]
            fn mysql() {
                super::$story(&Database::mysql());
            }
        }
    )+};
}

pub(crate) use on_every_database;

fn server(variable: &str) -> String {
    env::var(variable).unwrap_or_else(|_| {
        panic!("{variable} names no server: run `scripts/test with-servers cargo test -p demo`, or set it to a URL")
    })
}

/// Several runs may share a server.
fn unique_name() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("cloakroom_demo_{}_{}", process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

fn with_database(url: &str, name: &str) -> String {
    let (server, parameters) = url
        .split_once('?')
        .map_or((url, String::new()), |(server, parameters)| (server, format!("?{parameters}")));
    let (server, _) = server.rsplit_once('/').unwrap();
    format!("{server}/{name}{parameters}")
}

fn postgres(url: &str, statement: &str) {
    wait(async {
        let mut connection = PgConnection::connect(url).await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
    });
}

fn mysql(url: &str, statement: &str) {
    wait(async {
        let mut connection = MySqlConnection::connect(url).await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
    });
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}
