//! The default features together: an axum application on a SQLite file.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io;
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex};

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use axum::routing::get;
use cloakroom::axum::{Session, SessionError};
use cloakroom::sql::SqlStore;
use cloakroom::{SessionId, SessionLayer, SessionManager, UserId};
use http::header::{COOKIE, SET_COOKIE};
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::format::FmtSpan;

const VALUE: &str = "hunter2-the-value";
const USER: &str = "user-4711-of-the-shop";

async fn note(session: Session) -> Result<(), SessionError> {
    session.update("visits", |visits: Option<u32>| visits.unwrap_or(0) + 1)?;
    Ok(session.insert("note", VALUE)?)
}

async fn show(session: Session) -> Result<String, SessionError> {
    Ok(session.get("note")?.unwrap_or_else(|| "nothing".to_owned()))
}

async fn sign_in(session: Session) {
    session.set_user(UserId::new(USER).unwrap());
}

async fn open(file: &Path) -> (SqlStore, SessionManager, Router) {
    let store = SqlStore::open(&format!("sqlite:{}", file.display())).await.unwrap();
    let manager = SessionManager::builder(store.clone()).build().unwrap();
    let routes = Router::new()
        .route("/note", get(note))
        .route("/show", get(show))
        .route("/sign-in", get(sign_in))
        .route("/sign-out", get(async |session: Session| session.destroy()));
    (store, manager.clone(), routes.layer(SessionLayer::from(manager)))
}

async fn ask(app: &Router, path: &str, cookie: &str) -> Response {
    let request = Request::get(path).header(COOKIE, cookie).body(Body::empty()).unwrap();
    app.clone().oneshot(request).await.unwrap()
}

fn cookie(response: &Response) -> String {
    let line = response.headers()[SET_COOKIE].to_str().unwrap();
    line.split(';').next().unwrap().to_owned()
}

async fn text(response: Response) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

#[tokio::test]
async fn a_session_outlives_the_store_that_made_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sessions.db");
    let (store, _, app) = open(&file).await;
    let ours = cookie(&ask(&app, "/note", "").await);
    store.close().await;
    drop(app);

    let (store, _, app) = open(&file).await;
    assert_eq!(text(ask(&app, "/show", &ours).await).await, VALUE);
    store.close().await;
}

#[tokio::test]
async fn asvs_16_2_5_r31_sqlite_logs_nothing_of_a_session() {
    LazyLock::force(&LOG);
    let folder = tempfile::tempdir().unwrap();
    let (store, manager, app) = open(&folder.path().join("sessions.db")).await;
    let first = cookie(&ask(&app, "/note", "").await);
    ask(&app, "/note", &first).await;
    let second = cookie(&ask(&app, "/sign-in", &first).await);
    ask(&app, "/show", &first).await;
    ask(&app, "/sign-out", &second).await;
    let third = cookie(&ask(&app, "/note", "").await);
    store.close().await;
    assert_eq!(ask(&app, "/note", &third).await.status(), StatusCode::SERVICE_UNAVAILABLE);

    let log = String::from_utf8(LOG.0.lock().unwrap().clone()).unwrap();
    for event in ["Created", "Saved", "Rotated", "Destroyed", "Superseded", "shutting down"] {
        assert!(log.contains(event), "the run did not reach {event}:\n{log}");
    }
    let mut secrets = vec![VALUE.to_owned(), USER.to_owned()];
    for cookie in [first, second, third] {
        let id = cookie.split_once('=').unwrap().1.to_owned();
        let key = manager.key(&SessionId::parse(&id).unwrap());
        let hex = key.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
        secrets.extend([id, hex.to_uppercase(), hex, format!("{:?}", key.as_bytes())]);
    }
    for secret in secrets {
        let line = log.lines().find(|line| line.contains(&secret));
        assert!(line.is_none(), "{secret} is logged: {line:?}");
    }
}

/// Everything that is logged by this process, from the moment that somebody asks for it.
static LOG: LazyLock<Log> = LazyLock::new(|| {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt()
        .with_max_level(LevelFilter::TRACE)
        .with_span_events(FmtSpan::FULL)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .init();
    log
});

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
