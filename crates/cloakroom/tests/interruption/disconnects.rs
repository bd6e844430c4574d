//! Clients that go away, and time limits that strike, while a request is at work.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use cloakroom::Operation;
use cloakroom::sql::Gathering;
use cloakroom_conformance::{DelayingStore, Gate, Moment};
use http::{Request, StatusCode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tower::timeout::Timeout;
use tower::{Service, ServiceExt as _};

use crate::crowd::crowd;
use crate::kinds::Kind;
use crate::site::{Found, Site, app, request};
use crate::support::{Place, on_every_store};

on_every_store! {
    r43_a_client_that_goes_away_leaves_the_session_old_or_new
    r43_a_time_limit_leaves_the_session_old_or_new
}

async fn r43_a_client_that_goes_away_leaves_the_session_old_or_new(place: Place) {
    let site = Site::open(place, Gathering::default()).await;
    let (app, gate) = gated(&site);
    let (fate, mut fates) = mpsc::unbounded_channel();
    let address = serve(Watched { inner: app, fate }).await;
    for kind in Kind::ALL {
        for (verbs, moment) in points(kind) {
            let (old, cookie) = visitor(&site, kind).await;
            for verb in verbs {
                gate.park(*verb, moment);
            }
            let mut client = TcpStream::connect(address).await.unwrap();
            client.write_all(http(kind.path(), cookie.as_deref(), 0).as_bytes()).await.unwrap();
            let parked = gate.parked(1).await;
            drop(client);
            assert_eq!(fates.recv().await, Some(Fate::Dropped), "{kind:?}");
            drop(parked);
            gate.open();
            let found = site.old_or_new(kind, old.as_ref(), cookie.as_deref()).await;
            assert_is(found, verbs, moment);
            site.clear().await;
        }
    }
    in_the_middle_of_its_request(&site, address, &mut fates).await;
    site.database.is_clean(&site.place).await;
    crowd(&site, 5).await;
    site.close().await;
}

/// The client sends half of its headers, or half of its body, and goes.
async fn in_the_middle_of_its_request(
    site: &Site,
    address: SocketAddr,
    fates: &mut mpsc::UnboundedReceiver<Fate>,
) {
    let (old, cookie) = site.visitor().await;
    let whole = http("/read-body", Some(&cookie), 10);
    let (half, _) = whole.split_at(whole.len() / 2);
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(half.as_bytes()).await.unwrap();
    drop(client);
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(whole.as_bytes()).await.unwrap();
    client.write_all(b"half ").await.unwrap();
    client.shutdown().await.unwrap();
    let mut answer = Vec::new();
    // Whatever the server makes of it.
    let _ = client.read_to_end(&mut answer).await;
    assert_ne!(fates.recv().await, Some(Fate::Answered(StatusCode::OK)));
    assert_eq!(site.old_or_new(Kind::Insert, Some(&old), Some(&cookie)).await, Found::Old);
    site.clear().await;
}

async fn r43_a_time_limit_leaves_the_session_old_or_new(place: Place) {
    let site = Site::open(place, Gathering::default()).await;
    let (app, gate) = gated(&site);
    for kind in Kind::ALL {
        for (verbs, moment) in points(kind) {
            let (old, cookie) = visitor(&site, kind).await;
            for verb in verbs {
                gate.park(*verb, moment);
            }
            let limited = Timeout::new(app.clone(), Duration::from_millis(50));
            let ended = limited.oneshot(request(kind.path(), cookie.as_deref())).await;
            assert!(ended.unwrap_err().is::<tower::timeout::error::Elapsed>(), "{kind:?}");
            gate.open();
            let found = site.old_or_new(kind, old.as_ref(), cookie.as_deref()).await;
            assert_is(found, verbs, moment);
            site.clear().await;
        }
    }
    site.database.is_clean(&site.place).await;
    crowd(&site, 5).await;
    site.close().await;
}

/// The application on the site's node, whose verbs wait at a gate.
fn gated(site: &Site) -> (Router, Gate) {
    let store = DelayingStore::new(Arc::clone(&site.store));
    let gate = store.gate();
    (app(Arc::new(store), site.clock.clone()), gate)
}

/// Where a request can be cut off: before and after it loads, and before and after it writes.
fn points(kind: Kind) -> Vec<(&'static [Operation], Moment)> {
    let load: &[_] = if kind == Kind::Create { &[] } else { &[Operation::Load] };
    let steps = [load, kind.writes()].into_iter().filter(|verbs| !verbs.is_empty());
    steps.flat_map(|verbs| [Moment::Before, Moment::After].map(|moment| (verbs, moment))).collect()
}

async fn visitor(site: &Site, kind: Kind) -> (Option<crate::kinds::View>, Option<String>) {
    let visitor = match kind {
        Kind::Create => None,
        _ => Some(site.visitor().await),
    };
    site.clock.advance(kind.later());
    visitor.unzip()
}

/// Only what was cut off after its write has been stored.
fn assert_is(found: Found, verbs: &[Operation], moment: Moment) {
    let written = verbs != [Operation::Load] && moment == Moment::After;
    let wrong = if written { Found::Old } else { Found::New };
    assert_ne!(found, wrong, "cut off at {verbs:?}, {moment:?}");
}

/// A request in words, with a body of so many bytes still to come.
fn http(path: &str, cookie: Option<&str>, body: usize) -> String {
    let cookie = cookie.map(|cookie| format!("Cookie: {cookie}\r\n")).unwrap_or_default();
    format!("POST {path} HTTP/1.1\r\nHost: localhost\r\n{cookie}Content-Length: {body}\r\n\r\n")
}

/// Serves on a free port, for as long as the runtime lives.
pub(crate) async fn serve<S>(service: S) -> SocketAddr
where
    S: Service<Request<Body>, Response = Response, Error = std::convert::Infallible>,
    S: Clone + Send + Sync + 'static,
    S::Future: Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = Router::new().fallback_service(service);
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Answered(StatusCode),
    Dropped,
}

/// Tells what becomes of each request of a service.
#[derive(Clone)]
struct Watched<S> {
    inner: S,
    fate: mpsc::UnboundedSender<Fate>,
}

/// Tells of a future's end, whatever kind of end it is.
struct Telling {
    fate: Fate,
    to: mpsc::UnboundedSender<Fate>,
}

impl Drop for Telling {
    fn drop(&mut self) {
        // A test that has ended does not listen.
        let _ = self.to.send(self.fate);
    }
}

impl<S> Service<Request<Body>> for Watched<S>
where
    S: Service<Request<Body>, Response = Response>,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let telling = Telling { fate: Fate::Dropped, to: self.fate.clone() };
        let answer = self.inner.call(request);
        Box::pin(async move {
            // Declared first and so dropped last: when the end is told, everything of the request is gone.
            let mut telling = telling;
            let response = answer.await?;
            telling.fate = Fate::Answered(response.status());
            Ok(response)
        })
    }
}
