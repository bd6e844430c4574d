//! Making and checking the table when a store is built.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]
#![cfg(feature = "embedded")]

mod support;

use std::error::Error as _;

use cloakroom_core::layout::{Column, DataColumn, ExtraKind, Layout, Name};
use cloakroom_core::{ErrorKind, Lifetime, Loaded, Put, Record, Store as _, StoreError, StoreKey, Timestamp};
use cloakroom_sql::{Database, Dialect, Mismatch, Problem, SqlStore, Startup, Sweep, ddl};

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

async fn open(
    database: impl Into<Database>,
    layout: &Layout,
    startup: Startup,
) -> Result<SqlStore, StoreError> {
    SqlStore::builder(database).layout(layout.clone()).startup(startup).sweep(Sweep::Off).build().await
}

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn explain(error: &StoreError) -> String {
    assert_eq!(error.kind(), ErrorKind::Schema);
    error.source().unwrap().to_string()
}

async fn works(store: &SqlStore) {
    let key = StoreKey::from_bytes(vec![7; 32]);
    let mut record = Record::new(Lifetime::default(), NOW);
    record.data.insert("naïve".to_owned(), "值".into());
    store.put(&key, Put::New, &record, NOW).await.unwrap();
    let Loaded::Live(stored) = store.load(&key, NOW).await.unwrap() else { panic!("not live") };
    assert_eq!(stored.record, record);
}

fn hostile() -> Layout {
    Layout::native()
        .with_column(Column::Key, name("select"))
        .with_column(Column::User, name("user\"; DROP TABLE x; --"))
        .with_column(Column::Data, name("da`ta ?'$1\\"))
        .with_extra(name("größe in \"%s\""), ExtraKind::Integer)
}

/// Every case for one kind of database: `database` opens it, `layout` names a table of its own.
async fn cases<D: Into<Database>, F: Future<Output = D>>(
    database: impl Fn() -> F,
    layout: impl Fn(&str) -> Layout,
    execute: impl AsyncFn(String),
    dialect: Dialect,
) {
    // A table that is not there.
    let missing = open(database().await, &layout("missing"), Startup::CheckOnly).await.unwrap_err();
    assert!(explain(&missing).contains("does not exist"), "{}", explain(&missing));

    // Without a check the error comes with the first operation.
    let unchecked = open(database().await, &layout("missing"), Startup::Nothing).await.unwrap();
    let error = unchecked.load(&StoreKey::from_bytes(vec![1; 32]), NOW).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Schema, "{error:?}");

    // Text for people who run their own migrations makes a table that passes the check.
    let own = layout("own");
    for statement in ddl(&own, dialect).split(";\n").filter(|statement| !statement.trim().is_empty()) {
        execute(statement.to_owned()).await;
    }
    works(&open(database().await, &own, Startup::CheckOnly).await.unwrap()).await;

    // Every difference is named at once, and nothing else is.
    let broken = layout("broken");
    for statement in broken_ddl(&ddl(&broken, dialect), dialect) {
        execute(statement).await;
    }
    let error = open(database().await, &broken, Startup::CreateIfMissing).await.unwrap_err();
    let mismatch = error.source().and_then(|source| source.downcast_ref::<Mismatch>()).unwrap();
    let problem = |problem: &Problem| match problem {
        Problem::MissingColumn { column, .. } => format!("missing {column}"),
        Problem::WrongType { column, .. } => format!("type of {column}"),
        Problem::NotNullable { column } => format!("null in {column}"),
        Problem::Unfilled { column } => format!("unfilled {column}"),
        Problem::KeyNotUnique { column } => format!("key {column}"),
        Problem::MissingIndex { column, .. } => format!("index of {column}"),
        other => format!("{other:?}"),
    };
    let problems: Vec<String> = mismatch.problems().iter().map(problem).collect();
    let expected = [
        "missing version",
        "null in user_id",
        "type of expires_at",
        "unfilled own",
        "key key",
        "index of sweep_at",
    ];
    assert_eq!(problems, expected, "{mismatch}");
    assert!(mismatch.to_string().contains("create one: CREATE INDEX"), "{mismatch}");

    // A table from before sign-ins were recorded: each column that it lacks is named, and how to add it.
    let old = layout("old");
    let sign_in = [Column::Handle, Column::Authenticated, Column::Method, Column::Proof];
    let names = sign_in.map(|column| old.column(column).to_owned());
    let is_new = |line: &&str| {
        names.iter().any(|name| line.trim_start().get(1..).is_some_and(|line| line.starts_with(name)))
    };
    let text = ddl(&old, dialect);
    let text: Vec<&str> = text.lines().filter(|line| !is_new(line)).collect();
    for statement in text.join("\n").split(';').filter(|statement| !statement.trim().is_empty()) {
        execute(statement.to_owned()).await;
    }
    let error = open(database().await, &old, Startup::CreateIfMissing).await.unwrap_err();
    let mismatch = error.source().and_then(|source| source.downcast_ref::<Mismatch>()).unwrap();
    assert_eq!(
        mismatch.problems().iter().map(problem).collect::<Vec<_>>(),
        names.clone().map(|name| format!("missing {name}"))
    );
    for name in &names {
        assert!(
            mismatch.to_string().contains(&format!("column {name:?} is missing; add it as ")),
            "{mismatch}"
        );
    }

    // Many processes start at once.
    let layout_of_all = layout("crowd");
    let mut crowd = Vec::new();
    for _ in 0..16 {
        crowd.push(open(database().await, &layout_of_all, Startup::CreateIfMissing));
    }
    for store in futures_util::future::join_all(crowd).await {
        store.unwrap();
    }

    // Names that would break out of their quotes.
    for data in [DataColumn::Json, DataColumn::Text, DataColumn::Binary] {
        let plain = layout("x\"y`z'; --");
        let mut layout = hostile().with_table(name(plain.table())).with_data(data);
        if let Some(schema) = plain.schema() {
            layout = layout.with_schema(name(schema));
        }
        let store = open(database().await, &layout, Startup::CreateIfMissing).await.unwrap();
        works(&store).await;
    }
}

