//! How PostgreSQL finds rows in a large table: by an index, whatever the verb.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]
#![cfg(feature = "postgres")]

mod support;

use std::num::NonZeroU32;
use std::time::Duration;

use cloakroom_core::layout::Layout;
use cloakroom_core::{Lifetime, Loaded, Put, Record, Store as _, StoreKey, Timestamp, Touch, Version};
use cloakroom_sql::{SqlStore, Sweep};
use sqlx::{AssertSqlSafe, PgPool, Row as _};

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);
const HOUR: Duration = Duration::from_hours(1);
const ROWS: i32 = 20_000;
/// How often each verb is called.
const CALLS: i32 = 50;

/// What PostgreSQL has counted of a table's scans.
#[derive(Clone, Copy, Debug)]
struct Scans {
    whole_table: i64,
    primary_key: i64,
    sweep_index: i64,
}

/// One generic plan for all parameters, as a prepared statement has after a while.
async fn pool() -> PgPool {
    let options: sqlx::postgres::PgConnectOptions = support::postgres_url().parse().unwrap();
    let options = options.options([("plan_cache_mode", "force_generic_plan")]);
    sqlx::postgres::PgPoolOptions::new().max_connections(2).connect_with(options).await.unwrap()
}

/// Fills the table; every fourth row has expired.
async fn fill(pool: &PgPool, layout: &Layout) {
    let (table, now, hour) = (layout.table(), NOW.as_millis(), HOUR.as_millis());
    let text = format!(
        "INSERT INTO {table} (key, version, format, data, created_at, seen_at, expires_at, idle_ms, persistence, \
         verifier, sweep_at) SELECT decode(lpad(to_hex(number), 64, '0'), 'hex'), 1, 'json', '{{}}', {now}, {now}, expires, \
         {hour}, 0, '', expires FROM (SELECT number, CASE number % 4 WHEN 0 THEN {now} - number ELSE {now} + {hour} END \
         AS expires FROM generate_series(1, {ROWS}) AS number) AS made; ANALYZE {table}"
    );
    sqlx::raw_sql(AssertSqlSafe(text)).execute(pool).await.unwrap();
}

/// Live ones only.
fn key(call: i32) -> StoreKey {
    let mut bytes = vec![0; 28];
    bytes.extend((call * 4 + 1).to_be_bytes());
    StoreKey::from_bytes(bytes)
}

async fn scans(pool: &PgPool, layout: &Layout) -> Scans {
    let text = format!(
        "SELECT (SELECT seq_scan FROM pg_stat_user_tables WHERE relname = '{table}'), \
         (SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = '{table}_pkey'), \
         (SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = '{table}_sweep_idx')",
        table = layout.table(),
    );
    // Asked on the connections that did the work, whose pending counts are flushed first.
    let mut connections = [pool.acquire().await.unwrap(), pool.acquire().await.unwrap()];
    for connection in &mut connections {
        sqlx::query("SELECT pg_stat_force_next_flush()").execute(&mut **connection).await.unwrap();
        sqlx::query("SELECT 1").execute(&mut **connection).await.unwrap();
    }
    let row = sqlx::query(AssertSqlSafe(text)).fetch_one(&mut *connections[0]).await.unwrap();
    Scans { whole_table: row.get(0), primary_key: row.get(1), sweep_index: row.get(2) }
}

#[test]
fn postgres_reads_a_large_table_by_its_indexes() {
    support::run(async {
        let (pool, layout) = (pool().await, support::own_table("plans", support::Server::Postgres));
        let store =
            SqlStore::builder(pool.clone()).layout(layout.clone()).sweep(Sweep::Off).build().await.unwrap();
        fill(&pool, &layout).await;
        let calls = i64::from(CALLS);
        let record = Record::new(Lifetime::idle(HOUR), NOW);

        let mut before = scans(&pool, &layout).await;
        for verb in ["load", "touch", "save", "rename", "delete", "sweep"] {
            for call in 0..CALLS {
                let (key, moved) = (key(call), key(call + CALLS));
                match verb {
                    "load" => {
                        assert!(matches!(store.load(&key, NOW).await.unwrap(), Loaded::Live(_)));
                    }
                    "touch" => {
                        let expires = NOW.plus(HOUR * 2);
                        let touch = Touch { version: Version::number(1), seen: NOW, expires };
                        store.touch(&key, touch, NOW).await.unwrap();
                    }
                    "save" => {
                        store.put(&key, Put::At(Version::number(1)), &record, NOW).await.unwrap();
                    }
                    "rename" => {
                        store.delete(&moved).await.unwrap();
                        store.rename(&key, Version::number(2), &moved, &record, NOW).await.unwrap();
                    }
                    "delete" => store.delete(&moved).await.unwrap(),
                    _ => {
                        let swept = store.sweep(NonZeroU32::new(10).unwrap(), NOW).await.unwrap();
                        assert_eq!(swept.removed, 10);
                    }
                }
            }
            let after = scans(&pool, &layout).await;
            let told = format!("{verb}: {before:?}, then {after:?}");
            assert_eq!(after.whole_table, before.whole_table, "{told}");
            assert!(after.primary_key - before.primary_key >= calls, "{told}");
            if verb == "sweep" {
                assert!(after.sweep_index - before.sweep_index >= calls, "{told}");
            }
            before = after;
        }
    });
}
