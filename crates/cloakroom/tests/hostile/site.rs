//! A site that visitors come to, and what its store and its observer were told.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::routing::get;
use cloakroom::axum::{Session, SessionError};
use cloakroom::{
    Clock as _, CookieConfig, Event, Observer, Policy, Protection, Scope, SessionId, SessionLayer,
    SessionManager, Store, SystemClock, SystemRandom, UserId,
};
use cloakroom_conformance::{Log, SpyStore};
use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderValue, Request, StatusCode, Uri};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

pub(crate) const COOKIE_NAME: &str = "__Host-id";

#[derive(Clone)]
pub(crate) struct Site {
    app: Router,
    pub(crate) manager: SessionManager,
    /// What the store was asked since the log was last taken.
    pub(crate) log: Log,
    pub(crate) events: Events,
}

/// Writes down the events, each as its `Debug`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Events(Arc<Mutex<Vec<String>>>);

/// A response, read to its end.
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) body: String,
    /// The cookie that was set, as `name=value`; a removal is `name=`.
    pub(crate) cookie: Option<String>,
}

impl Observer for Events {
    fn observe(&self, event: &Event<'_>) {
        self.0.lock().unwrap().push(format!("{event:?}"));
    }
}

impl Events {
    /// The events since the last call.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Site {
    pub(crate) fn new(store: impl Store, protection: Protection) -> Self {
        Self::with_policy(store, protection, Policy::default())
    }

    pub(crate) fn with_policy(store: impl Store, protection: Protection, policy: Policy) -> Self {
        let spy = SpyStore::new(store);
        let (log, events) = (spy.log(), Events::default());
        let manager = SessionManager::builder(spy)
            .cookie(CookieConfig::new(COOKIE_NAME).protection(protection))
            .policy(policy)
            .observer(events.clone())
            .build()
            .unwrap();
        Self { app: router(manager.clone()), manager, log, events }
    }

    /// Asks for a page with this `Cookie` header, if any.
    pub(crate) async fn get(&self, path: &str, cookie: Option<&[u8]>) -> Reply {
        self.get_with(path, cookie.into_iter().map(<[u8]>::to_vec)).await
    }

    /// Asks for a page with several `Cookie` headers.
    pub(crate) async fn get_with(&self, path: &str, cookies: impl IntoIterator<Item = Vec<u8>>) -> Reply {
        let mut request = Request::get(path).body(Body::empty()).unwrap();
        for cookie in cookies {
            request.headers_mut().append(COOKIE, HeaderValue::from_bytes(&cookie).unwrap());
        }
        self.send(request).await
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Reply {
        let (parts, body) = self.app.clone().oneshot(request).await.unwrap().into_parts();
        let body = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        let pair = |line: &HeaderValue| line.to_str().unwrap().split(';').next().unwrap().to_owned();
        let cookies: Vec<String> = parts.headers.get_all(SET_COOKIE).iter().map(pair).collect();
        assert!(cookies.len() <= 1, "one cookie");
        Reply { status: parts.status, body, cookie: cookies.into_iter().next() }
    }

    /// The cookie of a visitor whose session holds a greeting. Log and events are empty afterwards.
    pub(crate) async fn guest(&self) -> String {
        let cookie = self.get("/write", None).await.cookie.expect("a cookie for the first write");
        self.log.take();
        self.events.take();
        cookie
    }

    /// What a visitor with this `Cookie` header reads; `null` when they are nobody.
    pub(crate) async fn greeting(&self, cookie: &[u8]) -> String {
        let reply = self.get("/read", Some(cookie)).await;
        assert_eq!(reply.status, StatusCode::OK);
        reply.body
    }

    /// How many live sessions there are.
    pub(crate) async fn sessions(&self) -> u64 {
        let count = self.manager.store().count(&Scope::All, SystemClock.now()).await.unwrap();
        self.log.take();
        count
    }
}

/// A `Cookie` header with an id that no store knows.
pub(crate) fn made_up() -> String {
    named(SessionId::generate(&SystemRandom).unwrap().expose())
}

/// A `Cookie` header with this value under our name.
pub(crate) fn named(value: &str) -> String {
    format!("{COOKIE_NAME}={value}")
}

fn router(manager: SessionManager) -> Router {
    Router::new()
        .route("/none", get(async || "nothing"))
        .route("/look", get(async |session: Session| session.len().to_string()))
        .route("/read", get(read))
        .route("/write", get(write))
        .route("/clear", get(async |session: Session| session.clear()))
        .route("/rotate", get(async |session: Session| session.rotate()))
        .route("/destroy", get(async |session: Session| session.destroy()))
        .route("/sign-in", get(async |session: Session| session.set_user(UserId::new("ada").unwrap())))
        .route("/fill", get(fill))
        .layer(SessionLayer::from(manager).client_address(|_, extensions| {
            let ConnectInfo(peer) = extensions.get::<ConnectInfo<SocketAddr>>()?;
            Some(peer.ip())
        }))
}

/// `/fill?KEYS,BYTES`: so many values of so many bytes.
async fn fill(session: Session, uri: Uri) -> Result<(), SessionError> {
    let (keys, bytes) = uri.query().unwrap().split_once(',').unwrap();
    let (keys, bytes) = (keys.parse::<usize>().unwrap(), bytes.parse().unwrap());
    for key in 0..keys {
        session.insert(format!("k{key}"), "x".repeat(bytes))?;
    }
    Ok(())
}

async fn read(session: Session) -> Result<String, SessionError> {
    Ok(session.get::<String>("greeting")?.unwrap_or_else(|| "null".to_owned()))
}

async fn write(session: Session) -> Result<(), SessionError> {
    Ok(session.insert("greeting", "hello")?)
}
