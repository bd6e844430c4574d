//! Rows as somebody else wrote them or as a damaged disk gives them back, read and written again through a session.
//!
//! The first byte says what the rest is put into:
//!
//! ```text
//! j   the data as text, marked as JSON            b   the data as bytes, marked as JSON
//! m   the data as bytes, marked as MessagePack    B   the same in base64, in a column for text
//! x   the data as bytes in a column for text      f   the mark
//! d   the device                                  u   the user
//! n   the numbers, written with commas            v   the verifier of ids
//! p   how somebody signed in: sixteen bytes of handle, then the proof
//! a   a User-Agent, given to a session that is there
//! ```
//!
//! Nothing panics. What cannot be read is an error that quotes nothing of it. What can be read can be changed, stored
//! and read again, and is then what it was. No verifier without the id's digest opens the session.

#![no_main]

use std::cell::RefCell;
use std::error::Error;

use cloakroom_conformance::ManualClock;
use cloakroom_core::layout::{DataColumn, Layout, Name};
use cloakroom_core::{
    Data, Device, Lifetime, LoadError, Put, Record, SaveError, Session, SessionId, SessionManager, Store,
    StoreKey, SystemRandom, Timestamp, Verifier,
};
use cloakroom_sql::{Durability, SqlStore, Sweep};
use http::header::COOKIE;
use http::{HeaderMap, HeaderValue, StatusCode};
use libfuzzer_sys::fuzz_target;
use rusqlite::types::Value;
use rusqlite::{Connection, params};
use tokio::runtime::{Builder, Runtime};

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);
const NUMBERS: [&str; 7] =
    ["created_at", "seen_at", "expires_at", "deadline_at", "idle_ms", "absolute_ms", "persistence"];

struct World {
    runtime: Runtime,
    connection: Connection,
    tables: [Table; 2],
    _folder: tempfile::TempDir,
}

/// A table with one session in it.
struct Table {
    name: &'static str,
    manager: SessionManager,
    cookie: HeaderValue,
    key: StoreKey,
    verifier: Vec<u8>,
}

thread_local! {
    static WORLD: RefCell<World> = RefCell::new(World::new());
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("rows.sqlite");
        let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
        let table = |name: &'static str, data| {
            let layout = Layout::native().with_table(Name::new(name).expect("a name")).with_data(data);
            let store = SqlStore::builder(format!("sqlite:{}", path.display()))
                .layout(layout)
                .sweep(Sweep::Off)
                .durability(Durability::Normal)
                .build();
            Table::new(name, &runtime, runtime.block_on(store).expect("a store"))
        };
        let tables = [table("texts", DataColumn::Text), table("bytes", DataColumn::Binary)];
        let connection = Connection::open(&path).expect("the file");
        connection.pragma_update(None, "synchronous", "off").expect("a setting");
        Self { runtime, connection, tables, _folder: folder }
    }

    /// Brings both rows back to a good state.
    fn mend(&self) {
        for Table { name, key, verifier, .. } in &self.tables {
            let text = format!(
                "UPDATE {name} SET data = ?, format = 'json', user_id = NULL, device = NULL, created_at = ?2,
                 seen_at = ?2, expires_at = ?3, deadline_at = NULL, idle_ms = 3600000, absolute_ms = NULL,
                 persistence = 0, verifier = ?4, handle = NULL, authenticated_at = NULL, method = NULL, proof = NULL
                 WHERE key = ?5"
            );
            let good = r#"{"there":true}"#;
            let data = if *name == "texts" { Value::Text(good.into()) } else { Value::Blob(good.into()) };
            let expires = NOW.as_millis() + 3_600_000;
            let mut statement = self.connection.prepare_cached(&text).expect("a statement");
            let values = params![data, NOW.as_millis(), expires, verifier, key.as_bytes()];
            assert_eq!(statement.execute(values).expect("a row"), 1, "the row is gone");
            // Where the session was not opened, another one was made.
            let others = format!("DELETE FROM {name} WHERE key <> ?");
            let mut statement = self.connection.prepare_cached(&others).expect("a statement");
            statement.execute([key.as_bytes()]).expect("a table");
        }
    }

    /// Damages the row of a table. The table may refuse what its columns cannot hold.
    fn set(&self, table: &Table, column: &str, value: Value) -> rusqlite::Result<usize> {
        let text = format!("UPDATE {} SET {column} = ? WHERE key = ?", table.name);
        self.connection.prepare_cached(&text)?.execute(params![value, table.key.as_bytes()])
    }

    fn put(&self, kind: u8, rest: &[u8]) -> Option<&Table> {
        let [texts, bytes] = &self.tables;
        let text = || String::from_utf8_lossy(rest).into_owned();
        let mark = |table, mark: &str| self.set(table, "format", Value::Text(mark.to_owned()));
        let put = match kind {
            b'j' => self.set(texts, "data", Value::Text(text())),
            b'x' => self.set(texts, "data", Value::Blob(rest.to_vec())),
            b'B' => mark(texts, "msgpack").and_then(|_| self.set(texts, "data", Value::Text(text()))),
            b'b' => self.set(bytes, "data", Value::Blob(rest.to_vec())),
            b'm' => mark(bytes, "msgpack").and_then(|_| self.set(bytes, "data", Value::Blob(rest.to_vec()))),
            b'f' => mark(bytes, &text()),
            b'v' => self.set(texts, "verifier", Value::Blob(rest.to_vec())),
            b'p' => {
                let (handle, proof) = rest.split_at_checked(16).unwrap_or((rest, &[]));
                self.set(texts, "handle", Value::Blob(handle.to_vec()))
                    .and_then(|_| self.set(texts, "proof", Value::Blob(proof.to_vec())))
                    .and_then(|_| self.set(texts, "authenticated_at", Value::Integer(NOW.as_millis())))
                    .and_then(|_| self.set(texts, "method", Value::Text("password".to_owned())))
            }
            b'd' => self.set(texts, "device", Value::Text(text())),
            b'u' => self.set(texts, "user_id", Value::Text(text())),
            b'n' => {
                let numbers = NUMBERS.into_iter().zip(rest.split(|byte| *byte == b','));
                numbers.into_iter().try_fold(0, |_, (column, number)| {
                    let number = str::from_utf8(number).ok().and_then(|text| text.parse().ok());
                    self.set(texts, column, number.map_or(Value::Null, Value::Integer))
                })
            }
            _ => return None,
        };
        put.ok()?;
        Some(if matches!(kind, b'b' | b'm' | b'f') { bytes } else { texts })
    }
}

