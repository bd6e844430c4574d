//! Which requests the guard against forged requests lets through, in an axum router.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

mod forms;
mod senders;
mod services;
#[path = "../support/mod.rs"]
mod support;
mod tokens;

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::Response;
use axum::routing::{any, get, post};
use cloakroom_core::{SessionManager, UserId};
use cloakroom_tower::SessionLayer;
use cloakroom_tower::axum::{CsrfToken, Session, SessionError};
use cloakroom_tower::csrf::{CsrfGuard, CsrfLayer, CsrfRefusal};
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use support::{Probe, cookie};
use tower::ServiceExt as _;

/// A site behind the guard, and what has become of its requests.
struct Site {
    app: Router,
    store: Probe,
    /// The bodies that reached the handler.
    handled: Handled,
    refused: Arc<Mutex<Vec<CsrfRefusal>>>,
}

type Handled = Arc<Mutex<Vec<Bytes>>>;

impl Site {
    fn new(guard: CsrfGuard) -> Self {
        let store = Probe::default();
        let handled = Handled::default();
        let refused = Arc::<Mutex<Vec<_>>>::default();
        let report = Arc::clone(&refused);
        let guard = CsrfLayer::new(guard).on_refused(move |refusal, _| report.lock().unwrap().push(refusal));
        let manager = SessionManager::builder(store.clone()).build().unwrap();
        let app = Router::new()
            .route("/", any(handle))
            .route("/begin", get(begin))
            .route("/token", get(async |token: CsrfToken| token.to_string()))
            .route("/begun-token", get(begun_token))
            .route("/sign-in", post(sign_in))
            .with_state(Arc::clone(&handled))
            .layer(guard)
            .layer(SessionLayer::from(manager));
        Self { app, store, handled, refused }
    }

    async fn send(&self, request: Request<Body>) -> Response {
        self.app.clone().oneshot(request).await.unwrap()
    }

    async fn status(&self, method: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> StatusCode {
        self.send(request(method, "/", headers, body)).await.status()
    }

    /// What a visitor is given: a session, by its cookie.
    async fn begin(&self) -> String {
        let begun = self.send(request("GET", "/begin", &[], "")).await;
        self.store.take_log();
        cookie(&begun)
    }

    /// The token in a page that is shown to the holder of this cookie.
    async fn token(&self, cookie: &str) -> String {
        let page = self.send(request("GET", "/token", &[("cookie", cookie)], "")).await;
        self.store.take_log();
        text(page).await
    }

    /// How many requests have reached the handler since the last call.
    fn take_handled(&self) -> usize {
        std::mem::take(&mut *self.handled.lock().unwrap()).len()
    }

    fn take_refused(&self) -> Vec<CsrfRefusal> {
        std::mem::take(&mut *self.refused.lock().unwrap())
    }
}

async fn handle(State(handled): State<Handled>, body: Bytes) -> &'static str {
    handled.lock().unwrap().push(body);
    "done"
}

async fn begin(session: Session) -> Result<(), SessionError> {
    Ok(session.insert("colour", "green")?)
}

async fn begun_token(token: CsrfToken) -> Result<String, SessionError> {
    token.begin().await?;
    Ok(token.to_string())
}

async fn sign_in(session: Session) {
    session.set_user(UserId::new("7").unwrap());
}

fn request(method: &str, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Request<Body> {
    let request = Request::builder().method(method).uri(path);
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    request.body(body.into()).unwrap()
}

async fn text(response: Response) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}
