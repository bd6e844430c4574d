//! Everything that is ever logged beside a database server, the driver's own lines included, searched for what must
//! not be in it.
//!
//! A test binary of its own, because it listens to the whole process.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]
#![cfg(any(feature = "postgres", feature = "mysql"))]

mod support;
#[path = "support/table.rs"]
mod table;
#[path = "support/visit.rs"]
mod visit;

use std::fmt::{self, Write as _};
use std::sync::{Mutex, Once, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use cloakroom_core::layout::Layout;
use cloakroom_core::{Device, Session, SessionManager, UserId};
use cloakroom_sql::{Database, SqlStore, Sweep};
use sqlx::{AssertSqlSafe, Executor, Pool};
use table::hex;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};
use visit::visit;

/// What the sessions hold: a key, its value, a user, a device.
const SECRETS: [&str; 4] =
    ["name-of-a-value", "hunter2-the-value", "user-4711-of-the-shop", "a-phone-of-brand-x"];

static LOG: Mutex<String> = Mutex::new(String::new());

/// Writes down everything, whatever its level.
struct Listener;

impl Subscriber for Listener {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        write(format_args!("\n{} {}", span.metadata().target(), span.metadata().name()));
        span.record(&mut Fields);
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut Fields);
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        write(format_args!("\n{} {}", event.metadata().level(), event.metadata().target()));
        event.record(&mut Fields);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Fields;

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        write(format_args!(" {field}={value:?}"));
    }
}

fn write(text: fmt::Arguments<'_>) {
    LOG.lock().unwrap_or_else(PoisonError::into_inner).write_fmt(text).unwrap();
}

fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| tracing::subscriber::set_global_default(Listener).unwrap());
}

async fn nothing_of_a_session_is_logged<DB: sqlx::Database>(pool: Pool<DB>, layout: Layout)
where
    Pool<DB>: Into<Database>,
    for<'c> &'c Pool<DB>: Executor<'c, Database = DB>,
{
    listen();
    let store = SqlStore::builder(pool.clone())
        .layout(layout.clone())
        .sweep(Sweep::Off)
        .on_error(|error| tracing::error!(?error, source = std::error::Error::source(error)))
        .build()
        .await
        .unwrap();
    let manager = SessionManager::builder(store.clone()).build().unwrap();
    let fill = |session: &cloakroom_core::Session| {
        session.insert(SECRETS[0], SECRETS[1]).unwrap();
        session.set_device(Device::new(SECRETS[3]));
        tracing::trace!(?session, "a handler that logs its session");
    };
    let sign_in = |session: &cloakroom_core::Session| session.set_user(UserId::new(SECRETS[2]).unwrap());
    let change = |session: &cloakroom_core::Session| session.insert("more", SECRETS[1]).unwrap();

    let created = visit(&manager, None, fill).await.unwrap();
    visit(&manager, Some(created.expose()), |session| {
        assert_eq!(session.get::<String>(SECRETS[0]).unwrap().unwrap(), SECRETS[1]);
    })
    .await;
    visit(&manager, Some(created.expose()), change).await;
    let signed_in = visit(&manager, Some(created.expose()), sign_in).await.unwrap();
    let rotated = visit(&manager, Some(signed_in.expose()), Session::rotate).await.unwrap();
    let guest = visit(&manager, None, fill).await.unwrap();

    // From here on the databases themselves quote what they refuse: a user twice.
    let index = format!("CREATE UNIQUE INDEX {}_once ON {} (user_id)", layout.table(), layout.table());
    sqlx::raw_sql(AssertSqlSafe(index)).execute(&pool).await.unwrap();
    assert!(visit(&manager, Some(guest.expose()), sign_in).await.is_none(), "the statement did not fail");
    visit(&manager, Some(rotated.expose()), Session::destroy).await;
    let column = format!("ALTER TABLE {} DROP COLUMN device", layout.table());
    sqlx::raw_sql(AssertSqlSafe(column)).execute(&pool).await.unwrap();
    assert!(visit(&manager, None, fill).await.is_none(), "the statement did not fail");
    visit(&manager, Some(guest.expose()), change).await;
    store.close().await;

    let log = LOG.lock().unwrap_or_else(PoisonError::into_inner).clone();
    for reached in
        ["sqlx::query", "Created", "Loaded", "Saved", "Rotated", "Destroyed", "store failed", "Schema"]
    {
        assert!(log.contains(reached), "the run did not reach {reached}:\n{log}");
    }
    let mut secrets = SECRETS.map(str::to_owned).to_vec();
    for id in [created, signed_in, rotated, guest] {
        secrets.push(id.expose().to_owned());
        let key = manager.key(&id);
        for bytes in [URL_SAFE_NO_PAD.decode(id.expose()).unwrap(), key.as_bytes().to_vec()] {
            let hex = hex(&bytes);
            secrets.extend([hex.to_uppercase(), hex, format!("{bytes:?}")]);
            secrets.extend([STANDARD.encode(&bytes), URL_SAFE_NO_PAD.encode(&bytes)]);
        }
    }
    for secret in secrets {
        let line = log.lines().find(|line| line.contains(&secret));
        assert!(line.is_none(), "{secret} is logged: {line:?}");
    }
}

#[cfg(feature = "postgres")]
#[test]
fn asvs_16_2_5_r31_nothing_of_a_session_is_logged_beside_postgres() {
    support::run(async {
        let layout = support::own_table("leaks", support::Server::Postgres);
        nothing_of_a_session_is_logged(support::postgres_pool(2).await, layout).await;
    });
}

#[cfg(feature = "mysql")]
#[test]
fn asvs_16_2_5_r31_nothing_of_a_session_is_logged_beside_mysql() {
    support::run(async {
        let layout = support::own_table("leaks", support::Server::Mysql);
        nothing_of_a_session_is_logged(support::mysql_pool(2).await, layout).await;
    });
}
