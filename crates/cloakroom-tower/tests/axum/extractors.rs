//! What the extractors give.

use axum::Router;
use axum::routing::get;
use cloakroom_core::{CookieConfig, DecodeError, Operation, SessionManager};
use cloakroom_tower::axum::{LazySession, ReadOnlySession, Session, SessionError};
use cloakroom_tower::{SessionLayer, Sessions};

use crate::support::{Probe, cookie, cookies};
use crate::{ask, text, wrapped};

async fn write(session: Session) -> Result<String, SessionError> {
    Ok(session.update("visits", |visits: Option<u32>| visits.unwrap_or(0) + 1)?.to_string())
}

async fn optional(session: Option<Session>) -> Result<String, SessionError> {
    let Some(session) = session else { return Ok("nobody".to_owned()) };
    Ok(visits(&session)?.to_string())
}

/// Knows no framework.
fn visits(session: &cloakroom_core::Session) -> Result<u32, DecodeError> {
    Ok(session.get("visits")?.unwrap_or(0))
}

async fn look(session: ReadOnlySession) -> Result<String, SessionError> {
    let facts = (session.is_new(), session.len(), session.contains("visits"), session.id().is_some());
    Ok(format!("{facts:?} {:?}", session.get::<u32>("visits")?))
}

async fn later(session: LazySession, uri: http::Uri) -> Result<String, SessionError> {
    match uri.query() {
        Some(_) => Ok(visits(&*session.load().await?)?.to_string()),
        None => Ok("not needed".to_owned()),
    }
}

async fn three(first: Session, second: ReadOnlySession, third: LazySession) -> Result<String, SessionError> {
    first.insert("seen_by", "all")?;
    let seen = [second.get::<String>("seen_by")?, third.load().await?.get("seen_by")?];
    Ok(format!("{seen:?}"))
}

fn app(store: &Probe) -> Router {
    let routes = Router::new()
        .route("/", get(async || "no session"))
        .route("/write", get(write))
        .route("/optional", get(optional))
        .route("/look", get(look))
        .route("/later", get(later))
        .route("/three", get(three));
    wrapped(routes, store)
}

#[tokio::test]
async fn every_extractor_costs_what_it_uses() {
    let store = Probe::default();
    let app = app(&store);
    let first = ask(&app, "/write", &[]).await;
    let ours = cookie(&first);
    assert_eq!(
        (text(first).await.as_str(), store.take_log().as_slice()),
        ("1", [Operation::Create].as_slice())
    );
    let load = [Operation::Load].as_slice();
    for (path, answer, operations) in [
        ("/", "no session", [].as_slice()),
        ("/optional", "1", load),
        ("/look", "(false, 1, true, true) Some(1)", load),
        ("/later", "not needed", &[]),
        ("/later?now", "1", load),
        ("/three", r#"[Some("all"), Some("all")]"#, &[Operation::Load, Operation::Save]),
        ("/write", "2", &[Operation::Load, Operation::Save]),
    ] {
        let response = ask(&app, path, &[&ours]).await;
        assert!(cookies(response.headers()).is_empty(), "{path} sets no cookie");
        assert_eq!(text(response).await, answer, "{path}");
        assert_eq!(store.take_log(), operations, "{path}");
    }
}

#[tokio::test]
async fn a_visitor_without_a_session_leaves_no_trace_by_looking() {
    let store = Probe::default();
    let app = app(&store);
    for (path, answer) in
        [("/optional", "nobody"), ("/look", "(true, 0, false, false) None"), ("/later?now", "0")]
    {
        let response = ask(&app, path, &[]).await;
        assert!(cookies(response.headers()).is_empty(), "{path} sets no cookie");
        assert_eq!(text(response).await, answer, "{path}");
    }
    assert_eq!(store.take_log(), []);
}

#[tokio::test]
async fn a_cookie_that_names_no_session_is_nobody() {
    let store = Probe::default();
    let response = ask(&app(&store), "/optional", &[&crate::support::made_up_cookie()]).await;
    assert!(cookies(response.headers()).is_empty(), "an unknown cookie is left alone");
    assert_eq!(text(response).await, "nobody");
    assert_eq!(store.take_log(), [Operation::Load]);
}

async fn both(staff: Session, sessions: Sessions) -> Result<String, SessionError> {
    let visitor = sessions.named("__Host-id").ok_or(SessionError::MissingLayer)?.load().await?;
    staff.insert("badge", 7)?;
    visitor.insert("theme", "dark")?;
    Ok(format!("{} {}", staff.contains("theme"), visitor.contains("badge")))
}

#[tokio::test]
async fn r28_two_managers_serve_two_cookies_in_one_handler() {
    let store = Probe::default();
    let staff =
        SessionManager::builder(store.clone()).cookie(CookieConfig::new("__Host-staff")).build().unwrap();
    let staff_only = Router::new().route("/both", get(both)).layer(SessionLayer::from(staff));
    let app = wrapped(Router::new().route("/write", get(write)).merge(staff_only), &store);
    let response = ask(&app, "/both", &[]).await;
    assert_eq!(cookies(response.headers()).len(), 2);
    assert_eq!(text(response).await, "false false");
    assert_eq!(store.sessions().await, 2);
    assert_eq!(cookies(ask(&app, "/write", &[]).await.headers()).len(), 1, "only the outer layer is there");
}
