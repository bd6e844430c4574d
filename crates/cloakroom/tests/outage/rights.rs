//! Databases that may be read and not written any more: a server that became a replica, rights that were taken away.

use cloakroom::sql::{Gathering, SqlStore, Sweep};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions};

use crate::site::{Site, run};
use crate::story::{Fails, endure};
use crate::support::{Backend, Place};
use crate::tables::administer;

/// The place as a user sees it who has rights on the table only.
async fn as_user(place: &Place, grant: &str) -> Place {
    place.sql_store(Gathering::default()).await.close().await;
    administer(place, grant).await;
    let (_, server) = place.url.rsplit_once('@').unwrap();
    let (scheme, _) = place.url.split_once("://").unwrap();
    place.by(&format!("{scheme}://{}:cloakroom-test@{server}", place.layout.table()))
}

#[test]
fn postgres_that_is_read_only_is_503_for_writes_until_it_is_not() {
    let place = Place::new(Backend::Postgres);
    run(async |log| {
        let role = place.layout.table();
        let grant =
            format!("CREATE ROLE {role} LOGIN PASSWORD 'cloakroom-test'; GRANT ALL ON {{table}} TO {role}");
        let store = as_user(&place, &grant).await.sql_store(Gathering::default()).await;
        let site = Site::new(store.clone(), &log);
        // New connections only are read-only, so that the others are closed, as after a failover.
        let begin_again =
            format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{role}'");
        let fault = async || {
            let text = format!("ALTER ROLE {role} SET default_transaction_read_only = on; {begin_again}");
            administer(&place, &text).await;
        };
        let repair = async || {
            let text = format!("ALTER ROLE {role} RESET default_transaction_read_only; {begin_again}");
            administer(&place, &text).await;
        };
        endure(&site, Fails::Writes, fault, repair).await;
        store.close().await;
        administer(&place, &format!("{begin_again}; DROP OWNED BY {role}; DROP ROLE {role}")).await;
        place.clean().await;
    });
}

#[test]
fn mysql_without_the_right_to_write_is_503_for_writes_until_it_is_given_back() {
    let place = Place::new(Backend::Mysql);
    run(async |log| {
        let user = place.layout.table();
        let grant = format!(
            "CREATE USER {user}@'%' IDENTIFIED BY 'cloakroom-test'; GRANT SELECT, INSERT, UPDATE, DELETE ON {{table}} \
             TO {user}@'%'"
        );
        let store = as_user(&place, &grant).await.sql_store(Gathering::default()).await;
        let site = Site::new(store.clone(), &log);
        let fault = async || {
            administer(&place, &format!("REVOKE INSERT, UPDATE, DELETE ON {{table}} FROM {user}@'%'")).await;
        };
        let repair = async || {
            administer(&place, &format!("GRANT INSERT, UPDATE, DELETE ON {{table}} TO {user}@'%'")).await;
        };
        endure(&site, Fails::Writes, fault, repair).await;
        store.close().await;
        administer(&place, &format!("DROP USER {user}@'%'")).await;
        place.clean().await;
    });
}

#[test]
fn sqlite_that_is_opened_read_only_is_503_for_writes_until_it_is_not() {
    let place = Place::new(Backend::Sqlite);
    run(async |log| {
        let file: SqliteConnectOptions = place.url.parse().unwrap();
        let file = file.create_if_missing(true);
        let pool = SqlitePoolOptions::new().max_connections(2).connect_with(file.clone()).await.unwrap();
        let builder = SqlStore::builder(pool.clone()).layout(place.layout.clone()).sweep(Sweep::Off);
        let store = builder.build().await.unwrap();
        let site = Site::new(store.clone(), &log);
        let fault = async || reopen(&pool, file.clone().create_if_missing(false).read_only(true)).await;
        let repair = async || reopen(&pool, file.clone()).await;
        endure(&site, Fails::Writes, fault, repair).await;
        store.close().await;
        place.clean().await;
    });
}

/// Has the pool open the file in another way, and closes what it has open.
pub(crate) async fn reopen(pool: &SqlitePool, options: SqliteConnectOptions) {
    pool.set_connect_options(options);
    while pool.size() > 0 {
        match pool.try_acquire() {
            Some(connection) => connection.close().await.unwrap(),
            // Connections come back to the pool on tasks of their own.
            None => tokio::task::yield_now().await,
        }
    }
}
