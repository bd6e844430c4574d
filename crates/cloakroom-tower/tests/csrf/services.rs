//! The guard around other services, around none, and around a store that fails.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::routing::post;
use bytes::Bytes;
use cloakroom_core::Operation;
use cloakroom_tower::csrf::{CsrfBody, CsrfGuard, CsrfLayer, CsrfRefusal};
use cloakroom_tower::{SessionError, SessionLayer};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use tower::{Layer as _, Service, ServiceExt as _};

use crate::{Site, request, text};

/// Answers only where it was asked for readiness first, as a service with a limit does.
#[derive(Default)]
struct OncePerReadiness {
    is_ready: bool,
}

/// Readiness is of the very service that was asked.
impl Clone for OncePerReadiness {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Service<Request<CsrfBody<Full<Bytes>>>> for OncePerReadiness {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.is_ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<CsrfBody<Full<Bytes>>>) -> Self::Future {
        assert!(std::mem::take(&mut self.is_ready), "called without having been ready");
        ready(Ok(Response::new(Full::from("done"))))
    }
}

#[tokio::test]
async fn every_tower_service_is_guarded_and_the_one_that_was_ready_is_called() {
    let site = Site::new(CsrfGuard::default());
    let ours = site.begin().await;
    let token = site.token(&ours).await;
    let manager = cloakroom_core::SessionManager::builder(site.store.clone()).build().unwrap();
    let layers = (SessionLayer::from(manager), CsrfLayer::default());
    let mut service = layers.layer(OncePerReadiness::default());
    let form = ("content-type", "application/x-www-form-urlencoded");
    for (headers, body, status) in [
        (vec![("sec-fetch-site", "same-origin")], String::new(), StatusCode::OK),
        (vec![("cookie", &*ours), ("x-csrf-token", &*token)], String::new(), StatusCode::OK),
        (vec![("cookie", &*ours), form], format!("csrf_token={token}"), StatusCode::OK),
        (vec![("cookie", &*ours), form], "csrf_token=".to_owned(), StatusCode::FORBIDDEN),
        (vec![("sec-fetch-site", "cross-site")], String::new(), StatusCode::FORBIDDEN),
        (vec![("sec-fetch-site", "same-origin")], String::new(), StatusCode::OK),
    ] {
        let request = request("POST", "/", &headers, "").map(|_| Full::from(body));
        let response = service.ready().await.unwrap().call(request).await.unwrap();
        assert_eq!(response.status(), status, "{headers:?}");
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body == "done", status == StatusCode::OK);
    }
}

#[tokio::test]
async fn without_a_session_layer_a_token_cannot_be_checked_and_the_developer_is_told() {
    let app: Router = Router::new().route("/", post(async || "done")).layer(CsrfLayer::default());
    let headers = [("cookie", "a=b"), ("x-csrf-token", "t")];
    let response = app.oneshot(request("POST", "/", &headers, "")).await.unwrap();
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert!(text(response).await.contains("SessionLayer::new"));
}

#[tokio::test]
async fn asvs_16_5_2_when_the_store_fails_nobody_passes_on_a_token() {
    let site = Site::new(CsrfGuard::default());
    let ours = site.begin().await;
    let token = site.token(&ours).await;
    site.store.break_down(|operation| operation == Operation::Load);
    let headers = [("cookie", &*ours), ("x-csrf-token", &*token)];
    let response = site.send(request("POST", "/", &headers, "")).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(response.headers().contains_key("retry-after"));
    assert!(response.extensions().get::<Arc<SessionError>>().is_some());
    assert_eq!((site.take_handled(), site.take_refused()), (0, vec![]));
}

#[tokio::test]
async fn who_is_told_of_refused_requests_sees_their_heads() {
    let (sender, mut refused) = tokio::sync::mpsc::unbounded_channel();
    let layer = CsrfLayer::default().on_refused(move |refusal, head| {
        sender.send((refusal, head.method.clone(), head.uri.path().to_owned())).unwrap();
    });
    let app: Router = Router::new().route("/money", post(async || "done")).layer(layer);
    let foreign = request("POST", "/money", &[("sec-fetch-site", "cross-site")], "");
    app.clone().oneshot(foreign).await.unwrap();
    assert_eq!(refused.try_recv(), Ok((CsrfRefusal::Foreign, http::Method::POST, "/money".to_owned())));
    app.oneshot(request("POST", "/money", &[("sec-fetch-site", "none")], "")).await.unwrap();
    assert!(refused.try_recv().is_err());
}
