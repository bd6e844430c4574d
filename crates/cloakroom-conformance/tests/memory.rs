//! The memory store under the store contract, in every form in which it is used.

use std::num::NonZeroUsize;
use std::sync::Arc;

use cloakroom_conformance::{StoreSuite, block_on, spawn_thread, store_tests};
use cloakroom_core::{MemoryStore, Store};

mod in_parallel {
    use super::*;

    fn suite() -> StoreSuite {
        StoreSuite::new(|| async { Arc::new(MemoryStore::new()) }).spawner(spawn_thread)
    }

    store_tests!(suite(), block_on);
}

mod interleaved {
    use super::*;

    fn suite() -> StoreSuite {
        StoreSuite::new(|| async { Arc::new(MemoryStore::new()) as Arc<dyn Store> })
    }

    store_tests!(suite(), block_on);
}

mod bounded {
    use super::*;

    /// More than any case creates.
    const MOST: NonZeroUsize = NonZeroUsize::MIN.saturating_add(1_999);

    fn suite() -> StoreSuite {
        StoreSuite::new(|| async { Arc::new(MemoryStore::bounded(MOST)) }).spawner(spawn_thread)
    }

    store_tests!(suite(), block_on);
}

#[test]
fn a_store_behind_pointers_is_the_same_store() {
    let suite = StoreSuite::new(|| async {
        let store: Box<dyn Store> = Box::new(Arc::new(MemoryStore::new()));
        Arc::new(store)
    });
    block_on(suite.run()).assert_passed();
}
