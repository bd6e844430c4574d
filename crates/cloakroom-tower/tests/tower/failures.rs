//! When the store or the service fails.

use std::io;
use std::sync::Arc;

use cloakroom_core::{Operation, Policy, SessionManager};
use cloakroom_tower::{SessionError, SessionLayer};
use http::header::{CACHE_CONTROL, RETRY_AFTER, SET_COOKIE};
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use tower::{BoxError, Layer as _, ServiceExt as _, service_fn};

use crate::support::{Probe, cookie, get};
use crate::{Body, layer, session};

async fn write(request: Request<Body>) -> Result<Response<Body>, BoxError> {
    session(&request).await?.insert("answer", 42)?;
    let response = Response::builder().header(SET_COOKIE, "theme=dark").header("x-claim", "it is done");
    Ok(response.body(Body::from("stored!"))?)
}

#[tokio::test]
async fn a_save_that_fails_replaces_the_response() {
    let store = Probe::default();
    store.break_down(|_| true);
    let response = layer(&store).layer(service_fn(write)).oneshot(get("/", &[])).await.unwrap();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.headers()[RETRY_AFTER], "5");
    assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
    for claim in ["x-claim", "set-cookie"] {
        assert!(!response.headers().contains_key(claim), "{claim} of the handler is dropped");
    }
    let reason = response.extensions().get::<Arc<SessionError>>().unwrap();
    assert!(matches!(**reason, SessionError::Save(_)), "an outer layer can tell why");
    assert!(response.into_body().collect().await.unwrap().to_bytes().is_empty());
}

#[tokio::test]
async fn a_sign_out_that_is_not_stored_is_not_reported() {
    let store = Probe::default();
    let service = layer(&store).layer(service_fn(async |request: Request<Body>| {
        let session = session(&request).await?;
        if session.is_new() {
            session.insert("answer", 42)?;
        } else {
            session.destroy();
        }
        Ok::<_, SessionError>(Response::<Body>::default())
    }));
    let ours = cookie(&service.clone().oneshot(get("/", &[])).await.unwrap());
    store.break_down(|operation| operation == Operation::Delete);
    let response = service.oneshot(get("/", &[&ours])).await.unwrap();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(!response.headers().contains_key(SET_COOKIE), "the cookie stays, so does the session");
}

#[tokio::test]
async fn an_error_of_the_service_passes_through_and_nothing_is_stored() {
    let store = Probe::default();
    let service = layer(&store).layer(service_fn(async |request: Request<Body>| {
        session(&request).await?.insert("answer", 42)?;
        Err::<Response<Body>, BoxError>(io::Error::other("the service failed").into())
    }));
    let error = service.oneshot(get("/", &[])).await.unwrap_err();
    assert_eq!(error.to_string(), "the service failed");
    assert_eq!(store.take_log(), []);
}

#[tokio::test]
async fn a_saved_change_of_the_id_is_told_although_the_rest_of_the_request_fails() {
    let policy = Policy::default().data_limit(40);
    let manager = SessionManager::builder(Probe::default()).policy(policy).build().unwrap();
    let service = SessionLayer::from(manager).layer(service_fn(async |request: Request<Body>| {
        let session = session(&request).await?;
        session.insert("answer", 42)?;
        session.save().await?;
        session.insert("more", "a".repeat(40))?;
        Ok::<_, SessionError>(Response::<Body>::default())
    }));
    let response = service.oneshot(get("/", &[])).await.unwrap();
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert!(response.headers().contains_key(SET_COOKIE));
}

#[tokio::test]
async fn a_session_that_grew_too_long_is_413_without_a_retry() {
    let store = Probe::default();
    let policy = Policy::default().data_limit(8);
    let manager = SessionManager::builder(store.clone()).policy(policy).build().unwrap();
    let response = SessionLayer::from(manager).layer(service_fn(write)).oneshot(get("/", &[])).await.unwrap();
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert!(!response.headers().contains_key(RETRY_AFTER));
    assert_eq!(store.sessions().await, 0);
}

#[tokio::test]
async fn without_a_layer_the_error_says_what_to_do() {
    let error = write(get("/", &[])).await.unwrap_err();
    assert!(error.to_string().contains("add `.layer(SessionLayer::new(store)?)`"), "{error}");
}
