//! Requests without a framework.

#![allow(dead_code, reason = "every test file uses its own part of this")]

use cloakroom_core::{LazySession, Session, SessionId, SessionManager};
use http::header::COOKIE;
use http::{HeaderMap, StatusCode};

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
    let finished = request.finish(StatusCode::OK).await.ok()?;
    let value = finished.set_cookie()?.to_str().ok()?.split(';').next()?.split_once('=')?.1;
    SessionId::parse(value)
}

fn begin(manager: &SessionManager, cookie: Option<&str>) -> Option<LazySession> {
    let mut headers = HeaderMap::new();
    if let Some(cookie) = cookie {
        headers.insert(COOKIE, format!("__Host-id={cookie}").parse().ok()?);
    }
    Some(manager.begin(&headers))
}
