//! When a store removes expired sessions, and how many at once.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

#[cfg(feature = "sqlite")]
mod support;

use cloakroom_core::Timestamp;

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

/// What begins a sweep, in memory.
#[cfg(feature = "embedded")]
mod beginnings {
    use std::num::NonZeroU32;
    use std::time::Duration;

    use cloakroom_core::{Clock, Lifetime, Put, Record, Scope, Store as _, StoreKey, Timestamp, Verifier};
    use cloakroom_sql::{Connections, Gathering, SqlStore, Sweep};
    use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
    use tokio::time::{advance, pause, resume};

    use super::NOW;

    const LONG_AGO: Timestamp = Timestamp::from_millis(1);
    const INTERVAL: Duration = Duration::from_mins(1);

    /// A clock that tells when it is asked, which is when a sweep begins.
    #[derive(Debug)]
    struct Telling(UnboundedSender<()>);

    impl Clock for Telling {
        fn now(&self) -> Timestamp {
            let _test_is_over = self.0.send(());
            NOW
        }
    }

    /// A store with one queue, in which what follows a sweep is done after it.
    async fn store(sweep: Sweep) -> (SqlStore, UnboundedReceiver<()>) {
        let (told, asked) = mpsc::unbounded_channel();
        let store = SqlStore::builder("sqlite::memory:")
            .gathering(Gathering::default().with_connections(Connections::One))
            .sweep(sweep)
            .clock(Telling(told));
        (store.build().await.unwrap(), asked)
    }

    fn key(number: u8) -> StoreKey {
        StoreKey::from_bytes(vec![number; 32])
    }

    /// A session that has expired by the store's clock.
    async fn create_expired(store: &SqlStore, number: u8) {
        let verifier = Verifier::from_bytes(&[1; 40]).unwrap();
        let record = Record { verifier, ..Record::new(Lifetime::idle(Duration::from_hours(1)), LONG_AGO) };
        store.put(&key(number), Put::New, &record, LONG_AGO).await.unwrap();
    }

    /// How many rows there are, expired or not.
    async fn rows(store: &SqlStore) -> u64 {
        store.count(&Scope::All, LONG_AGO).await.unwrap()
    }

    /// Whether a sweep has begun since this was last asked.
    async fn has_begun(asked: &mut UnboundedReceiver<()>) -> bool {
        give_way().await;
        asked.try_recv().is_ok()
    }

    /// Lets the sweeper, which runs on the test's own thread, do all that it can.
    async fn give_way() {
        for _ in 0..32 {
            tokio::task::yield_now().await;
        }
    }

    /// Lets the longest pause between two sweeps pass. The time stands still only here, because the store's thread
    /// works in the real one.
    async fn let_the_interval_pass() {
        give_way().await;
        pause();
        advance(INTERVAL * 2).await;
        resume();
    }

    #[tokio::test]
    async fn asvs_14_2_7_the_interval() {
        let (store, mut asked) = store(Sweep::Every(INTERVAL)).await;
        create_expired(&store, 1).await;
        assert!(!has_begun(&mut asked).await);
        let_the_interval_pass().await;
        assert!(has_begun(&mut asked).await);
        assert_eq!(rows(&store).await, 0);
    }

    #[tokio::test]
    async fn a_new_session() {
        let (store, mut asked) = store(Sweep::OnInsert { at_most: NonZeroU32::MIN }).await;
        assert!(!has_begun(&mut asked).await);
        create_expired(&store, 1).await;
        assert!(has_begun(&mut asked).await);
        assert_eq!(rows(&store).await, 0);
    }

    #[tokio::test]
    async fn a_request() {
        let (store, mut asked) = store(Sweep::OneRequestIn(NonZeroU32::MIN)).await;
        create_expired(&store, 1).await;
        assert!(!has_begun(&mut asked).await);
        store.load(&key(2), NOW).await.unwrap();
        assert!(has_begun(&mut asked).await);
        assert_eq!(rows(&store).await, 0);
    }

    #[tokio::test]
    async fn the_application() {
        let (store, mut asked) = store(Sweep::Off).await;
        for number in 0..3 {
            create_expired(&store, number).await;
        }
        let_the_interval_pass().await;
        assert!(!has_begun(&mut asked).await);
        assert_eq!(store.sweep_now().await.unwrap(), 3);
        assert!(has_begun(&mut asked).await, "the clock that was given says what has expired");
        assert_eq!(rows(&store).await, 0);
    }

    #[tokio::test]
    async fn nothing_after_close() {
        let (store, mut asked) = store(Sweep::Every(INTERVAL)).await;
        let_the_interval_pass().await;
        assert!(has_begun(&mut asked).await);
        // The sweep is over when what follows it is.
        assert_eq!(rows(&store).await, 0);
        give_way().await;
        store.close().await;
        let_the_interval_pass().await;
        assert!(!has_begun(&mut asked).await);
    }
}

/// Bounds that a statement's parameters set, on a pool.
#[cfg(feature = "sqlite")]
mod bounds {
    use std::num::{NonZeroU32, NonZeroUsize};

    use cloakroom_core::layout::Layout;
    use cloakroom_core::{Loaded, Remaining, Store as _, StoreKey};
    use cloakroom_sql::{Gathering, SqlStore, Sweep};
    use sqlx::SqlitePool;

    use super::{NOW, support};

    /// More than SQLite takes as parameters of one statement, once it is made up to a power of two.
    const MANY: u32 = 20_000;

    async fn store() -> (SqlStore, SqlitePool) {
        let pool = support::sqlite_pool(&support::folder().join("sweeping.sqlite"), 2).await;
        let gathering = Gathering::default()
            .with_batch(NonZeroUsize::MAX)
            .with_queue(NonZeroUsize::new(MANY as usize).unwrap());
        let builder = SqlStore::builder(pool.clone()).layout(Layout::native());
        (builder.sweep(Sweep::Off).gathering(gathering).build().await.unwrap(), pool)
    }

    #[test]
    fn a_sweep_without_a_bound_removes_a_part() {
        support::run(async {
            let (store, pool) = store().await;
            sqlx::query(
                "WITH RECURSIVE numbers (number) AS
                    (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < ?)
                INSERT INTO sessions
                    (key, version, format, data, created_at, seen_at, expires_at, persistence, verifier, sweep_at)
                SELECT CAST(number AS BLOB), 1, 'json', '{}', 0, 0, number, 0, x'', number FROM numbers",
            )
            .bind(MANY)
            .execute(&pool)
            .await
            .unwrap();
            let swept = store.sweep(NonZeroU32::MAX, NOW).await.unwrap();
            assert_eq!((swept.removed, swept.remaining), (1_024, Remaining::Perhaps));
            assert_eq!(store.sweep_now().await.unwrap(), u64::from(MANY) - 1_024);
            assert_eq!(store.sweep(NonZeroU32::MAX, NOW).await.unwrap().remaining, Remaining::Nothing);
        });
    }

    /// All loads wait before the worker, which runs on the same thread, takes the first of them.
    #[tokio::test]
    async fn a_batch_without_a_bound_stays_within_the_parameters() {
        let (store, _pool) = store().await;
        let keys: Vec<_> =
            (0..MANY).map(|number| StoreKey::from_bytes(number.to_be_bytes().to_vec())).collect();
        let loads = futures_util::future::join_all(keys.iter().map(|key| store.load(key, NOW)));
        for loaded in tokio::task::unconstrained(loads).await {
            assert!(matches!(loaded.unwrap(), Loaded::Absent));
        }
    }
}
