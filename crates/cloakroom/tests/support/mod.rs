//! Places to keep sessions in, one for every kind of store, and the same test on all of them.

#![allow(dead_code, unused_macros, unused_imports, reason = "every test uses its own part of this")]

pub(crate) mod storage;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use cloakroom::layout::{Layout, Name};
use cloakroom::sql::{Gathering, SqlStore, Sweep};
use cloakroom::{MemoryStore, Store};
use tokio::runtime::Builder;

/// A kind of store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Backend {
    Memory,
    Sqlite,
    Postgres,
    Mysql,
}

/// Where the sessions of one test are kept: a memory store, a file, or a table of its own on a server that
/// `scripts/test` starts.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) backend: Backend,
    pub(crate) url: String,
    pub(crate) layout: Layout,
    memory: Arc<MemoryStore>,
}

impl Place {
    /// A place that no other test uses.
    pub(crate) fn new(backend: Backend) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("place_{}_{number}", std::process::id());
        let url = match backend {
            Backend::Memory => String::new(),
            Backend::Sqlite => format!("sqlite:{}", file(&name).display()),
            Backend::Postgres => server("CLOAKROOM_TEST_POSTGRES_URL"),
            Backend::Mysql => server("CLOAKROOM_TEST_MYSQL_URL"),
        };
        Self::at(backend, url, &name)
    }

    /// The place that another process has described, see [`Place::describe`].
    pub(crate) fn described(text: &str) -> Self {
        let mut parts = text.split('\n');
        let backend = match parts.next() {
            Some("Sqlite") => Backend::Sqlite,
            Some("Postgres") => Backend::Postgres,
            Some("Mysql") => Backend::Mysql,
            other => panic!("no place that processes can share: {other:?}"),
        };
        Self::at(backend, parts.next().unwrap().to_owned(), parts.next().unwrap())
    }

    /// This place in words that [`Place::described`] of another process understands.
    pub(crate) fn describe(&self) -> String {
        format!("{:?}\n{}\n{}", self.backend, self.url, self.layout.table())
    }

    /// The same table reached by another URL, such as one that leads through a proxy.
    pub(crate) fn by(&self, url: &str) -> Self {
        Self { url: url.to_owned(), ..self.clone() }
    }

    /// One more node on this place, with its own connections.
    pub(crate) async fn store(&self) -> Arc<dyn Store> {
        match self.backend {
            Backend::Memory => Arc::clone(&self.memory) as Arc<dyn Store>,
            _ => Arc::new(self.sql_store(Gathering::default()).await),
        }
    }

    /// One more node with limits of its own. There is none in memory.
    pub(crate) async fn sql_store(&self, gathering: Gathering) -> SqlStore {
        let builder = SqlStore::builder(self.url.as_str()).layout(self.layout.clone());
        builder.gathering(gathering).sweep(Sweep::Off).build().await.unwrap()
    }

    /// Removes the table or the file.
    pub(crate) async fn clean(&self) {
        let table = self.layout.table();
        match self.backend {
            Backend::Memory => {}
            Backend::Sqlite => {
                let path = self.url.trim_start_matches("sqlite:");
                for ending in ["", "-wal", "-shm", "-journal"] {
                    let _ = std::fs::remove_file(format!("{path}{ending}"));
                }
            }
            Backend::Postgres => {
                let pool = sqlx::PgPool::connect(&self.url).await.unwrap();
                let text = sqlx::AssertSqlSafe(format!("DROP TABLE IF EXISTS \"{table}\""));
                sqlx::raw_sql(text).execute(&pool).await.unwrap();
            }
            Backend::Mysql => {
                let pool = sqlx::MySqlPool::connect(&self.url).await.unwrap();
                let text = sqlx::AssertSqlSafe(format!("DROP TABLE IF EXISTS `{table}`"));
                sqlx::raw_sql(text).execute(&pool).await.unwrap();
            }
        }
    }

    /// Runs a statement, as the database's administrator might. There is nothing to run it on in memory.
    pub(crate) async fn execute(&self, statement: &str) {
        let statement = sqlx::raw_sql(sqlx::AssertSqlSafe(statement.to_owned()));
        match self.backend {
            Backend::Memory => {}
            Backend::Sqlite => {
                let pool = sqlx::SqlitePool::connect(&self.url).await.unwrap();
                statement.execute(&pool).await.unwrap();
            }
            Backend::Postgres => {
                let pool = sqlx::PgPool::connect(&self.url).await.unwrap();
                statement.execute(&pool).await.unwrap();
            }
            Backend::Mysql => {
                let pool = sqlx::MySqlPool::connect(&self.url).await.unwrap();
                statement.execute(&pool).await.unwrap();
            }
        }
    }

    fn at(backend: Backend, url: String, table: &str) -> Self {
        let layout = Layout::native().with_table(Name::new(table).unwrap());
        Self { backend, url, layout, memory: Arc::default() }
    }
}

/// Runs a test on a place of its own, on several threads, and removes what it left behind.
pub(crate) fn run_on<T, F: Future<Output = T>>(backend: Backend, test: impl FnOnce(Place) -> F) -> T {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let place = Place::new(backend);
    runtime.block_on(async {
        let outcome = test(place.clone()).await;
        place.clean().await;
        outcome
    })
}

/// Makes a module of tests from one function, `async fn story(place: Place)`: one for each store that is named.
macro_rules! on_stores {
    ([$($test:ident $backend:ident)*] $story:ident) => {
        mod $story {
            use crate::support::{Backend, run_on};

            $(
                #[test]
                fn $test() {
                    run_on(Backend::$backend, super::$story);
                }
            )*
        }
    };
}

/// On each kind of store. The names of the servers are in the tests' names, so that they can be left out.
macro_rules! on_every_store {
    ($($story:ident)*) => {
        $(crate::support::on_stores!([memory Memory sqlite Sqlite postgres Postgres mysql Mysql] $story);)*
    };
}

/// On those whose statements can be held up.
macro_rules! on_every_database {
    ($($story:ident)*) => {
        $(crate::support::on_stores!([sqlite Sqlite postgres Postgres mysql Mysql] $story);)*
    };
}

/// On those that are reached over a network.
macro_rules! on_every_server {
    ($($story:ident)*) => { $(crate::support::on_stores!([postgres Postgres mysql Mysql] $story);)* };
}

pub(crate) use on_every_database;
pub(crate) use on_every_server;
pub(crate) use on_every_store;
pub(crate) use on_stores;

fn server(variable: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| {
        panic!("{variable} is not set: run scripts/test, which starts the servers, or set it")
    })
}

/// A file in the build's folder for temporary files, which all processes of a test can name.
fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.sqlite"))
}
