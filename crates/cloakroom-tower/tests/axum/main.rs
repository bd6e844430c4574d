//! The extractors in an axum router.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

mod extractors;
mod rejections;
#[path = "../support/mod.rs"]
mod support;
mod typed;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use cloakroom_core::SessionManager;
use cloakroom_tower::SessionLayer;
use http_body_util::BodyExt as _;
use support::{Probe, get};
use tower::ServiceExt as _;

fn wrapped(routes: Router, store: &Probe) -> Router {
    let manager = SessionManager::builder(store.clone()).build().unwrap();
    routes.layer(SessionLayer::from(manager))
}

/// What the application answers to a request for `path` with these cookies.
async fn ask(app: &Router, path: &str, cookies: &[&str]) -> Response {
    app.clone().oneshot(get::<Body>(path, cookies)).await.unwrap()
}

async fn text(response: Response) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}
