//! Requests that never come to an answer, and handlers that outlive theirs.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;

use cloakroom_core::Operation;
use cloakroom_tower::SessionError;
use futures_util::FutureExt as _;
use http::{Request, Response};
use tokio::sync::{mpsc, oneshot};
use tower::{Layer as _, ServiceExt as _, service_fn};

use crate::support::{Probe, cookie, get};
use crate::{Body, layer, session};

#[tokio::test]
async fn a_handler_that_panics_has_stored_nothing() {
    let store = Probe::default();
    let service = layer(&store).layer(service_fn(async |request: Request<Body>| {
        session(&request).await?.insert("answer", 42)?;
        assert_eq!(request.uri().path(), "/calm", "a panic on purpose");
        Ok::<_, SessionError>(Response::<Body>::default())
    }));
    assert!(AssertUnwindSafe(service.oneshot(get("/", &[]))).catch_unwind().await.is_err());
    assert_eq!(store.take_log(), []);
}

#[tokio::test]
async fn a_request_dropped_in_its_handler_has_stored_nothing() {
    let store = Probe::default();
    let (sender, mut changed) = mpsc::channel(1);
    let service = layer(&store).layer(service_fn(move |request: Request<Body>| {
        let sender = sender.clone();
        async move {
            session(&request).await?.insert("answer", 42)?;
            sender.send(()).await.unwrap();
            std::future::pending::<()>().await;
            Ok::<_, SessionError>(Response::<Body>::default())
        }
    }));
    let request = tokio::spawn(service.oneshot(get("/", &[])));
    changed.recv().await.unwrap();
    request.abort();
    assert!(request.await.unwrap_err().is_cancelled());
    assert_eq!(store.take_log(), []);
}

#[tokio::test]
async fn a_request_dropped_while_it_is_stored_is_whole_or_nothing() {
    let store = Probe::default();
    let service = layer(&store).layer(service_fn(async |request: Request<Body>| {
        let session = session(&request).await?;
        session.insert("one", 1)?;
        session.insert("two", 2)?;
        Ok::<_, SessionError>(Response::<Body>::default())
    }));
    store.close();
    let request = tokio::spawn(service.clone().oneshot(get("/", &[])));
    store.arrival().await;
    request.abort();
    assert!(request.await.unwrap_err().is_cancelled());
    store.open();
    assert_eq!(store.sessions().await, 0, "dropped at the door of the store");
    service.oneshot(get("/", &[])).await.unwrap();
    assert_eq!(store.sessions().await, 1, "the service goes on");
}

/// As a WebSocket or a streaming body does: the response leaves first, then there is more to keep.
#[tokio::test]
async fn a_handler_that_goes_on_saves_by_itself() {
    let store = Probe::default();
    let (hand_over, mut streams) = mpsc::channel(1);
    let service = layer(&store).layer(service_fn(move |request: Request<Body>| {
        let hand_over = hand_over.clone();
        async move {
            let session = session(&request).await?;
            session.update("visits", |visits: Option<u32>| visits.unwrap_or(0) + 1)?;
            let (go_on, may_go_on) = oneshot::channel::<()>();
            let stream = tokio::spawn(async move {
                may_go_on.await.unwrap();
                session.insert("last_line", 17)?;
                Ok::<_, SessionError>(session.save().await?)
            });
            hand_over.send((go_on, stream)).await.unwrap();
            Ok::<_, SessionError>(Response::<Body>::default())
        }
    }));
    let ours = cookie(&service.clone().oneshot(get("/", &[])).await.unwrap());
    assert_eq!(store.take_log(), [Operation::Create], "before the stream went on");
    let (go_on, stream) = streams.recv().await.unwrap();
    // Another request writes while the stream is open.
    service.oneshot(get("/", &[&ours])).await.unwrap();
    store.take_log();
    go_on.send(()).unwrap();
    stream.await.unwrap().unwrap();
    assert_eq!(store.take_log(), [Operation::Save, Operation::Load, Operation::Save]);

    let reader = layer(&store).layer(service_fn(async |request: Request<Body>| {
        let session = session(&request).await.unwrap();
        assert_eq!(session.get::<u32>("visits").unwrap(), Some(2));
        assert_eq!(session.get::<u32>("last_line").unwrap(), Some(17));
        Ok::<_, Infallible>(Response::<Body>::default())
    }));
    reader.oneshot(get("/", &[&ours])).await.unwrap();
}
