//! The application under test: axum, the session layer, and a store that reaches its database through a proxy.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use cloakroom::axum::{Session, SessionError};
use cloakroom::sql::{Gathering, SqlStore, Sweep};
use cloakroom::{
    Data, ErrorKind, Loaded, Outcome, Page, Scope, SessionLayer, SessionManager, Store as _, StoreKey,
    Timestamp, UserId,
};
use cloakroom_conformance::ManualClock;
use http::header::{COOKIE, RETRY_AFTER, SET_COOKIE};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

use crate::proxy::Proxy;
use crate::support::Place;

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

/// An application, the proxy on the way to its database, and another way around the proxy.
pub(crate) struct Site {
    pub(crate) proxy: Proxy,
    pub(crate) clock: ManualClock,
    app: Router,
    witness: SqlStore,
}

/// What the table holds of one session, seen past the proxy.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) key: StoreKey,
    pub(crate) user: Option<String>,
    pub(crate) data: Data,
    pub(crate) expires: Timestamp,
}

impl Row {
    pub(crate) fn count(&self) -> u64 {
        self.data.get("count").and_then(serde_json::Value::as_u64).unwrap_or(0)
    }
}

impl Site {
    /// An application whose store has these limits.
    pub(crate) async fn new(place: &Place, gathering: Gathering) -> Self {
        let (before, server, after) = apart(&place.url);
        let proxy = Proxy::start(server);
        let url = format!("{before}{}{after}", proxy.address());
        let store = open(&place.by(&url), gathering).await;
        let clock = ManualClock::at(NOW);
        let witness = place.sql_store(Gathering::default()).await;
        Self { app: application(store, clock.clone()), proxy, clock, witness }
    }

    /// A browser that was never here.
    pub(crate) fn browser(&self) -> Browser {
        Browser { app: self.app.clone(), cookie: None }
    }

    /// A browser that is signed in as `user` and has counted to one.
    pub(crate) async fn member(&self, user: &str) -> Browser {
        let mut browser = self.browser();
        for path in ["/update", &format!("/login/{user}")] {
            let reply = browser.get(path).await;
            assert_eq!(reply.status, StatusCode::OK, "{path}: {}", reply.body);
        }
        browser
    }

    /// Every session in the table.
    pub(crate) async fn rows(&self) -> Vec<Row> {
        let now = self.clock_now();
        let page = Page { after: None, limit: std::num::NonZeroU32::MAX };
        let mut rows = Vec::new();
        for summary in self.witness.list(&Scope::All, page, now).await.unwrap() {
            if let Loaded::Live(stored) = self.witness.load(&summary.key, now).await.unwrap() {
                let user = stored.record.user.map(|user| user.as_str().to_owned());
                let (data, expires) = (stored.record.data, stored.record.expires);
                rows.push(Row { key: summary.key, user, data, expires });
            }
        }
        rows
    }

    /// The only session in the table, if there is one.
    pub(crate) async fn row(&self) -> Option<Row> {
        let mut rows = self.rows().await;
        assert!(rows.len() <= 1, "{rows:?}");
        rows.pop()
    }

    /// Empties the table.
    pub(crate) async fn forget(&self) {
        self.witness.end(&Scope::All, None, self.clock_now()).await.unwrap();
    }

    fn clock_now(&self) -> Timestamp {
        cloakroom::Clock::now(&self.clock)
    }
}

/// The application itself, on any store.
pub(crate) fn application(store: impl cloakroom::Store, clock: impl cloakroom::Clock) -> Router {
    let manager = SessionManager::builder(store).clock(clock).build().unwrap();
    Router::new()
        .route("/read", get(show))
        .route("/insert/{note}", get(insert))
        .route("/update", get(count))
        .route("/saved", get(count_and_save))
        .route("/login/{user}", get(sign_in))
        .route("/logout", get(async |session: Session| session.destroy()))
        .layer(SessionLayer::from(manager))
}

/// Whose session it is, and what is in it.
async fn show(session: Session) -> Result<String, SessionError> {
    let user = session.user().map(|user| user.as_str().to_owned());
    Ok(serde_json::json!({ "user": user, "data": session.data() }).to_string())
}

async fn insert(
    axum::extract::Path(note): axum::extract::Path<String>,
    session: Session,
) -> Result<(), SessionError> {
    Ok(session.insert("note", note)?)
}

