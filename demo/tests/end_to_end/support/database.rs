//! A database for each test, gone when the test ends.

use std::env;
use std::future::Future;
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

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

    /// How many sessions there are, expired or not. Asked of the database itself. What no cookie opens, such as the
    /// marks by which sign-ins are told from each other, is none.
    pub(crate) fn rows(&self) -> i64 {
        self.number("SELECT count(*) FROM sessions WHERE length(verifier) > 0")
    }

    /// Lets time pass since everybody's last authentication.
    pub(crate) fn age_sign_ins(&self, duration: Duration) {
        let milliseconds = duration.as_millis();
        self.execute(&format!("UPDATE sessions SET authenticated_at = authenticated_at - {milliseconds}"));
    }

    /// The one number that a statement gives.
    pub(crate) fn number(&self, statement: &str) -> i64 {
        match &self.kind {
            Kind::Sqlite(folder) => {
                let connection = rusqlite::Connection::open(folder.path().join("demo.sqlite")).unwrap();
                connection.query_row(statement, (), |row| row.get(0)).unwrap()
            }
            Kind::Postgres { .. } => wait(async {
                let mut connection = PgConnection::connect(&self.url).await.unwrap();
                sqlx::query_scalar(AssertSqlSafe(statement)).fetch_one(&mut connection).await.unwrap()
            }),
            Kind::Mysql { .. } => wait(async {
                let mut connection = MySqlConnection::connect(&self.url).await.unwrap();
                sqlx::query_scalar(AssertSqlSafe(statement)).fetch_one(&mut connection).await.unwrap()
            }),
        }
    }

    /// Takes the table away from under the demo.
    pub(crate) fn lose_table(&self) {
        self.execute("DROP TABLE sessions");
    }

    /// Runs a statement behind the demo's back.
    pub(crate) fn execute(&self, statement: &str) {
        match &self.kind {
            Kind::Sqlite(folder) => {
                let connection = rusqlite::Connection::open(folder.path().join("demo.sqlite")).unwrap();
                connection.execute_batch(statement).unwrap();
            }
            Kind::Postgres { .. } => postgres(&self.url, statement),
            Kind::Mysql { .. } => mysql(&self.url, statement),
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
