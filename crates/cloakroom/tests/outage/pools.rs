//! A pool whose connections the application keeps to itself.

use std::time::Duration;

use cloakroom::layout::Layout;
use cloakroom::sql::{Database, Gathering, SqlStore, Sweep};
use sqlx::pool::PoolOptions;

use crate::site::{Log, Site, run};
use crate::story::{Fails, endure};
use crate::support::{Backend, Place};

/// Sessions in a pool with a single connection, which the application takes for itself.
async fn an_exhausted_pool<DB: sqlx::Database>(options: PoolOptions<DB>, url: &str, layout: Layout, log: Log)
where
    sqlx::Pool<DB>: Into<Database>,
{
    let pool = options.max_connections(1).connect(url).await.unwrap();
    let gathering = Gathering::default().with_time_limit(Duration::from_millis(500));
    let builder = SqlStore::builder(pool.clone()).layout(layout).gathering(gathering).sweep(Sweep::Off);
    let site = Site::new(builder.build().await.unwrap(), &log);
    let kept = std::cell::Cell::new(None);
    let fault = async || kept.set(Some(pool.acquire().await.unwrap()));
    let repair = async || drop(kept.take());
    endure(&site, Fails::Everything, fault, repair).await;
}

#[test]
fn asvs_13_1_2_sqlite_an_exhausted_pool_is_503_until_a_connection_is_free() {
    let place = Place::new(Backend::Sqlite);
    run(async |log| {
        let url = format!("{}?mode=rwc", place.url);
        an_exhausted_pool::<sqlx::Sqlite>(PoolOptions::new(), &url, place.layout.clone(), log).await;
        place.clean().await;
    });
}

#[test]
fn asvs_13_1_2_postgres_an_exhausted_pool_is_503_until_a_connection_is_free() {
    let place = Place::new(Backend::Postgres);
    run(async |log| {
        an_exhausted_pool::<sqlx::Postgres>(PoolOptions::new(), &place.url, place.layout.clone(), log).await;
        place.clean().await;
    });
}

#[test]
fn asvs_13_1_2_mysql_an_exhausted_pool_is_503_until_a_connection_is_free() {
    let place = Place::new(Backend::Mysql);
    run(async |log| {
        an_exhausted_pool::<sqlx::MySql>(PoolOptions::new(), &place.url, place.layout.clone(), log).await;
        place.clean().await;
    });
}
