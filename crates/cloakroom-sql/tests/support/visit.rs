//! Requests without a framework.

#![allow(dead_code, reason = "every test file uses its own part of this")]

use cloakroom_core::{LazySession, Session, SessionId, SessionManager};

/// What a request with this cookie sees; nothing when the text cannot stand in a header at all.
pub(crate) async fn open(manager: &SessionManager, cookie: &str) -> Option<Session> {
    Some(begin(manager, Some(cookie))?.load().await.unwrap())
}

/// A whole request, from the cookie to the response; returns the id that the response sets, if all went well.
pub(crate) async fn visit(
    manager: &SessionManager,
    cookie: Option<&str>,
    handler: impl FnOnce(&Session),
) -> Option<SessionId> {
    let request = begin(manager, cookie)?;
    handler(&request.load().await.ok()?);
    // The default is 200.
    let finished = request.finish(Default::default()).await.ok()?;
    let value = finished.set_cookie()?.to_str().ok()?.split(';').next()?.split_once('=')?.1;
    SessionId::parse(value)
}

/// The types of the headers are inferred, because this crate itself has nothing to do with HTTP.
fn begin(manager: &SessionManager, cookie: Option<&str>) -> Option<LazySession> {
    let Some(cookie) = cookie else { return Some(manager.begin(&Default::default())) };
    let value = format!("__Host-id={cookie}").parse().ok()?;
    Some(manager.begin(&[("cookie".parse().ok()?, value)].into_iter().collect()))
}
