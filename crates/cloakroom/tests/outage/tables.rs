//! A table that is not there, or not as it should be.

use cloakroom::sql::{Gathering, SqlStore, Startup, Sweep};
use sqlx::AssertSqlSafe;

use crate::site::{Site, run};
use crate::story::{Fails, endure};
use crate::support::{Backend, Place};

/// Another connection to the database of a place, for the people who run it.
pub(crate) async fn administer(place: &Place, text: &str) {
    let mark = if place.backend == Backend::Mysql { '`' } else { '"' };
    let text = text.replace("{table}", &format!("{mark}{}{mark}", place.layout.table()));
    let text = text.replace("{away}", &format!("{mark}{}_away{mark}", place.layout.table()));
    let text = AssertSqlSafe(text);
    match place.backend {
        Backend::Memory => panic!("memory has no administrator"),
        Backend::Sqlite => {
            let url = format!("{}?mode=rwc", place.url);
            let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
            sqlx::raw_sql(text).execute(&pool).await.unwrap();
            pool.close().await;
        }
        Backend::Postgres => {
            let pool = sqlx::PgPool::connect(&place.url).await.unwrap();
            sqlx::raw_sql(text).execute(&pool).await.unwrap();
            pool.close().await;
        }
        Backend::Mysql => {
            let pool = sqlx::MySqlPool::connect(&place.url).await.unwrap();
            sqlx::raw_sql(text).execute(&pool).await.unwrap();
            pool.close().await;
        }
    }
}

/// A table that is moved away while the application runs, and put back.
fn dropped(backend: Backend) {
    let place = Place::new(backend);
    run(async |log| {
        let store = place.sql_store(Gathering::default()).await;
        let site = Site::new(store.clone(), &log);
        let fault = async || administer(&place, "ALTER TABLE {table} RENAME TO {away}").await;
        let repair = async || administer(&place, "ALTER TABLE {away} RENAME TO {table}").await;
        endure(&site, Fails::Everything, fault, repair).await;
        store.close().await;
        place.clean().await;
    });
}

/// A column that is renamed while the application runs.
fn changed(backend: Backend) {
    let place = Place::new(backend);
    run(async |log| {
        let store = place.sql_store(Gathering::default()).await;
        let site = Site::new(store.clone(), &log);
        let fault = async || administer(&place, "ALTER TABLE {table} RENAME COLUMN seen_at TO seen").await;
        let repair = async || administer(&place, "ALTER TABLE {table} RENAME COLUMN seen TO seen_at").await;
        endure(&site, Fails::Everything, fault, repair).await;
        store.close().await;
        place.clean().await;
    });
}

/// An application that is started before its table was made, and was told not to look.
fn missing_at_start(backend: Backend) {
    let place = Place::new(backend);
    run(async |log| {
        let builder = || SqlStore::builder(place.url.as_str()).layout(place.layout.clone()).sweep(Sweep::Off);
        // Who looks is told at once.
        let refused = builder().startup(Startup::CheckOnly).build().await.unwrap_err();
        assert_eq!(refused.kind(), cloakroom::ErrorKind::Schema, "{refused}");

        let store = builder().startup(Startup::Nothing).build().await.unwrap();
        let site = Site::new(store.clone(), &log);
        let mut guest = site.visitor();
        for _ in 0..3 {
            guest.get("/login/ann").await.unavailable();
        }
        let lines = log.take();
        assert_eq!(lines.len(), 1, "{lines:#?}");
        // Somebody runs the migrations.
        administer(&place, &store.ddl()).await;
        guest.get("/login/ann").await.ok();
        assert_eq!(guest.get("/show").await.ok(), "ann: ");
        let lines = log.take();
        assert!(lines.len() == 1 && lines[0].text.contains("works again"), "{lines:#?}");
        store.close().await;
        place.clean().await;
    });
}

/// A table of somebody else's, with the same name.
fn other_columns(backend: Backend) {
    let place = Place::new(backend);
    run(async |log| {
        administer(&place, "CREATE TABLE {table} (id INTEGER PRIMARY KEY, note VARCHAR(100))").await;
        administer(&place, "INSERT INTO {table} VALUES (1, 'not a session')").await;
        let builder = || SqlStore::builder(place.url.as_str()).layout(place.layout.clone()).sweep(Sweep::Off);
        for startup in [Startup::CheckOnly, Startup::CreateIfMissing] {
            let refused = builder().startup(startup).build().await.unwrap_err();
            assert_eq!(refused.kind(), cloakroom::ErrorKind::Schema, "{refused}");
            assert!(refused.to_string().contains("expires_at"), "{refused}");
        }
        let store = builder().startup(Startup::Nothing).build().await.unwrap();
        let site = Site::new(store.clone(), &log);
        for _ in 0..3 {
            site.visitor().get("/login/ann").await.unavailable();
        }
        assert_eq!(log.take().len(), 1);
        store.close().await;
        place.clean().await;
    });
}

macro_rules! name_tests {
    ($($story:ident => $sqlite:ident $postgres:ident $mysql:ident)*) => {$(
        #[test]
        fn $sqlite() {
            $story(Backend::Sqlite);
        }

        #[test]
        fn $postgres() {
            $story(Backend::Postgres);
        }

        #[test]
        fn $mysql() {
            $story(Backend::Mysql);
        }
    )*};
}

name_tests! {
    dropped => sqlite_a_table_that_is_dropped_is_503_until_it_is_back
        postgres_a_table_that_is_dropped_is_503_until_it_is_back
        mysql_a_table_that_is_dropped_is_503_until_it_is_back
    changed => sqlite_a_column_that_is_renamed_is_503_until_it_is_back
        postgres_a_column_that_is_renamed_is_503_until_it_is_back
        mysql_a_column_that_is_renamed_is_503_until_it_is_back
    missing_at_start => sqlite_an_application_may_start_before_its_table
        postgres_an_application_may_start_before_its_table
        mysql_an_application_may_start_before_its_table
    other_columns => sqlite_a_table_of_somebody_elses_is_left_alone
        postgres_a_table_of_somebody_elses_is_left_alone
        mysql_a_table_of_somebody_elses_is_left_alone
}
