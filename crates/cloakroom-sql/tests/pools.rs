//! What the store does with an application's own pool and tables.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]
#![cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]

mod support;

use std::future::poll_fn;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use cloakroom_core::layout::{Layout, Name};
use cloakroom_core::{
    ErrorKind, Lifetime, Loaded, Page, Put, Record, Scope, Store as _, StoreKey, Timestamp, Touch, UserId,
    Verifier, Version,
};
use cloakroom_sql::{Connections, Database, Gathering, SqlStore, Sweep};
use sqlx::Pool;

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);
/// Longer than any server takes; only a failure waits for it.
const PATIENCE: Duration = Duration::from_secs(20);

async fn store(database: impl Into<Database>, layout: &Layout) -> SqlStore {
    SqlStore::builder(database).layout(layout.clone()).sweep(Sweep::Off).build().await.unwrap()
}

fn key(number: u8) -> StoreKey {
    StoreKey::from_bytes(vec![number; 32])
}

fn record() -> Record {
    let verifier = Verifier::from_bytes(&[1; 40]).unwrap();
    Record { verifier, ..Record::new(Lifetime::idle(Duration::from_hours(1)), NOW) }
}

/// A handler that holds one of two connections uses its session meanwhile, as do 64 other requests.
async fn a_pool_of_two_is_enough(store: SqlStore) {
    let mut requests = Vec::new();
    for number in 0..64 {
        let store = store.clone();
        requests.push(async move {
            let version = store.put(&key(number), Put::New, &record(), NOW).await?;
            store.load(&key(number), NOW).await?;
            store.put(&key(number), Put::At(version), &record(), NOW).await
        });
    }
    for outcome in futures_util::future::join_all(requests).await {
        outcome.unwrap();
    }
    assert_eq!(store.count(&Scope::All, NOW).await.unwrap(), 64);
}

/// While a lock keeps every statement from ending, 64 loads and 64 writes wait, and sessions have taken from a pool of
/// ten what they may and no more.
///
/// What is taken counts, not what is open: a connection that is on its way back is not idle yet, and a pool with room
/// may open another one meanwhile.
async fn sessions_take_few_of_many<DB: sqlx::Database>(pool: Pool<DB>, layout: Layout, lock: &str)
where
    Pool<DB>: Into<Database>,
    for<'c> &'c mut DB::Connection: sqlx::Executor<'c, Database = DB>,
{
    for (connections, most) in [(Connections::One, 1), (Connections::Two, 2)] {
        let store = SqlStore::builder(pool.clone())
            .layout(layout.clone())
            .gathering(Gathering::default().with_connections(connections).with_time_limit(PATIENCE))
            .sweep(Sweep::Off)
            .build()
            .await
            .unwrap();
        let mut held = pool.acquire().await.unwrap();
        sqlx::raw_sql(sqlx::AssertSqlSafe(lock)).execute(&mut *held).await.unwrap();
        let requests = (0..64).map(async |number| {
            let (key, record) = (key(number), record());
            let (loaded, written) =
                tokio::join!(store.load(&key, NOW), store.put(&key, Put::New, &record, NOW));
            loaded.and(written)
        });
        let mut requests = Box::pin(futures_util::future::join_all(requests));
        let waiting = poll_fn(|context| Poll::Ready(requests.as_mut().poll(context).is_pending()));
        assert!(waiting.await);
        // Many looks in a row must agree, because the first connection is taken a moment before the second.
        let taken = async {
            let mut agreeing = 0;
            while agreeing < 10_000 {
                let as_expected = u64::from(pool.size()) == pool.num_idle() as u64 + 1 + most;
                agreeing = if as_expected { agreeing + 1 } else { 0 };
                tokio::task::yield_now().await;
            }
        };
        let in_use = tokio::time::timeout(PATIENCE, taken).await;
        assert!(in_use.is_ok(), "{connections:?}: {} open, {} idle", pool.size(), pool.num_idle());
        held.close().await.unwrap();
        for outcome in requests.await {
            outcome.unwrap();
        }
        assert_eq!(store.end(&Scope::All, None, NOW).await.unwrap(), 64);
        store.close().await;
    }
}

