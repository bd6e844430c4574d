//! Rows that somebody else wrote, or that were damaged: reported, left as they are, and no trouble to their neighbours.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]
#![cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]

mod support;
#[path = "support/table.rs"]
mod table;

use std::num::NonZeroU32;

use cloakroom_core::layout::{Column, DataColumn, Layout};
use cloakroom_core::{
    Admission, Authentication, ErrorKind, Lifetime, Loaded, Method, Put, Record, SessionLimit, Store as _,
    StoreKey, SystemRandom, Timestamp, UserId, WhenFull,
};
use cloakroom_sql::{Database, SqlStore, Sweep};
use futures_util::future::join_all;
use sqlx::{ColumnIndex, Decode, Executor, Pool, Type};
use table::Table;

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

/// What no session's row holds, each as SQL: first what only a column of text takes, then what any takes.
const TEXTS: [(Column, &str); 6] = [
    (Column::Data, "''"),
    (Column::Data, "'hunter2, but no JSON'"),
    // Cut off, and what Java, PHP and Python would make objects of.
    (Column::Data, "'{\"hunter2\":1'"),
    (Column::Data, "'rO0ABXNyABFqYXZhLnV0aWwuSGFzaE1hcA'"),
    (Column::Data, "'O:8:\"stdClass\":0:{}'"),
    (Column::Data, "'cos\nsystem\n(S''id''\ntR.'"),
];
const VALUES: [(Column, &str); 8] = [
    (Column::Data, "'[\"hunter2\"]'"),
    (Column::Data, "'\"hunter2\"'"),
    (Column::Data, "'null'"),
    (Column::Format, "'hunter2'"),
    (Column::Format, "'msgpack'"),
    (Column::Persistence, "7"),
    (Column::Device, "'hunter2'"),
    (Column::User, "''"),
];

/// What no sign-in leaves behind. The error names the column.
const SIGN_INS: [(Column, &str); 5] = [
    (Column::Handle, "NULL"),
    (Column::Authenticated, "NULL"),
    (Column::Method, "NULL"),
    (Column::Proof, "NULL"),
    (Column::Method, "'Hunter2'"),
];

fn signed_in() -> Record {
    Record {
        user: Some(UserId::new("ann").unwrap()),
        authentication: Some(Authentication::new(Method::password(), NOW, &SystemRandom).unwrap()),
        ..Record::new(Lifetime::default(), NOW)
    }
}

fn key(number: u8) -> StoreKey {
    StoreKey::from_bytes(vec![number; 32])
}

async fn unreadable_rows_are_corrupt_and_stay<DB: sqlx::Database>(pool: Pool<DB>, layout: Layout)
where
    Pool<DB>: Into<Database>,
    for<'c> &'c Pool<DB>: Executor<'c, Database = DB>,
    for<'r> String: Decode<'r, DB>,
    String: Type<DB>,
    usize: ColumnIndex<DB::Row>,
{
    let store =
        SqlStore::builder(pool.clone()).layout(layout.clone()).sweep(Sweep::Off).build().await.unwrap();
    let mut damages = VALUES.to_vec();
    if layout.data() == DataColumn::Text {
        damages.extend(TEXTS);
    }
    let blob = if DB::NAME == "SQLite" { "CAST('hunter2' AS BLOB)" } else { "'hunter2'" };
    damages.push((Column::Verifier, blob));
    let sign_ins = [&SIGN_INS[..], &[(Column::Handle, blob), (Column::Proof, blob)]].concat();
    damages.extend(&sign_ins);
    let broken = u8::try_from(damages.len()).unwrap();
    let whole = [broken, broken + 1];
    let record = signed_in();
    for number in 0..broken + 2 {
        store.put(&key(number), Put::New, &record, NOW).await.unwrap();
    }
    let mark = StoreKey::from_bytes(vec![255; 32]);
    let version = store.put(&mark, Put::New, &Record::new(Lifetime::default(), NOW), NOW).await.unwrap();
    let table = Table { pool, layout };
    for (number, (column, expression)) in (0..).zip(&damages) {
        table.set(key(number).as_bytes(), *column, expression).await;
    }
    let before = table.dump().await;

    // All at once, so that whole rows and damaged ones are read by the same statement.
    let keys: Vec<StoreKey> = (0..broken + 2).map(key).collect();
    let outcomes = join_all(keys.iter().map(|key| store.load(key, NOW))).await;
    for (number, outcome) in (0..).zip(outcomes) {
        if whole.contains(&number) {
            let Loaded::Live(stored) = outcome.unwrap() else { panic!("a whole row is not live") };
            assert_eq!(stored.record, record);
            continue;
        }
        let damage = damages[usize::from(number)];
        let error = outcome.expect_err(&format!("{damage:?} was read"));
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{damage:?}");
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert!(!format!("{error} {error:?} {source}").to_lowercase().contains("hunter2"), "{source}");
        let column = format!("the {} column", table.layout.column(damage.0));
        assert!(!sign_ins.contains(&damage) || source.contains(&column), "{damage:?}: {source}");
    }
    assert_eq!(table.dump().await, before);

    // Whether they count is not known, and nobody is ended by guess.
    let limit = Some(SessionLimit { most: NonZeroU32::MIN, when_full: WhenFull::EndOldest });
    let admission = Admission { mark, version, limit };
    let error = store.admit(&key(254), Put::New, &record, &admission, NOW).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(!format!("{error:?}").to_lowercase().contains("hunter2"), "{error:?}");
    assert_eq!(table.dump().await, before);
}

#[cfg(feature = "sqlite")]
#[test]
fn r34_r35_sqlite_leaves_what_it_cannot_read() {
    support::run(async {
        for data in [DataColumn::Json, DataColumn::Text] {
            let pool = support::sqlite_pool(&support::folder().join("unreadable.sqlite"), 2).await;
            unreadable_rows_are_corrupt_and_stay(pool, Layout::native().with_data(data)).await;
        }
    });
}

#[cfg(feature = "postgres")]
#[test]
fn r34_r35_postgres_leaves_what_it_cannot_read() {
    support::run(async {
        for data in [DataColumn::Json, DataColumn::Text] {
            let layout = support::own_table("unreadable", support::Server::Postgres).with_data(data);
            unreadable_rows_are_corrupt_and_stay(support::postgres_pool(2).await, layout).await;
        }
    });
}

#[cfg(feature = "mysql")]
#[test]
fn r34_r35_mysql_leaves_what_it_cannot_read() {
    support::run(async {
        for data in [DataColumn::Json, DataColumn::Text] {
            let layout = support::own_table("unreadable", support::Server::Mysql).with_data(data);
            unreadable_rows_are_corrupt_and_stay(support::mysql_pool(2).await, layout).await;
        }
    });
}
