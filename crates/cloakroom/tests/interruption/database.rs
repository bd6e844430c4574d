//! What a database's own eyes see: connections, transactions, locks.

use std::str::FromStr as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cloakroom::Store;
use cloakroom::sql::{Gathering, SqlStore, Sweep};
use sqlx::pool::{PoolConnection, PoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};
use sqlx::{AssertSqlSafe, MySql, MySqlPool, PgPool, Postgres, Sqlite};

use crate::support::{Backend, Place};

/// Only a failure waits this long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The database of a place, seen beside its stores. On a server the store under test is on a pool of the application's.
pub(crate) enum Database {
    Memory,
    Sqlite { watch: SqlitePool },
    Postgres { pool: PgPool, opened: Opened, watch: PgPool },
    Mysql { pool: MySqlPool, opened: Opened, watch: MySqlPool },
}

/// The server's numbers of all connections that a pool has ever opened.
type Opened = Arc<Mutex<Vec<i64>>>;

/// What a lock keeps others from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Writing the rows that are there: statements wait in the midst of their transaction. In SQLite, all writing.
    Rows,
    Writing,
    ReadingAndWriting,
}

/// A lock, held until it is released.
pub(crate) enum Lock {
    Sqlite(PoolConnection<Sqlite>),
    Postgres(PoolConnection<Postgres>),
    Mysql(PoolConnection<MySql>),
}

impl Database {
    pub(crate) async fn connect(place: &Place) -> Self {
        let opened = Opened::default();
        let note = Arc::clone(&opened);
        match place.backend {
            Backend::Memory => Self::Memory,
            Backend::Sqlite => {
                let options = SqliteConnectOptions::from_str(&place.url).unwrap().busy_timeout(PATIENCE);
                Self::Sqlite { watch: PoolOptions::new().connect_with(options).await.unwrap() }
            }
            Backend::Postgres => {
                let options = PoolOptions::<Postgres>::new().max_connections(4);
                let options = options.after_connect(move |connection, _| {
                    let note = Arc::clone(&note);
                    Box::pin(async move {
                        let number: i32 =
                            sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(connection).await?;
                        note.lock().unwrap().push(number.into());
                        Ok(())
                    })
                });
                let pool = options.connect(&place.url).await.unwrap();
                Self::Postgres { pool, opened, watch: PgPool::connect(&place.url).await.unwrap() }
            }
            Backend::Mysql => {
                let options = PoolOptions::<MySql>::new().max_connections(4);
                let options = options.after_connect(move |connection, _| {
                    let note = Arc::clone(&note);
                    Box::pin(async move {
                        let number: i64 = sqlx::query_scalar("SELECT CAST(CONNECTION_ID() AS SIGNED)")
                            .fetch_one(connection)
                            .await?;
                        note.lock().unwrap().push(number);
                        Ok(())
                    })
                });
                let pool = options.connect(&place.url).await.unwrap();
                Self::Mysql { pool, opened, watch: MySqlPool::connect(&place.url).await.unwrap() }
            }
        }
    }

    /// The store under test.
    pub(crate) async fn store(&self, place: &Place, gathering: Gathering) -> Arc<dyn Store> {
        let builder = match self {
            Self::Memory => return place.store().await,
            Self::Sqlite { .. } => SqlStore::builder(place.url.as_str()),
            Self::Postgres { pool, .. } => SqlStore::builder(pool.clone()),
            Self::Mysql { pool, .. } => SqlStore::builder(pool.clone()),
        };
        let builder = builder.layout(place.layout.clone()).gathering(gathering).sweep(Sweep::Off);
        Arc::new(builder.build().await.unwrap())
    }

    pub(crate) async fn close(self) {
        match self {
            Self::Memory => {}
            Self::Sqlite { watch } => watch.close().await,
            Self::Postgres { pool, watch, .. } => {
                pool.close().await;
                watch.close().await;
            }
            Self::Mysql { pool, watch, .. } => {
                pool.close().await;
                watch.close().await;
            }
        }
    }