/// Two users whose names differ by what some collations do not see.
async fn users_are_told_apart(store: SqlStore) {
    let users = ["ann", "Ann", "ann ", "änn", "ann\u{301}"];
    for (number, user) in (0..).zip(users) {
        let record = Record { user: Some(UserId::new(user).unwrap()), ..record() };
        store.put(&key(number), Put::New, &record, NOW).await.unwrap();
    }
    for user in users {
        let scope = Scope::User(UserId::new(user).unwrap());
        assert_eq!(store.count(&scope, NOW).await.unwrap(), 1, "{user:?}");
        let page = Page { after: None, limit: NonZeroU32::MAX };
        let listed = store.list(&scope, page, NOW).await.unwrap();
        assert_eq!(listed[0].user.as_ref().unwrap().as_str(), user);
    }
    for (left, user) in (0..5).rev().zip(users) {
        assert_eq!(store.end(&Scope::User(UserId::new(user).unwrap()), None, NOW).await.unwrap(), 1);
        assert_eq!(store.count(&Scope::All, NOW).await.unwrap(), left);
    }
}

/// One write of a batch cannot be done; the others are, and the error shows nothing of it.
async fn one_bad_row_does_not_spoil_its_batch(database: impl Into<Database>, layout: &Layout) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let hook = Arc::clone(&seen);
    let store = SqlStore::builder(database)
        .layout(layout.clone())
        .sweep(Sweep::Off)
        .extra_text(Name::new("own").unwrap(), |record| Some(record.data.get("own")?.as_str()?.to_owned()))
        .on_error(move |error| hook.lock().unwrap().push(error.kind()))
        .build()
        .await
        .unwrap();
    let mut writes = Vec::new();
    for number in 0..32 {
        let store = store.clone();
        writes.push(async move {
            let mut record = record();
            record.data.insert("own".to_owned(), if number == 7 { "secret-value" } else { "fine" }.into());
            store.put(&key(number), Put::New, &record, NOW).await
        });
    }
    for (number, outcome) in futures_util::future::join_all(writes).await.into_iter().enumerate() {
        if number == 7 {
            let error = outcome.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Refused);
            let source = std::error::Error::source(&error).unwrap().to_string();
            assert!(!format!("{error} {error:?} {source}").contains("secret-value"), "{source}");
        } else {
            outcome.unwrap();
        }
    }
    assert_eq!(store.count(&Scope::All, NOW).await.unwrap(), 31);
    assert_eq!(*seen.lock().unwrap(), [ErrorKind::Refused]);
}

/// What the application's own columns hold after a create, a save and a rename.
async fn extra_columns_follow_the_session(
    database: impl Into<Database>,
    layout: &Layout,
    read: impl AsyncFn() -> Vec<(Option<String>, Option<i64>)>,
) {
    let store = SqlStore::builder(database)
        .layout(layout.clone())
        .sweep(Sweep::Off)
        .extra_text(Name::new("tenant name").unwrap(), |record| {
            Some(record.data.get("tenant")?.as_str()?.to_owned())
        })
        .extra_integer(Name::new("level").unwrap(), |record| record.data.get("level")?.as_i64())
        .build()
        .await
        .unwrap();
    let mut record = record();
    let version = store.put(&key(1), Put::New, &record, NOW).await.unwrap();
    assert_eq!(read().await, [(None, None)]);
    record.data.insert("tenant".to_owned(), "Zoë's \"shop\"".into());
    record.data.insert("level".to_owned(), i64::MIN.into());
    let version = store.put(&key(1), Put::At(version), &record, NOW).await.unwrap();
    assert_eq!(read().await, [(Some("Zoë's \"shop\"".to_owned()), Some(i64::MIN))]);
    record.data.insert("level".to_owned(), 3.into());
    record.data.shift_remove("tenant");
    store.rename(&key(1), version, &key(2), &record, NOW).await.unwrap();
    assert_eq!(read().await, [(None, Some(3))]);
    let Loaded::Live(stored) = store.load(&key(2), NOW).await.unwrap() else { panic!("not live") };
    assert_eq!(stored.record, record);
}

async fn touch(store: &SqlStore, key: &StoreKey, version: &Version, seconds: u64) {
    let seen = NOW.plus(Duration::from_secs(seconds));
    let touch = Touch { version: version.clone(), seen, expires: seen.plus(Duration::from_hours(1)) };
    store.touch(key, touch, seen).await.unwrap();
}

#[cfg(feature = "sqlite")]
mod sqlite {
    use super::*;
    use sqlx::Row as _;

