//! Locks that somebody else keeps.

use std::num::NonZeroU32;
use std::time::Duration;

use cloakroom::sql::{Gathering, SqlStore, Sweep};
use cloakroom::{ErrorKind, Lifetime, Page, Put, Record, Scope, Store, StoreKey, Touch, Version};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};
use tokio::time::timeout;
use tracing::Level;

use crate::site::{Log, START, Site, run};
use crate::story::{Fails, endure};
use crate::support::{Backend, Place};

const GUARD: Duration = Duration::from_secs(30);

fn quick() -> Gathering {
    Gathering::default().with_time_limit(Duration::from_millis(400))
}

/// What every verb of a store comes to: its name, and the kind of error, if any.
pub(crate) async fn every_verb(store: &dyn Store) -> Vec<(&'static str, Option<ErrorKind>)> {
    let (one, two) = (StoreKey::from_bytes([1; 32]), StoreKey::from_bytes([2; 32]));
    let record = Record::new(Lifetime::default(), START);
    let at = || Version::number(1);
    let touch = Touch { version: at(), seen: START, expires: record.expires };
    let page = Page { after: None, limit: NonZeroU32::MIN };
    vec![
        ("load", store.load(&one, START).await.err()),
        ("create", store.put(&one, Put::New, &record, START).await.err()),
        ("save", store.put(&one, Put::At(at()), &record, START).await.err()),
        ("touch", store.touch(&one, touch, START).await.err()),
        ("rename", store.rename(&one, at(), &two, &record, START).await.err()),
        ("delete", store.delete(&one).await.err()),
        ("sweep", store.sweep(NonZeroU32::MIN, START).await.err()),
        ("list", store.list(&Scope::All, page, START).await.err()),
        ("count", store.count(&Scope::All, START).await.err()),
        ("end", store.end(&Scope::All, Some(&one), START).await.err()),
    ]
    .into_iter()
    .map(|(verb, error)| (verb, error.map(|error| error.kind())))
    .collect()
}

/// Sessions in a file of which another connection keeps the write lock.
async fn a_stuck_writer(store: SqlStore, place: &Place, log: Log) {
    let mut other = sqlx::SqliteConnection::connect(&place.url).await.unwrap();
    other.execute("BEGIN IMMEDIATE").await.unwrap();
    for (verb, kind) in timeout(GUARD, every_verb(&store)).await.expect("every verb ends") {
        let reads = ["load", "list", "count"].contains(&verb);
        // Nothing was written, and that is what is said.
        assert_eq!(kind, (!reads).then_some(ErrorKind::Unavailable), "{verb}");
    }
    other.execute("ROLLBACK").await.unwrap();
    store.count(&Scope::All, START).await.unwrap();

    let site = Site::new(store.clone(), &log);
    let other = tokio::sync::Mutex::new(other);
    let execute = async |text: &'static str| {
        other.lock().await.execute(text).await.unwrap();
    };
    let (fault, repair) = (async || execute("BEGIN IMMEDIATE").await, async || execute("ROLLBACK").await);
    endure(&site, Fails::Writes, fault, repair).await;
    timeout(GUARD, store.close()).await.expect("closing ends");
}

#[test]
fn sqlite_embedded_does_not_wait_longer_than_its_limit_for_a_stuck_writer() {
    let place = Place::new(Backend::Sqlite);
    run(async |log| {
        a_stuck_writer(place.sql_store(quick()).await, &place, log).await;
        place.clean().await;
    });
}

#[test]
fn sqlite_pool_does_not_wait_longer_than_its_limit_for_a_stuck_writer() {
    let place = Place::new(Backend::Sqlite);
    run(async |log| {
        let file: SqliteConnectOptions = place.url.parse().unwrap();
        let file = file.create_if_missing(true).journal_mode(SqliteJournalMode::Wal);
        let file = file.busy_timeout(Duration::from_millis(20));
        let pool = SqlitePoolOptions::new().max_connections(2).connect_with(file).await.unwrap();
        let builder = SqlStore::builder(pool).layout(place.layout.clone()).sweep(Sweep::Off);
        let gathering = Gathering::default().with_time_limit(Duration::from_millis(500));
        let store = builder.gathering(gathering).build().await.unwrap();
        a_stuck_writer(store, &place, log).await;
        place.clean().await;
    });
}

/// A table that somebody has locked for themselves: nobody hears from the server until they let go.
fn locked_table(backend: Backend) {
    let place = Place::new(backend);
    run(async |log| {
        let store = place.sql_store(quick()).await;
        let site = Site::new(store.clone(), &log);
        let mut ann = site.member("ann", "red").await;
        let locker = Locker::lock(&place).await;
        for (verb, kind) in timeout(GUARD, every_verb(&store)).await.expect("every verb ends") {
            assert!(matches!(kind, Some(ErrorKind::Unknown | ErrorKind::Unavailable)), "{verb}: {kind:?}");
        }
        for _ in 0..2 {
            ann.get("/show").await.unavailable();
            ann.get("/logout").await.unavailable();
            site.visitor().get("/login/eve").await.unavailable();
        }
        let lines = log.take();
        // The first statements were sent and not answered; then the connections that wait for the lock are the pool's
        // last, and nothing is sent any more.
        assert!((1..=2).contains(&lines.len()), "{lines:#?}");
        assert!(lines.iter().all(|line| line.level == Level::ERROR), "{lines:#?}");
        locker.unlock().await;
        // The connections that hung are closed in the database's own time.
        assert_eq!(ann.get_at_last("/show").await, "ann: red");
        ann.get_at_last("/note/green").await;
        assert_eq!(ann.get("/show").await.ok(), "ann: green");
        timeout(GUARD, store.close()).await.expect("closing ends");
        place.clean().await;
    });
}

enum Locker {
    Postgres(sqlx::PgConnection),
    Mysql(sqlx::MySqlConnection),
}

impl Locker {
    async fn lock(place: &Place) -> Self {
        let table = place.layout.table();
        if place.backend == Backend::Postgres {
            let mut connection = sqlx::PgConnection::connect(&place.url).await.unwrap();
            let text = format!("BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE");
            sqlx::raw_sql(AssertSqlSafe(text)).execute(&mut connection).await.unwrap();
            return Self::Postgres(connection);
        }
        let mut connection = sqlx::MySqlConnection::connect(&place.url).await.unwrap();
        let text = format!("LOCK TABLES {table} WRITE");
        sqlx::raw_sql(AssertSqlSafe(text)).execute(&mut connection).await.unwrap();
        Self::Mysql(connection)
    }

    async fn unlock(self) {
        match self {
            Self::Postgres(connection) => connection.close().await.unwrap(),
            Self::Mysql(connection) => connection.close().await.unwrap(),
        }
    }
}

#[test]
fn postgres_a_locked_table_is_503_until_it_is_unlocked() {
    locked_table(Backend::Postgres);
}

#[test]
fn mysql_a_locked_table_is_503_until_it_is_unlocked() {
    locked_table(Backend::Mysql);
}