/// The same table with a column missing, one of another type, one that must not be NULL, one more that must not, no
/// primary key, and no index of sweep times.
fn broken_ddl(text: &str, dialect: Dialect) -> Vec<String> {
    let mark = if dialect == Dialect::Mysql { '`' } else { '"' };
    let column = |name: &str| format!("  {mark}{name}{mark} ");
    let mut lines = Vec::new();
    for line in text.lines() {
        let dropped =
            line.starts_with(&column("version")) || line.starts_with("  KEY ") && line.contains("sweep_idx");
        if dropped {
            continue;
        }
        if line.starts_with(&column("user_id")) {
            lines.push(line.replace(',', " NOT NULL,"));
        } else if line.starts_with(&column("expires_at")) {
            lines.push(format!("{} {} NOT NULL,", column("expires_at"), "TEXT"));
            lines.push(format!("{} INTEGER NOT NULL,", column("own")));
        } else if line.starts_with("  KEY ") {
            lines.push(line.trim_end_matches(',').to_owned());
        } else {
            lines.push(line.replace(" PRIMARY KEY", ""));
        }
    }
    let statements = lines.join("\n");
    statements
        .split(';')
        .filter(|text| !text.is_empty() && !text.contains("sweep_idx"))
        .map(str::to_owned)
        .collect()
}

#[cfg(feature = "sqlite")]
#[test]
fn sqlite_tables_are_made_and_checked() {
    support::run(async {
        let file = support::folder().join("startup.sqlite");
        let pool = support::sqlite_pool(&file, 8).await;
        let database = || async { pool.clone() };
        let layout = |table: &str| Layout::native().with_table(support::unique(table));
        let execute = async |text: String| {
            sqlx::raw_sql(sqlx::AssertSqlSafe(text)).execute(&pool).await.unwrap();
        };
        cases(database, layout, execute, Dialect::Sqlite).await;
    });
}

#[cfg(feature = "postgres")]
#[test]
fn postgres_tables_are_made_and_checked() {
    support::run(async {
        let pool = support::postgres_pool(20).await;
        let database = || async { pool.clone() };
        let layout = |table: &str| support::own_table(table, support::Server::Postgres);
        let execute = async |text: String| {
            sqlx::raw_sql(sqlx::AssertSqlSafe(text)).execute(&pool).await.unwrap();
        };
        cases(database, layout, execute, Dialect::Postgres).await;
    });
}

