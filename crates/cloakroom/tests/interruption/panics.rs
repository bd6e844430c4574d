//! The application's own code panics: in a handler, in an update, when it decides a lifetime, in an observer.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::Router;
use axum::routing::any;
use cloakroom::axum::{Session, SessionError};
use cloakroom::sql::Gathering;
use cloakroom::{Event, Lifetime, Observer, Policy, SessionLayer, SessionManager};
use futures_util::FutureExt as _;
use http::StatusCode;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tower::ServiceExt as _;

use crate::crowd::crowd;
use crate::disconnects::serve;
use crate::kinds::{Kind, View};
use crate::site::{Found, Site, ask, request, routes};
use crate::support::{Place, on_every_store};

on_every_store! {
    r43_a_handler_that_panics_leaves_the_session_as_it_was
    r43_a_panic_during_a_save_leaves_no_lock_behind
    r22_an_observer_that_panics_stops_nothing
}

/// What handlers, updates and lifetimes do when they panic on purpose.
const ON_PURPOSE: &str = "a panic on purpose";

async fn r43_a_handler_that_panics_leaves_the_session_as_it_was(place: Place) {
    let site = Site::open(place, Gathering::default()).await;
    let app = routes().route("/panic", any(panics_at_once)).route("/panic-later", any(panics_later));
    let app = with_sessions(&site, app, Policy::default());
    let address = serve(app.clone()).await;
    for path in ["/panic", "/panic-later"] {
        let (old, cookie) = site.visitor().await;
        // Caught by a layer around the sessions.
        assert!(panicked(app.clone().oneshot(request(path, Some(&cookie)))).await);
        // Caught by the task that serves the connection.
        let mut client = TcpStream::connect(address).await.unwrap();
        let text = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\nContent-Length: 0\r\n\r\n"
        );
        client.write_all(text.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).await.unwrap();
        assert!(answer.is_empty(), "an answer came from a handler that panicked");
        assert_eq!(site.old_or_new(Kind::Insert, Some(&old), Some(&cookie)).await, Found::Old);
        site.clear().await;
    }
    finish(site).await;
}

async fn panics_at_once(session: Session) -> Result<(), SessionError> {
    session.insert("note", "after")?;
    panic!("{ON_PURPOSE}")
}

/// Panics after an await, in a later poll.
async fn panics_later(session: Session) -> Result<(), SessionError> {
    session.insert("note", "after")?;
    tokio::task::yield_now().await;
    session.destroy();
    panic!("{ON_PURPOSE}")
}

/// A function that runs again because somebody else wrote first, and one that runs when a session begins.
async fn r43_a_panic_during_a_save_leaves_no_lock_behind(place: Place) {
    let site = Site::open(place, Gathering::default()).await;
    let policy = Policy::default().lifetime_of(|data| {
        assert!(!data.contains_key("note"), "{ON_PURPOSE}");
        Lifetime::default()
    });
    let app = Router::new()
        .route("/twice", any(panics_when_run_again))
        .route("/goes-on", any(goes_on_after_a_panic))
        .route(
            "/insert",
            any(async |session: Session| Ok::<_, SessionError>(session.insert("note", "new")?)),
        );
    let app = with_sessions(&site, app.with_state(site.app.clone()), policy);

    let (old, cookie) = site.visitor().await;
    assert!(panicked(app.clone().oneshot(request("/twice", Some(&cookie)))).await);
    // What the other request wrote meanwhile is there, and nothing of the one that panicked.
    assert_eq!(site.old_or_new(Kind::Update, Some(&old), Some(&cookie)).await, Found::New);
    site.clear().await;

    // The same session can be saved once the update is out of the way.
    let (old, cookie) = site.visitor().await;
    assert_eq!(ask(&app, "/goes-on", Some(&cookie)).await.status, StatusCode::OK);
    let stored = site.stored().await;
    let is_new =
        |view: &View| view.data["note"] == "saved after the panic" && view.count() == old.count() + 1;
    assert!(stored.iter().all(is_new), "{stored:?}");
    site.clear().await;

    assert!(panicked(app.oneshot(request("/insert", None))).await);
    assert_eq!(site.old_or_new(Kind::Create, None, None).await, Found::Old);
    finish(site).await;
}

/// Lets another request write, so that the update is run a second time, which panics.
async fn panics_when_run_again(
    session: Session,
    axum::extract::State(other): axum::extract::State<Router>,
    headers: http::HeaderMap,
) -> Result<(), SessionError> {
    let runs = AtomicU32::new(0);
    session.update("count", move |count: Option<u64>| {
        assert_eq!(runs.fetch_add(1, Ordering::SeqCst), 0, "{ON_PURPOSE}");
        count.unwrap_or(0) + 100
    })?;
    let cookie = headers[http::header::COOKIE].to_str().unwrap();
    assert_eq!(ask(&other, "/update", Some(cookie)).await.status, StatusCode::OK);
    Ok(())
}

/// As above, but the handler saves by itself, catches the panic and goes on with what is stored.
async fn goes_on_after_a_panic(
    session: Session,
    state: axum::extract::State<Router>,
    headers: http::HeaderMap,
) -> Result<(), SessionError> {
    panics_when_run_again(session.clone(), state, headers).await?;
    assert!(panicked(session.save()).await);
    session.remove("count");
    session.clear();
    assert!(!panicked(session.reload()).await);
    session.insert("note", "saved after the panic")?;
    session.insert("count", 2)?;
    Ok(())
}

#[derive(Debug)]
struct Angry;

impl Observer for Angry {
    fn observe(&self, _: &Event<'_>) {
        panic!("{ON_PURPOSE}")
    }
}

async fn r22_an_observer_that_panics_stops_nothing(place: Place) {
    let site = Site::open(place, Gathering::default()).await;
    let manager = SessionManager::builder(Arc::clone(&site.store)).clock(site.clock.clone());
    let manager = manager.observer(Angry).build().unwrap();
    let app = routes().layer(SessionLayer::from(manager));
    for kind in Kind::ALL {
        if kind == Kind::Touch {
            continue;
        }
        let (old, cookie) = match kind {
            Kind::Create => (None, None),
            _ => Some(site.visitor().await).unzip(),
        };
        assert_eq!(ask(&app, kind.path(), cookie.as_deref()).await.status, StatusCode::OK, "{kind:?}");
        let found = site.old_or_new(kind, old.as_ref(), cookie.as_deref()).await;
        assert_ne!(found, Found::Old, "{kind:?}");
        site.clear().await;
    }
    finish(site).await;
}

fn with_sessions(site: &Site, app: Router, policy: Policy) -> Router {
    let manager = SessionManager::builder(Arc::clone(&site.store)).policy(policy);
    app.layer(SessionLayer::from(manager.clock(site.clock.clone()).build().unwrap()))
}

async fn panicked<T>(work: impl Future<Output = T>) -> bool {
    AssertUnwindSafe(work).catch_unwind().await.is_err()
}

async fn finish(site: Site) {
    site.database.is_clean(&site.place).await;
    crowd(&site, 5).await;
    site.close().await;
}