async fn count(session: Session) -> Result<String, SessionError> {
    Ok(session.update("count", |count: Option<u64>| count.unwrap_or(0) + 1)?.to_string())
}

/// Saves by itself, and goes on when that fails, as a careless handler would.
async fn count_and_save(session: Session) -> Result<String, SessionError> {
    let count = session.update("count", |count: Option<u64>| count.unwrap_or(0) + 1)?;
    let _ = session.save().await;
    Ok(count.to_string())
}

async fn sign_in(axum::extract::Path(user): axum::extract::Path<String>, session: Session) {
    session.set_user(UserId::new(user).unwrap());
}

/// One visitor, with one cookie at most.
#[derive(Clone)]
pub(crate) struct Browser {
    app: Router,
    cookie: Option<String>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
    /// What the error in the response's extensions knows of the changes, where there is one.
    pub(crate) outcome: Option<Outcome>,
}

impl Browser {
    pub(crate) fn new(app: Router) -> Self {
        Self { app, cookie: None }
    }

    /// Visits a page and keeps the cookie that it sets, or forgets the one that it removes.
    pub(crate) async fn get(&mut self, path: &str) -> Reply {
        let mut request = Request::get(path);
        if let Some(cookie) = &self.cookie {
            request = request.header(COOKIE, cookie);
        }
        let response = self.app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        if let Some(line) = response.headers().get(SET_COOKIE) {
            let line = line.to_str().unwrap();
            self.cookie = (!line.contains("Max-Age=0")).then(|| line.split(';').next().unwrap().to_owned());
        }
        let outcome = match response.extensions().get::<Arc<SessionError>>().map(Arc::as_ref) {
            Some(SessionError::Save(error)) => Some(error.outcome()),
            Some(SessionError::Load(_)) => Some(Outcome::NotWritten),
            _ => None,
        };
        let (parts, body) = response.into_parts();
        let body = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        Reply { status: parts.status, headers: parts.headers, body, outcome }
    }

    /// Visits until the answer is no 503, as a client that heeds `Retry-After` does but for the waiting.
    pub(crate) async fn get_patiently(&mut self, path: &str) -> Reply {
        let patience = async {
            loop {
                let reply = self.get(path).await;
                if reply.status != StatusCode::SERVICE_UNAVAILABLE {
                    return reply;
                }
                reply.is_by_the_policy(path);
            }
        };
        tokio::time::timeout(PATIENCE, patience).await.expect("the application never recovered")
    }
}

/// Longer than anything takes; only a failure waits for it.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

impl Reply {
    pub(crate) fn is_ok(&self) -> bool {
        self.status == StatusCode::OK
    }

    /// That a refusal is the one that the policy speaks of: 503 with `Retry-After`, without a cookie, without a page.
    pub(crate) fn is_by_the_policy(&self, case: &str) {
        assert_eq!(self.status, StatusCode::SERVICE_UNAVAILABLE, "{case}: {self:?}");
        assert!(self.headers.contains_key(RETRY_AFTER), "{case}: {self:?}");
        assert!(!self.headers.contains_key(SET_COOKIE), "{case}: {self:?}");
        assert!(!self.body.contains(['{', '}']) && self.body.parse::<u64>().is_err(), "{case}: {self:?}");
        assert!(self.outcome.is_some(), "{case}: {self:?}");
    }

    /// The user and the count of a page of `/read`.
    pub(crate) fn shown(&self) -> (Option<String>, u64) {
        let page: serde_json::Value = serde_json::from_str(&self.body).unwrap();
        let user = page["user"].as_str().map(ToOwned::to_owned);
        (user, page["data"]["count"].as_u64().unwrap_or(0))
    }
}

/// Opens a store, again and again where its limits are short and the machine is busy.
async fn open(place: &Place, gathering: Gathering) -> SqlStore {
    let opened = async {
        loop {
            let builder = SqlStore::builder(place.url.as_str()).layout(place.layout.clone());
            match builder.gathering(gathering).sweep(Sweep::Off).build().await {
                Ok(store) => return store,
                Err(error) => assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}"),
            }
        }
    };
    tokio::time::timeout(PATIENCE, opened).await.expect("the database cannot be reached")
}

/// Cuts host and port out of a database's URL.
fn apart(url: &str) -> (&str, String, &str) {
    let start = url.rfind('@').map_or_else(|| url.find("//").unwrap() + 2, |at| at + 1);
    let (before, rest) = url.split_at(start);
    let (server, after) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    (before, server.to_owned(), after)
}