#[cfg(feature = "postgres")]
#[test]
fn postgres_schemas_are_made_by_whoever_comes_first() {
    support::run(async {
        let schema = support::unique("own \"schema\"");
        let layout = Layout::native().with_schema(schema.clone());
        let mut crowd = Vec::new();
        for _ in 0..8 {
            crowd.push(open(support::postgres_pool(1).await, &layout, Startup::CreateIfMissing));
        }
        for store in futures_util::future::join_all(crowd).await {
            store.unwrap();
        }
        let pool = support::postgres_pool(1).await;
        let text = format!("DROP SCHEMA \"{}\" CASCADE", schema.as_str().replace('"', "\"\""));
        sqlx::raw_sql(sqlx::AssertSqlSafe(text)).execute(&pool).await.unwrap();
    });
}

#[cfg(feature = "mysql")]
#[test]
fn mysql_tables_are_made_and_checked() {
    support::run(async {
        let pool = support::mysql_pool(20).await;
        let database = || async { pool.clone() };
        let layout = |table: &str| support::own_table(table, support::Server::Mysql);
        let execute = async |text: String| {
            sqlx::raw_sql(sqlx::AssertSqlSafe(text)).execute(&pool).await.unwrap();
        };
        cases(database, layout, execute, Dialect::Mysql).await;
    });
}

#[test]
fn the_embedded_database_is_checked_too() {
    support::run(async {
        let url = format!("sqlite:{}", support::folder().join("embedded.sqlite").display());
        let missing = open(url.as_str(), &Layout::native(), Startup::CheckOnly).await.unwrap_err();
        assert!(explain(&missing).contains("does not exist"));
        let store = open(url.as_str(), &Layout::native(), Startup::CreateIfMissing).await.unwrap();
        works(&store).await;
        store.close().await;
        open(url.as_str(), &Layout::native(), Startup::CheckOnly).await.unwrap().close().await;
    });
}

/// The system completes connections to a listener by itself, and this one never answers on them.
#[cfg(feature = "postgres")]
#[test]
fn a_database_that_never_answers_does_not_hang_the_start() {
    support::run(async {
        let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("postgres://nobody@{}/nothing", silent.local_addr().unwrap());
        // Real time, because a paused clock does not wait for a socket. Nothing depends on how long it takes.
        let limit = std::time::Duration::from_millis(50);
        let error = SqlStore::builder(url).startup_limit(limit).sweep(Sweep::Off).build().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        let told = error.source().unwrap().to_string();
        assert!(told.contains("within the time limit of the start"), "{told}");
        assert!(silent.accept().is_ok(), "nobody tried to connect");
    });
}

#[test]
fn a_url_of_no_use_says_what_to_write_and_not_what_was_written() {
    support::run(async {
        for url in ["oracle://scott:tiger@host/db", "tiger", "", "sqlite:tiger?key=secret"] {
            let error = SqlStore::open(url).await.unwrap_err();
            let told = format!("{error} {error:?} {}", error.source().unwrap());
            assert!(!told.contains("tiger") && !told.contains("secret"), "{told}");
        }
    });
}

#[test]
fn a_layout_that_uses_a_name_twice_is_refused() {
    support::run(async {
        let layout = Layout::native().with_column(Column::User, name("DATA"));
        let error = open("sqlite::memory:", &layout, Startup::CreateIfMissing).await.unwrap_err();
        assert!(explain(&error).contains("twice"));
    });
}

/// A fill that finds no column of its own must not be dropped: its column would stay empty, and nobody would know.
#[test]
fn a_fill_without_a_column_of_its_own_is_refused() {
    support::run(async {
        let integer = Layout::native().with_extra(name("tenant"), ExtraKind::Integer);
        let text = Layout::native().with_extra(name("tenant"), ExtraKind::Text);
        let fill = |layout| {
            SqlStore::builder("sqlite::memory:").layout(layout).extra_text(name("tenant"), |_| None).build()
        };
        let other_kind = fill(integer).await.unwrap_err();
        assert!(explain(&other_kind).contains("\"tenant\" twice"), "{}", explain(&other_kind));
        fill(text).await.unwrap().close().await;

        let filled_twice = SqlStore::builder("sqlite::memory:")
            .extra_integer(name("tenant"), |_| Some(1))
            .extra_integer(name("tenant"), |_| Some(2))
            .build();
        let filled_twice = filled_twice.await.unwrap_err();
        assert!(explain(&filled_twice).contains("\"tenant\" twice"), "{}", explain(&filled_twice));
    });
}
