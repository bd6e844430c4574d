//! What somebody who has read the whole table can do with it: nothing.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]
#![cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]

mod support;
#[path = "support/table.rs"]
mod table;
#[path = "support/visit.rs"]
mod visit;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use cloakroom_core::layout::Layout;
use cloakroom_core::{Session, SessionId, SessionManager};
use cloakroom_sql::{Database, SqlStore, Sweep};
use sqlx::{ColumnIndex, Decode, Executor, Pool, Type};
use table::{Table, hex};
use visit::{open, visit};

/// Every way in which bytes may have been written down.
fn spellings(bytes: &[u8]) -> Vec<Vec<u8>> {
    let hex = hex(bytes);
    let mut spellings = vec![bytes.to_vec(), hex.to_uppercase().into_bytes(), hex.into_bytes()];
    let engines = [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD];
    spellings.extend(engines.map(|engine| engine.encode(bytes).into_bytes()));
    spellings
}

/// The id as the browser holds it, and the random bytes that it stands for.
fn spellings_of(id: &SessionId) -> Vec<Vec<u8>> {
    let text = id.expose();
    [spellings(text.as_bytes()), spellings(&URL_SAFE_NO_PAD.decode(text).unwrap())].concat()
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// Makes sessions, one of them rotated, reads the table, and returns the ids.
async fn a_dump_opens_nothing<DB: sqlx::Database>(pool: Pool<DB>, layout: Layout) -> Vec<SessionId>
where
    Pool<DB>: Into<Database>,
    for<'c> &'c Pool<DB>: Executor<'c, Database = DB>,
    for<'r> String: Decode<'r, DB>,
    String: Type<DB>,
    usize: ColumnIndex<DB::Row>,
{
    let store =
        SqlStore::builder(pool.clone()).layout(layout.clone()).sweep(Sweep::Off).build().await.unwrap();
    let manager = SessionManager::builder(store.clone()).build().unwrap();
    let first = visit(&manager, None, |session| session.insert("note", "kept").unwrap()).await.unwrap();
    let other = visit(&manager, None, |session| session.insert("note", "kept").unwrap()).await.unwrap();
    let rotated = visit(&manager, Some(first.expose()), Session::rotate).await.unwrap();
    let ids = vec![first, other, rotated];

    let rows = Table { pool, layout }.dump().await;
    assert_eq!(rows.len(), 2);
    let columns: Vec<Vec<u8>> = rows.into_iter().flatten().collect();
    // The dump shows what is there: the key of a session, and its data.
    let key = manager.key(&ids[1]);
    assert!(columns.iter().any(|column| column == key.as_bytes()));
    assert!(columns.iter().any(|column| holds(column, b"kept")));
    for spelling in ids.iter().flat_map(spellings_of) {
        assert!(!columns.iter().any(|column| holds(column, &spelling)));
    }

    for spelling in columns.iter().flat_map(|column| spellings(column)) {
        let Ok(text) = String::from_utf8(spelling) else { continue };
        let Some(session) = open(&manager, &text).await else { continue };
        assert!(session.is_new() && session.is_empty(), "a column opens a session");
    }
    assert!(!open(&manager, ids[1].expose()).await.unwrap().is_new());
    store.close().await;
    ids
}

#[cfg(feature = "sqlite")]
#[test]
fn r30_neither_a_dump_nor_the_files_of_sqlite_open_a_session() {
    support::run(async {
        let folder = support::folder();
        let pool = support::sqlite_pool(&folder.join("dump.sqlite"), 2).await;
        let ids = a_dump_opens_nothing(pool.clone(), Layout::native()).await;
        // Before the pool closes, which would empty the log.
        let files: Vec<Vec<u8>> = std::fs::read_dir(folder)
            .unwrap()
            .map(|file| std::fs::read(file.unwrap().path()).unwrap())
            .collect();
        assert!(files.len() >= 2, "the database and its log");
        assert!(files.iter().any(|file| holds(file, b"kept")));
        for spelling in ids.iter().flat_map(spellings_of) {
            assert!(!files.iter().any(|file| holds(file, &spelling)));
        }
    });
}

#[cfg(feature = "postgres")]
#[test]
fn r30_a_dump_of_postgres_opens_no_session() {
    support::run(async {
        let layout = support::own_table("dump", support::Server::Postgres);
        a_dump_opens_nothing(support::postgres_pool(2).await, layout).await;
    });
}

#[cfg(feature = "mysql")]
#[test]
fn r30_a_dump_of_mysql_opens_no_session() {
    support::run(async {
        let layout = support::own_table("dump", support::Server::Mysql);
        a_dump_opens_nothing(support::mysql_pool(2).await, layout).await;
    });
}
