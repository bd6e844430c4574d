//! The store contract on the embedded SQLite, in a file that two stores share and in memory.

#![cfg(feature = "embedded")]
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::sync::Arc;

use cloakroom_conformance::{Checked, Nodes, StoreSuite, store_tests};
use cloakroom_sql::{SqlStore, Sweep};

async fn store(url: &str) -> SqlStore {
    SqlStore::builder(url).sweep(Sweep::Off).build().await.unwrap()
}

fn block_on(case: impl Future<Output = Checked>) -> Checked {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(case)
}

fn spawn(task: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(task);
}

/// Two stores on one file, as two processes have them. The file goes when the suite does.
mod file {
    use super::*;

    fn suite() -> StoreSuite {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        StoreSuite::new(move || {
            let folder = Arc::clone(&folder);
            async move {
                let url = format!("sqlite:{}/sessions.db", folder.path().display());
                Nodes::new(store(&url).await).and(store(&url).await)
            }
        })
        .spawner(spawn)
    }

    store_tests!(suite(), block_on);
}

mod memory {
    use super::*;

    fn suite() -> StoreSuite {
        StoreSuite::new(|| async { Nodes::new(store("sqlite::memory:").await) }).spawner(spawn)
    }

    store_tests!(suite(), block_on);
}

/// Every layout that there is.
mod layouts {
    use super::*;

    #[test]
    fn keep_the_contract() {
        for (_, make) in cloakroom_core::layout::ALL {
            let store = || SqlStore::builder("sqlite::memory:").layout(make()).sweep(Sweep::Off).build();
            let suite = StoreSuite::new(move || async move { Nodes::new(store().await.unwrap()) });
            let checked = block_on(async move {
                let report = suite.spawner(spawn).run().await;
                report.assert_passed();
                Ok(())
            });
            checked.unwrap();
        }
    }
}