    async fn own_pool(connections: u32) -> sqlx::SqlitePool {
        support::sqlite_pool(&support::folder().join("pools.sqlite"), connections).await
    }

    #[test]
    fn asvs_15_4_3_a_handler_that_holds_a_connection_cannot_deadlock_with_the_store() {
        support::run(async {
            let pool = own_pool(2).await;
            let store = store(pool.clone(), &Layout::native()).await;
            let held = pool.acquire().await.unwrap();
            a_pool_of_two_is_enough(store).await;
            drop(held);
        });
    }

    #[test]
    fn users_with_similar_names_are_told_apart() {
        support::run(async { users_are_told_apart(store(own_pool(2).await, &Layout::native()).await).await });
    }

    #[test]
    fn a_bad_row_is_isolated() {
        support::run(async {
            let pool = own_pool(2).await;
            let own = Layout::native()
                .with_extra(Name::new("own").unwrap(), cloakroom_core::layout::ExtraKind::Text);
            let text = cloakroom_sql::ddl(&own, cloakroom_sql::Dialect::Sqlite)
                .replace("\"own\" TEXT", "\"own\" TEXT CHECK (length(own) < 5)");
            sqlx::raw_sql(sqlx::AssertSqlSafe(text)).execute(&pool).await.unwrap();
            one_bad_row_does_not_spoil_its_batch(pool, &Layout::native()).await;
        });
    }

    #[test]
    fn extra_columns_are_filled() {
        support::run(async {
            let pool = own_pool(2).await;
            let read = async || {
                let rows = sqlx::query("SELECT \"tenant name\", level FROM sessions")
                    .fetch_all(&pool)
                    .await
                    .unwrap();
                rows.iter().map(|row| (row.get(0), row.get(1))).collect()
            };
            extra_columns_follow_the_session(pool.clone(), &Layout::native(), read).await;
        });
    }
}

#[cfg(feature = "postgres")]
mod postgres {
    use super::*;
    use sqlx::{AssertSqlSafe, Row as _};

    fn table(prefix: &str) -> Layout {
        support::own_table(prefix, support::Server::Postgres)
    }

    #[test]
    fn asvs_15_4_3_a_handler_that_holds_a_connection_cannot_deadlock_with_the_store() {
        support::run(async {
            let pool = support::postgres_pool(2).await;
            let store = store(pool.clone(), &table("held")).await;
            let held = pool.acquire().await.unwrap();
            a_pool_of_two_is_enough(store).await;
            drop(held);
        });
    }

    #[test]
    fn asvs_13_1_2_sessions_take_two_connections_of_ten_at_most() {
        support::run(async {
            let layout = table("few");
            let lock = format!("BEGIN; LOCK TABLE {}", layout.table());
            sessions_take_few_of_many(support::postgres_pool(10).await, layout, &lock).await;
        });
    }

    #[test]
    fn users_with_similar_names_are_told_apart() {
        support::run(async {
            users_are_told_apart(store(support::postgres_pool(2).await, &table("users")).await).await;
        });
    }

    #[test]
    fn a_bad_row_is_isolated() {
        support::run(async {
            let pool = support::postgres_pool(2).await;
            let layout = table("bad");
            let own =
                layout.clone().with_extra(Name::new("own").unwrap(), cloakroom_core::layout::ExtraKind::Text);
            let text = cloakroom_sql::ddl(&own, cloakroom_sql::Dialect::Postgres)
                .replace("\"own\" text", "\"own\" text CHECK (length(own) < 5)");
            sqlx::raw_sql(AssertSqlSafe(text)).execute(&pool).await.unwrap();
            one_bad_row_does_not_spoil_its_batch(pool, &layout).await;
        });
    }

    #[test]
    fn extra_columns_are_filled() {
        support::run(async {
            let pool = support::postgres_pool(2).await;
            let layout = table("extra");
            let text = format!("SELECT \"tenant name\", level FROM {}", layout.table());
            let read = async || {
                let rows = sqlx::query(AssertSqlSafe(text.clone())).fetch_all(&pool).await.unwrap();
                rows.iter().map(|row| (row.get(0), row.get(1))).collect()
            };
            extra_columns_follow_the_session(pool.clone(), &layout, read).await;
        });
    }

