//! Deadlocks, which a database ends by giving up somebody's statement.

use std::sync::Arc;
use std::time::Duration;

use cloakroom::sql::{Gathering, SqlStore};
use cloakroom::{Lifetime, Loaded, Put, Record, Scope, Store as _, StoreError, StoreKey, Verifier, Version};
use sqlx::{AssertSqlSafe, Executor, Pool};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::site::{START, run};
use crate::support::{Backend, Place};
use crate::tables::administer;

const GUARD: Duration = Duration::from_mins(1);
/// PostgreSQL gives up whoever has waited for a second first. On a machine that is very busy that is the application.
const ATTEMPTS: usize = 5;

/// Whose statement the database gave up.
#[derive(Debug, PartialEq, Eq)]
enum Victim {
    Store,
    Application,
}

/// A store with three sessions, and an application that locks their rows in an order of its own.
struct Stage<DB: sqlx::Database> {
    place: Place,
    pool: Pool<DB>,
    store: Arc<SqlStore>,
    versions: Vec<Version>,
}

impl<DB: sqlx::Database> Stage<DB>
where
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    async fn new(place: &Place) -> Self {
        let gathering = Gathering::default().with_time_limit(GUARD);
        let store = Arc::new(place.sql_store(gathering).await);
        let mut versions = Vec::new();
        for number in 0..3 {
            versions.push(store.put(&key(number), Put::New, &record(0), START).await.unwrap());
        }
        administer(place, "CREATE TABLE {away} (id INTEGER)").await;
        Self { place: place.clone(), pool: Pool::connect(&place.url).await.unwrap(), store, versions }
    }

    /// The store saves 1 and 2 in one batch; it has 1 when it waits for 2, which the application has; the application
    /// then waits for 1.
    async fn deadlock(&mut self, attempt: usize) -> Victim {
        let (mut first, mut second) = (self.pool.begin().await.unwrap(), self.pool.begin().await.unwrap());
        first.execute(sqlx::raw_sql(AssertSqlSafe(self.lock(0)))).await.unwrap();
        // MySQL gives up whoever has less to undo.
        let work = format!(
            "INSERT INTO {}_away VALUES (1), (2), (3), (4), (5), (6), (7), (8)",
            self.place.layout.table()
        );
        second.execute(sqlx::raw_sql(AssertSqlSafe(work))).await.unwrap();
        second.execute(sqlx::raw_sql(AssertSqlSafe(self.lock(2)))).await.unwrap();

        // Those that come while one save waits for its row are the next batch.
        let blocked = self.save(0, attempt);
        self.store_waits().await;
        let (one, two) = (self.save(1, attempt), self.save(2, attempt));
        tokio::task::yield_now().await;
        first.rollback().await.unwrap();
        self.saved(0, blocked).await;
        self.store_waits().await;

        let lock = self.lock(1);
        let crossing = second.execute(sqlx::raw_sql(AssertSqlSafe(lock)));
        let crossed = timeout(GUARD, crossing).await.expect("the database ends the deadlock");
        let victim = if crossed.is_ok() {
            // Row 1 is the application's, although 2 still is: the store's batch was given up.
            assert!(!one.is_finished() && !two.is_finished(), "the store waits for its rows again");
            second.commit().await.unwrap();
            Victim::Store
        } else {
            second.rollback().await.unwrap();
            Victim::Application
        };
        self.saved(1, one).await;
        self.saved(2, two).await;
        for number in 0..3 {
            let Loaded::Live(stored) = self.store.load(&key(number), START).await.unwrap() else {
                panic!("a session is lost")
            };
            assert_eq!(stored.record, record(attempt), "session {number}");
            assert_eq!(stored.version, self.versions[usize::from(number)], "written once");
        }
        victim
    }

    /// The store ends every session, and has 1 when it waits for 2; the application has 2 and then waits for 1.
    async fn deadlock_of_an_end(&self) -> Victim {
        for number in 0..3 {
            // In a later attempt nothing is left of them.
            let _there_already = self.store.put(&key(number), Put::New, &record(0), START).await;
        }
        let mut application = self.pool.begin().await.unwrap();
        let work = format!(
            "INSERT INTO {}_away VALUES (1), (2), (3), (4), (5), (6), (7), (8)",
            self.place.layout.table()
        );
        application.execute(sqlx::raw_sql(AssertSqlSafe(work))).await.unwrap();
        application.execute(sqlx::raw_sql(AssertSqlSafe(self.lock(2)))).await.unwrap();
        let store = Arc::clone(&self.store);
        let end = tokio::spawn(async move { store.end(&Scope::All, None, START).await });
        self.store_waits().await;
        let crossing = application.execute(sqlx::raw_sql(AssertSqlSafe(self.lock(1))));
        let crossed = timeout(GUARD, crossing).await.expect("the database ends the deadlock");
        let victim = if crossed.is_ok() { Victim::Store } else { Victim::Application };
        application.rollback().await.unwrap();
        let ended = timeout(GUARD, end).await.expect("it ends").unwrap();
        assert_eq!(ended.expect("it was run again"), 3);
        assert_eq!(self.store.count(&Scope::All, START).await.unwrap(), 0);
        victim
    }

    fn save(&self, number: u8, attempt: usize) -> JoinHandle<Result<Version, StoreError>> {
        let (store, version) = (Arc::clone(&self.store), self.versions[usize::from(number)].clone());
        tokio::spawn(async move { store.put(&key(number), Put::At(version), &record(attempt), START).await })
    }

    /// Whatever happened meanwhile, the caller of a save sees it succeed, once.
    async fn saved(&mut self, number: u8, save: JoinHandle<Result<Version, StoreError>>) {
        let version = timeout(GUARD, save).await.expect("a save ends").unwrap().expect("it was run again");
        let before = &mut self.versions[usize::from(number)];
        assert_eq!(version, Version::number(before.as_number().unwrap() + 1));
        *before = version;
    }

    /// Waits until the store waits for a row, which only the database knows.
    async fn store_waits(&self) {
        let table = self.place.layout.table();
        let question = match self.place.backend {
            Backend::Mysql => format!(
                "SELECT 1 FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT' \
                 AND trx_query LIKE '%`{table}`%'"
            ),
            _ => format!(
                "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%\"{table}\"%'"
            ),
        };
        let asking = async {
            loop {
                let mut connection = self.pool.acquire().await.unwrap();
                let waits = connection.fetch_optional(sqlx::raw_sql(AssertSqlSafe(question.clone()))).await;
                if waits.unwrap().is_some() {
                    return;
                }
                // MySQL looks at its transactions anew only when nobody has asked for a tenth of a second.
                tokio::time::sleep(Duration::from_millis(150)).await;
            }
        };
        timeout(GUARD, asking).await.expect("the store waits for a row");
    }

    fn lock(&self, number: u8) -> String {
        let (table, hex) = (self.place.layout.table(), format!("{number:02x}").repeat(32));
        match self.place.backend {
            Backend::Mysql => format!("SELECT 1 FROM `{table}` WHERE `key` = x'{hex}' FOR UPDATE"),
            _ => format!("SELECT 1 FROM \"{table}\" WHERE key = '\\x{hex}' FOR UPDATE"),
        }
    }
}

