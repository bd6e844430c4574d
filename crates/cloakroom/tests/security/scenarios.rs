//! The scenarios that every framework passes, under the tower layer, on every store.

use std::convert::Infallible;
use std::sync::Arc;

use cloakroom::{LazySession, SessionError, SessionLayer, SessionManager};
use cloakroom_conformance::{App, HttpSuite, http_tests, respond};
use http::{Request, Response};
use tower::{Layer as _, ServiceExt as _, service_fn};

use crate::support::Backend;
use crate::support::storage::{run_scenario, storage};

/// The names of the servers are in the tests' names, so that they can be left out.
macro_rules! on {
    ($($module:ident $backend:ident)*) => {$(
        mod $module {
            use super::*;

            http_tests!(suite(Backend::$backend), run_scenario);
        }
    )*};
}

on! {
    memory Memory
    sqlite Sqlite
    postgres Postgres
    mysql Mysql
}

fn suite(backend: Backend) -> HttpSuite {
    HttpSuite::new(bind).stores(move || storage(backend))
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
