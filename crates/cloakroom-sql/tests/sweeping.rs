//! When a store removes expired sessions, and how many at once.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

#[cfg(feature = "sqlite")]
mod support;

use cloakroom_core::Timestamp;

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

/// Bounds that a statement's parameters set, on a pool.
#[cfg(feature = "sqlite")]
mod bounds {
    use std::num::{NonZeroU32, NonZeroUsize};

    use cloakroom_core::layout::Layout;
    use cloakroom_core::{Loaded, Remaining, Scope, Store as _, StoreKey};
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
                    (key, version, format, data, created_at, seen_at, expires_at, persistence, sweep_at)
                SELECT CAST(number AS BLOB), 1, 'json', '{}', 0, 0, number, 0, number FROM numbers",
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

    #[test]
    fn a_batch_without_a_bound_stays_within_the_parameters() {
        support::run(async {
            let (store, _pool) = store().await;
            let keys: Vec<_> =
                (0..MANY).map(|number| StoreKey::from_bytes(number.to_be_bytes().to_vec())).collect();
            let loads = keys.iter().map(|key| store.load(key, NOW));
            for loaded in futures_util::future::join_all(loads).await {
                assert!(matches!(loaded.unwrap(), Loaded::Absent));
            }
            assert_eq!(store.count(&Scope::All, NOW).await.unwrap(), 0);
        });
    }
}
