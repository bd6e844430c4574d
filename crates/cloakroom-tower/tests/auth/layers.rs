//! The layer and the guards as tower services.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::task::{Context, Poll};

use axum::Router;
use axum::routing::get;
use bytes::Bytes;
use cloakroom_auth::{Auth, BoxError};
use cloakroom_core::{CookieConfig, SessionManager, UserId};
use cloakroom_tower::auth::{AuthLayer, require_user};
use cloakroom_tower::axum::{CurrentUser, RequireUser};
use http::header::ACCEPT;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use tower::{Layer as _, Service, ServiceBuilder, ServiceExt as _, service_fn};

use crate::site::{Account, location, text};
use crate::support::{Probe, get as request};

fn auth(cookie: &'static str) -> Auth<Account> {
    let manager =
        SessionManager::builder(Probe::default()).cookie(CookieConfig::new(cookie)).build().unwrap();
    Auth::new(manager, async |_: UserId| Ok::<_, BoxError>(None))
}

#[tokio::test]
async fn without_the_layer_the_text_says_where_to_add_it() {
    let app = Router::new()
        .route("/user", get(async |_: RequireUser<Account>| ()))
        .route("/current", get(async |_: CurrentUser<Account>| ()))
        .route("/optional", get(async |_: Option<CurrentUser<Account>>| ()))
        .route("/layer", get(async || ()).layer(require_user::<Account>()));
    for path in ["/user", "/current", "/optional", "/layer"] {
        let response = app.clone().oneshot(request::<axum::body::Body>(path, &[])).await.unwrap();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR, "{path}");
        assert!(text(response).await.contains("add `.layer(AuthLayer::new(auth))`"), "{path}");
    }
}

#[tokio::test]
async fn a_guard_stands_before_any_tower_service() {
    let service = ServiceBuilder::new()
        .layer(AuthLayer::new(auth("__Host-id")))
        .layer(require_user::<Account>())
        .service(service_fn(async |_: Request<Full<Bytes>>| {
            Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
        }));
    let response = service.oneshot(request("/", &[])).await.unwrap();
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "Please sign in.\n");
}

/// Where visitors and staff have a layer each, whoever is refused is led to the page of the layer that knows the guard.
#[tokio::test]
async fn the_innermost_layer_answers_and_no_other_changes_it() {
    let desk = Router::new()
        .route("/desk", get(async |_: RequireUser<Account>| ()))
        .layer(AuthLayer::new(auth("__Host-staff")).sign_in_page("/staff/enter"));
    let app = desk.layer(AuthLayer::new(auth("__Host-id")).sign_in_page("/enter"));
    let asked = Request::get("/desk").header(ACCEPT, "text/html").body(axum::body::Body::empty()).unwrap();
    let response = app.oneshot(asked).await.unwrap();
    assert_eq!(location(&response), Some("/staff/enter?next=%2Fdesk"));
}

/// Gets ready at the second poll; a clone has to get ready itself.
struct TakesTwoPolls {
    polls: u32,
}

impl Clone for TakesTwoPolls {
    fn clone(&self) -> Self {
        Self { polls: 0 }
    }
}

impl Service<Request<Full<Bytes>>> for TakesTwoPolls {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.polls += 1;
        if self.polls < 2 {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Full<Bytes>>) -> Self::Future {
        assert!(self.polls >= 2, "called without having been polled ready");
        self.polls = 0;
        ready(Ok(Response::default()))
    }
}

#[tokio::test]
async fn the_service_that_was_polled_ready_is_called() {
    let probe = Probe::default();
    let manager = SessionManager::builder(probe).build().unwrap();
    let everybody = async |id: UserId| {
        Ok::<_, BoxError>(Some(Account { name: id.as_str().to_owned(), is_editor: false }))
    };
    let layer = AuthLayer::new(Auth::new(manager.clone(), everybody));
    // The session of a user, so that the guard lets the request through.
    let session = manager.begin(&http::HeaderMap::new());
    session.load().await.unwrap().set_user(UserId::new("ann").unwrap());
    let finished = session.finish(StatusCode::OK).await.unwrap();
    let cookie = finished.set_cookie().unwrap().to_str().unwrap().split(';').next().unwrap().to_owned();

    let mut service = layer.layer(require_user::<Account>().layer(TakesTwoPolls { polls: 0 }));
    for _ in 0..3 {
        let response = service.ready().await.unwrap().call(request("/", &[&cookie])).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
    }
    let response = service.clone().oneshot(request("/", &[&cookie])).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
}