fn key(number: u8) -> StoreKey {
    StoreKey::from_bytes([number; 32])
}

fn record(attempt: usize) -> Record {
    let verifier = Verifier::from_bytes(&[7; 40]).unwrap();
    let mut record = Record { verifier, ..Record::new(Lifetime::default(), START) };
    record.data.insert("attempt".to_owned(), attempt.into());
    record
}

fn a_deadlock<DB: sqlx::Database>(backend: Backend)
where
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    let place = Place::new(backend);
    run(async |_| {
        let mut stage = Stage::<DB>::new(&place).await;
        let mut attempt = 1;
        while stage.deadlock(attempt).await != Victim::Store {
            assert!(attempt < ATTEMPTS, "the application lost every deadlock");
            attempt += 1;
        }
        stage.store.close().await;
        administer(&place, "DROP TABLE {away}").await;
        place.clean().await;
    });
}

fn a_deadlock_of_an_end<DB: sqlx::Database>(backend: Backend)
where
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    let place = Place::new(backend);
    run(async |_| {
        let stage = Stage::<DB>::new(&place).await;
        let mut attempt = 1;
        while stage.deadlock_of_an_end().await != Victim::Store {
            assert!(attempt < ATTEMPTS, "the application lost every deadlock");
            attempt += 1;
        }
        stage.store.close().await;
        administer(&place, "DROP TABLE {away}").await;
        place.clean().await;
    });
}

#[test]
fn postgres_an_end_of_all_sessions_that_loses_a_deadlock_is_run_again() {
    a_deadlock_of_an_end::<sqlx::Postgres>(Backend::Postgres);
}

#[test]
fn mysql_an_end_of_all_sessions_that_loses_a_deadlock_is_run_again() {
    a_deadlock_of_an_end::<sqlx::MySql>(Backend::Mysql);
}

#[test]
fn postgres_a_save_that_loses_a_deadlock_is_run_again() {
    a_deadlock::<sqlx::Postgres>(Backend::Postgres);
}

#[test]
fn mysql_a_save_that_loses_a_deadlock_is_run_again() {
    a_deadlock::<sqlx::MySql>(Backend::Mysql);
}