    #[test]
    fn touches_and_saves_change_no_index() {
        support::run(async {
            let pool = support::postgres_pool(2).await;
            let layout = table("hot");
            let store = store(pool.clone(), &layout).await;
            let user = Some(UserId::new("ann").unwrap());
            let mut versions = Vec::new();
            // Few enough that all their versions fit on one page, whatever other tests keep from being tidied.
            for number in 0..4 {
                let record = Record { user: user.clone(), ..record() };
                versions.push(store.put(&key(number), Put::New, &record, NOW).await.unwrap());
            }
            for round in 1..=3 {
                for (number, version) in (0..).zip(&mut versions) {
                    touch(&store, &key(number), version, round).await;
                    let record =
                        Record { user: user.clone(), seen: NOW.plus(Duration::from_secs(round)), ..record() };
                    let later =
                        Record { expires: record.expires.plus(Duration::from_secs(60 * round)), ..record };
                    *version = store.put(&key(number), Put::At(version.clone()), &later, NOW).await.unwrap();
                }
            }
            store.close().await;

            // Asked on the connections that did the work, whose pending counts are flushed first.
            let text = format!(
                "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = '{}'",
                layout.table()
            );
            let (mut updates, mut hot) = (0_i64, 0_i64);
            let (mut one, mut two) = (pool.acquire().await.unwrap(), pool.acquire().await.unwrap());
            for connection in [&mut one, &mut two] {
                sqlx::query("SELECT pg_stat_force_next_flush()").execute(&mut **connection).await.unwrap();
                sqlx::query("SELECT 1").execute(&mut **connection).await.unwrap();
            }
            for connection in [&mut one, &mut two] {
                let row =
                    sqlx::query(AssertSqlSafe(text.clone())).fetch_one(&mut **connection).await.unwrap();
                (updates, hot) = (row.get(0), row.get(1));
            }
            assert_eq!((updates, hot), (24, 24));
        });
    }
}

#[cfg(feature = "mysql")]
mod mysql {
    use super::*;
    use sqlx::{AssertSqlSafe, Row as _};

    fn table(prefix: &str) -> Layout {
        support::own_table(prefix, support::Server::Mysql)
    }

    #[test]
    fn asvs_15_4_3_a_handler_that_holds_a_connection_cannot_deadlock_with_the_store() {
        support::run(async {
            let pool = support::mysql_pool(2).await;
            let store = store(pool.clone(), &table("held")).await;
            let held = pool.acquire().await.unwrap();
            a_pool_of_two_is_enough(store).await;
            drop(held);
        });
    }

    #[test]
    fn asvs_13_1_2_sessions_take_two_connections_of_ten_at_most() {
        support::run(async {
            let layout = table("few");
            let lock = format!("LOCK TABLES {} WRITE", layout.table());
            sessions_take_few_of_many(support::mysql_pool(10).await, layout, &lock).await;
        });
    }

    #[test]
    fn users_with_similar_names_are_told_apart() {
        support::run(async {
            users_are_told_apart(store(support::mysql_pool(2).await, &table("users")).await).await;
        });
    }

    #[test]
    fn a_bad_row_is_isolated() {
        support::run(async {
            let pool = support::mysql_pool(2).await;
            let layout = table("bad");
            let own =
                layout.clone().with_extra(Name::new("own").unwrap(), cloakroom_core::layout::ExtraKind::Text);
            let text = cloakroom_sql::ddl(&own, cloakroom_sql::Dialect::Mysql).replace(
                "COLLATE utf8mb4_bin,\n  KEY",
                "COLLATE utf8mb4_bin CHECK (length(own) < 5),\n  KEY",
            );
            assert!(text.contains("CHECK"));
            sqlx::raw_sql(AssertSqlSafe(text)).execute(&pool).await.unwrap();
            one_bad_row_does_not_spoil_its_batch(pool, &layout).await;
        });
    }

    #[test]
    fn extra_columns_are_filled() {
        support::run(async {
            let pool = support::mysql_pool(2).await;
            let layout = table("extra");
            let text = format!("SELECT `tenant name`, level FROM {}", layout.table());
            let read = async || {
                let rows = sqlx::query(AssertSqlSafe(text.clone())).fetch_all(&pool).await.unwrap();
                rows.iter().map(|row| (row.get(0), row.get(1))).collect()
            };
            extra_columns_follow_the_session(pool.clone(), &layout, read).await;
        });
    }
}
