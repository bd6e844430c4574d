//! The scenarios that every framework passes, under the tower layer, on every store.

use std::cell::RefCell;
use std::convert::Infallible;
use std::sync::Arc;

use cloakroom::{LazySession, Scope, SessionError, SessionLayer, SessionManager, Store, Timestamp};
use cloakroom_conformance::{App, Checked, HttpSuite, Nodes, http_tests, respond};
use http::{Request, Response};
use tokio::runtime::Builder;
use tower::{Layer as _, ServiceExt as _, service_fn};

use crate::support::{Backend, Place};

/// The names of the servers are in the tests' names, so that they can be left out.
macro_rules! on {
    ($($module:ident $backend:ident)*) => {$(
        mod $module {
            use super::*;

            http_tests!(suite(Backend::$backend), run);
        }
    )*};
}

on! {
    memory Memory
    sqlite Sqlite
    postgres Postgres
    mysql Mysql
}

/// A place and its two nodes. What one site of a scenario has left the next one takes, which saves most of the time.
struct Used {
    place: Place,
    nodes: [Arc<dyn Store>; 2],
}

thread_local! {
    static USED: RefCell<Vec<Used>> = const { RefCell::new(Vec::new()) };
}

fn suite(backend: Backend) -> HttpSuite {
    HttpSuite::new(bind).stores(move || storage(backend))
}

/// An empty storage that no living site uses.
async fn storage(backend: Backend) -> Nodes {
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
fn run(case: impl Future<Output = Checked>) -> Checked {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let checked = runtime.block_on(case);
    for Used { place, nodes } in USED.take() {
        drop(nodes);
        runtime.block_on(place.clean());
    }
    checked
}

fn bind(manager: SessionManager) -> App {
    let service = SessionLayer::from(manager).layer(service_fn(handle));
    Arc::new(move |request| {
        let response = service.clone().oneshot(request);
        Box::pin(async { response.await.unwrap() })
    })
}

async fn handle(request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, Infallible> {
    let session = request.extensions().get::<LazySession>().cloned();
    let response = respond(session.as_ref(), &request.uri().to_string()).await;
    Ok(response.unwrap_or_else(|error| SessionError::from(error).into_http(Vec::new())))
}
