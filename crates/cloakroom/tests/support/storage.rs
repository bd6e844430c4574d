//! Storages for the HTTP scenarios, each of which asks for empty ones of its own.

use std::cell::RefCell;
use std::sync::Arc;

use cloakroom::{Scope, Store, Timestamp};
use cloakroom_conformance::{Checked, Nodes};
use tokio::runtime::Builder;

use super::{Backend, Place};

/// A place and its two nodes. What one site of a scenario has left the next one takes, which saves most of the time.
struct Used {
    place: Place,
    nodes: [Arc<dyn Store>; 2],
}

thread_local! {
    static USED: RefCell<Vec<Used>> = const { RefCell::new(Vec::new()) };
}

/// An empty storage that no living site uses.
pub(crate) async fn storage(backend: Backend) -> Nodes {
    let is_free = |used: &&Used| used.nodes.iter().all(|node| Arc::strong_count(node) == 1);
    let free = USED.with_borrow(|used| used.iter().find(is_free).map(|used| used.nodes.clone()));
    let [one, other] = if let Some(nodes) = free {
        // Those that have expired, too.
        nodes[0].end(&Scope::All, None, Timestamp::from_millis(i64::MIN)).await.unwrap();
        nodes
    } else {
        let place = Place::new(backend);
        let nodes = [place.store().await, place.store().await];
        USED.with_borrow_mut(|used| used.push(Used { place, nodes: nodes.clone() }));
        nodes
    };
    Nodes::new(one).and(other)
}

/// Runs a scenario on a runtime of its own, and removes what it left behind.
pub(crate) fn run_scenario(case: impl Future<Output = Checked>) -> Checked {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let checked = runtime.block_on(case);
    for Used { place, nodes } in USED.take() {
        drop(nodes);
        runtime.block_on(place.clean());
    }
    checked
}
