//! The layer around plain tower services: no framework.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

mod failures;
mod hyper;
mod interruptions;
mod layers;
mod order;
mod readiness;
#[path = "../support/mod.rs"]
mod support;

use bytes::Bytes;
use cloakroom_core::{Session, SessionManager};
use cloakroom_tower::{LazySession, SessionError, SessionLayer};
use http::Request;
use http_body_util::Full;
use support::Probe;

type Body = Full<Bytes>;

fn layer(store: &Probe) -> SessionLayer {
    SessionLayer::from(SessionManager::builder(store.clone()).build().unwrap())
}

/// The request's session, as a handler without extractors gets it.
async fn session<B>(request: &Request<B>) -> Result<Session, SessionError> {
    let lazy = request.extensions().get::<LazySession>().ok_or(SessionError::MissingLayer)?.clone();
    Ok(lazy.load().await?)
}
