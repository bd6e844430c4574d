//! Columns of the application's own.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]
#![cfg(all(feature = "embedded", feature = "sqlite"))]

mod support;

use cloakroom_core::layout::Name;
use cloakroom_core::{ErrorKind, Lifetime, Put, Record, Store as _, StoreKey, Timestamp};
use cloakroom_sql::{Database, SqlStore, Sweep};

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

/// The store takes a value that is there twice for a key that is taken, but must not try for ever.
#[test]
fn a_unique_column_makes_conflicts() {
    support::run(async {
        let file = support::folder().join("unique.sqlite");
        let pool = support::sqlite_pool(&file, 2).await;
        let databases = [Database::from(pool.clone()), format!("sqlite:{}", file.display()).as_str().into()];
        for (number, database) in (0..).zip(databases) {
            let own = Name::new("own").unwrap();
            let store = SqlStore::builder(database).extra_integer(own, |_| Some(1)).sweep(Sweep::Off);
            let store = store.build().await.unwrap();
            sqlx::query("CREATE UNIQUE INDEX IF NOT EXISTS one ON sessions (own)")
                .execute(&pool)
                .await
                .unwrap();

            let put = async |byte| {
                let (key, record) =
                    (StoreKey::from_bytes(vec![byte; 32]), Record::new(Lifetime::default(), NOW));
                store.put(&key, Put::New, &record, NOW).await
            };
            if number == 0 {
                put(9).await.unwrap();
            }
            let error = put(number).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Conflict, "{error:?}");
            store.close().await;
        }
    });
}