impl Table {
    fn new(name: &'static str, runtime: &Runtime, store: SqlStore) -> Self {
        let id = SessionId::generate(&SystemRandom).expect("random bytes");
        let manager =
            SessionManager::builder(store).clock(ManualClock::at(NOW)).build().expect("the defaults");
        let key = manager.key(&id);
        let verifier = Verifier::issue(manager.cookie_name(), &id, NOW);
        let record = Record { verifier, ..Record::new(Lifetime::default(), NOW) };
        let verifier = record.verifier.to_bytes();
        runtime.block_on(manager.store().put(&key, Put::New, &record, NOW)).expect("a row");
        let cookie = format!("{}={}", manager.cookie_name(), id.expose());
        Self { name, manager, cookie: HeaderValue::try_from(cookie).expect("a cookie"), key, verifier }
    }

    /// One request: its session as it was loaded, and what came of storing what the handler did.
    async fn visit(&self, handler: impl FnOnce(&Session)) -> Result<Result<Data, SaveError>, LoadError> {
        let headers = HeaderMap::from_iter([(COOKIE, self.cookie.clone())]);
        let lazy = self.manager.begin(&headers);
        let session = lazy.load().await?;
        let loaded = session.data();
        handler(&session);
        Ok(lazy.finish(StatusCode::OK).await.map(|_| loaded))
    }
}

/// An error and all that caused it, as a log would show them.
fn words(error: &(dyn Error + 'static)) -> String {
    let mut words = format!("{error} {error:?}");
    let mut source = error.source();
    while let Some(error) = source {
        words = format!("{words} {error} {error:?}");
        source = error.source();
    }
    words
}

/// No sixteen bytes of what could not be read are in an error. Fewer may be there by accident.
fn quotes_nothing(error: &(dyn Error + 'static), rest: &[u8]) {
    let words = words(error);
    let quoted = rest.windows(16).find(|part| str::from_utf8(part).is_ok_and(|part| words.contains(part)));
    assert!(quoted.is_none(), "an error quotes the row: {words}");
}

/// A browser's own text goes through a session.
fn agent(text: &str) {
    let device = Device::new(text).with_address(text);
    let kept = device.user_agent().expect("a text");
    assert!(kept.chars().count() <= 256 && !kept.chars().any(char::is_control), "{kept:?}");
    let written = serde_json::to_string(&device).expect("text");
    assert!(serde_json::from_str::<Device>(&written).expect("a device") == device, "another device");
}

fuzz_target!(|input: &[u8]| {
    let [kind, rest @ ..] = input else { return };
    if *kind == b'a' {
        return agent(&String::from_utf8_lossy(rest));
    }
    WORLD.with_borrow(|world| {
        world.mend();
        let Some(table) = world.put(*kind, rest) else { return };
        let insert = |session: &Session| session.insert("another", 1).expect("a number");
        let loaded = match world.runtime.block_on(table.visit(insert)) {
            Err(error) => return quotes_nothing(&error, rest),
            // Nested too deep to be read again, or run out meanwhile.
            Ok(Err(error)) => return quotes_nothing(&error, rest),
            Ok(Ok(loaded)) => loaded,
        };
        if *kind == b'v' && loaded.contains_key("there") {
            let digest = &table.verifier[..32];
            assert!(rest.windows(32).any(|part| part == digest), "opened by what does not know the id");
        }
        let again = world.runtime.block_on(table.visit(|_| {})).expect("what was stored can be read");
        let again = again.expect("looking changes nothing");
        // An expired row is an empty session, whose value went under another id.
        if !again.is_empty() {
            let mut expected = loaded;
            expected.insert("another".to_owned(), 1.into());
            assert_eq!(again, expected, "storing changed what was not touched");
        }
    });
});