    /// Checks that nothing is left behind: every connection is back in its pool, none of them is in a transaction, and
    /// somebody else can write. Connections are given back by tasks of their own, so this waits for them.
    pub(crate) async fn is_clean(&self, place: &Place) {
        let table = place.layout.table();
        match self {
            Self::Memory => {}
            Self::Sqlite { .. } => self.lock(place, Reach::Writing).await.release().await,
            Self::Postgres { pool, opened, watch } => {
                until("connections are still out", async || pool.num_idle() == pool.size() as usize).await;
                let ours = opened.lock().unwrap().clone();
                until("a transaction is open", async || {
                    let text =
                        "SELECT count(*) FROM pg_stat_activity WHERE pid = ANY($1) AND state <> 'idle'";
                    let busy: i64 = sqlx::query_scalar(text).bind(&ours).fetch_one(watch).await.unwrap();
                    let text = "SELECT count(*) FROM pg_locks WHERE relation = to_regclass($1)";
                    let locks: i64 = sqlx::query_scalar(text).bind(table).fetch_one(watch).await.unwrap();
                    (busy, locks) == (0, 0)
                })
                .await;
            }
            Self::Mysql { pool, opened, watch } => {
                until("connections are still out", async || pool.num_idle() == pool.size() as usize).await;
                let ours = opened.lock().unwrap().clone();
                until("a transaction is open", async || {
                    let text = "SELECT trx_mysql_thread_id FROM information_schema.innodb_trx";
                    let open: Vec<u64> = sqlx::query_scalar(text).fetch_all(watch).await.unwrap();
                    !open.iter().any(|number| ours.contains(&i64::try_from(*number).unwrap()))
                })
                .await;
                self.lock(place, Reach::ReadingAndWriting).await.release().await;
            }
        }
    }

    /// Takes a lock. SQLite has none against reading.
    pub(crate) async fn lock(&self, place: &Place, reach: Reach) -> Lock {
        let table = place.layout.table();
        match self {
            Self::Memory => panic!("memory has no locks"),
            Self::Sqlite { watch } => {
                let mut connection = watch.acquire().await.unwrap();
                sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut *connection).await.unwrap();
                Lock::Sqlite(connection)
            }
            Self::Postgres { watch, .. } => {
                let mut connection = watch.acquire().await.unwrap();
                let lock = match reach {
                    Reach::Rows => format!("SELECT 1 FROM \"{table}\" FOR UPDATE"),
                    Reach::Writing => format!("LOCK TABLE \"{table}\" IN EXCLUSIVE MODE"),
                    Reach::ReadingAndWriting => format!("LOCK TABLE \"{table}\" IN ACCESS EXCLUSIVE MODE"),
                };
                let text = format!("BEGIN; {lock}");
                sqlx::raw_sql(AssertSqlSafe(text)).execute(&mut *connection).await.unwrap();
                Lock::Postgres(connection)
            }
            Self::Mysql { watch, .. } => {
                let mut connection = watch.acquire().await.unwrap();
                let text = match reach {
                    Reach::Rows => format!("BEGIN; SELECT 1 FROM `{table}` FOR UPDATE"),
                    Reach::Writing => format!("LOCK TABLES `{table}` READ"),
                    Reach::ReadingAndWriting => format!("LOCK TABLES `{table}` WRITE"),
                };
                sqlx::raw_sql(AssertSqlSafe(text)).execute(&mut *connection).await.unwrap();
                Lock::Mysql(connection)
            }
        }
    }

    /// Whether a statement waits for a lock. SQLite keeps no list of who waits.
    pub(crate) async fn somebody_waits(&self, place: &Place) -> bool {
        match self {
            Self::Memory | Self::Sqlite { .. } => true,
            Self::Postgres { opened, watch, .. } => {
                let ours = opened.lock().unwrap().clone();
                let text = "SELECT count(*) FROM pg_stat_activity \
                            WHERE pid = ANY($1) AND wait_event_type = 'Lock'";
                let waiting: i64 = sqlx::query_scalar(text).bind(&ours).fetch_one(watch).await.unwrap();
                waiting > 0
            }
            Self::Mysql { watch, .. } => {
                let named = format!("%{}%", place.layout.table());
                let text = "SELECT count(*) FROM information_schema.processlist \
                            WHERE state LIKE 'Waiting for table%' AND info LIKE ?";
                let tables: i64 = sqlx::query_scalar(text).bind(&named).fetch_one(watch).await.unwrap();
                let text = "SELECT count(*) FROM information_schema.innodb_trx \
                            WHERE trx_state = 'LOCK WAIT' AND trx_query LIKE ?";
                let rows: i64 = sqlx::query_scalar(text).bind(&named).fetch_one(watch).await.unwrap();
                tables + rows > 0
            }
        }
    }
}

impl Lock {
    pub(crate) async fn release(self) {
        match self {
            Self::Sqlite(mut connection) => {
                sqlx::raw_sql("COMMIT").execute(&mut *connection).await.unwrap();
            }
            Self::Postgres(mut connection) => {
                sqlx::raw_sql("COMMIT").execute(&mut *connection).await.unwrap();
            }
            Self::Mysql(mut connection) => {
                sqlx::raw_sql("COMMIT; UNLOCK TABLES").execute(&mut *connection).await.unwrap();
            }
        }
    }
}

/// Looks again and again until it is as it should be. The limit is only ever reached by a failure.
pub(crate) async fn until(otherwise: &str, mut reached: impl AsyncFnMut() -> bool) {
    let wait = async {
        while !reached().await {
            tokio::task::yield_now().await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, wait).await.is_ok(), "{otherwise}");
}
