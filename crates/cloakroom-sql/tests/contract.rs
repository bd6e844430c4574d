//! The store contract against every database that this store runs on, through pools of the application's own.
//!
//! Each case gets two stores on one table, as two processes have them.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]
#![cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]

mod support;

use cloakroom_conformance::{Checked, Nodes, StoreSuite, store_tests};
use cloakroom_core::layout::Layout;
use cloakroom_sql::{Database, SqlStore, Sweep};

/// Room for the two workers of each of the two stores, and no more.
const CONNECTIONS: u32 = 2;

async fn store(database: impl Into<Database>, layout: &Layout) -> SqlStore {
    SqlStore::builder(database).layout(layout.clone()).sweep(Sweep::Off).build().await.unwrap()
}

fn block_on(case: impl Future<Output = Checked>) -> Checked {
    support::run(case)
}

fn spawn(task: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(task);
}

#[cfg(feature = "sqlite")]
mod sqlite {
    use super::*;

    async fn nodes() -> Nodes {
        let file = support::folder().join("contract.sqlite");
        let layout = Layout::native();
        let first = store(support::sqlite_pool(&file, CONNECTIONS).await, &layout).await;
        Nodes::new(first).and(store(support::sqlite_pool(&file, CONNECTIONS).await, &layout).await)
    }

    store_tests!(StoreSuite::new(nodes).spawner(spawn), block_on);
}

#[cfg(feature = "postgres")]
mod postgres {
    use super::*;

    async fn nodes() -> Nodes {
        let layout = support::own_table("contract", support::Server::Postgres);
        let first = store(support::postgres_pool(CONNECTIONS).await, &layout).await;
        Nodes::new(first).and(store(support::postgres_pool(CONNECTIONS).await, &layout).await)
    }

    store_tests!(StoreSuite::new(nodes).spawner(spawn), block_on);
}

#[cfg(feature = "mysql")]
mod mysql {
    use super::*;

    async fn nodes() -> Nodes {
        let layout = support::own_table("contract", support::Server::Mysql);
        let first = store(support::mysql_pool(CONNECTIONS).await, &layout).await;
        Nodes::new(first).and(store(support::mysql_pool(CONNECTIONS).await, &layout).await)
    }

    store_tests!(StoreSuite::new(nodes).spawner(spawn), block_on);
}
