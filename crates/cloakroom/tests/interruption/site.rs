//! An application, the node that it runs on, and a second node that looks at what is stored.

use std::num::NonZeroU32;
use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::response::Response;
use axum::routing::any;
use cloakroom::axum::{Session, SessionError};
use cloakroom::sql::Gathering;
use cloakroom::{
    Clock as _, Loaded, Page, Policy, Scope, SessionLayer, SessionManager, Store, StoreKey, Timestamp,
    TouchPolicy, UserId,
};
use cloakroom_conformance::ManualClock;
use http::header::{COOKIE, SET_COOKIE};
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

use crate::crowd::secret_of;
use crate::database::Database;
use crate::kinds::{Kind, View, text_of};
use crate::support::Place;

pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

/// A place, the node under test and another one.
pub(crate) struct Site {
    pub(crate) place: Place,
    pub(crate) database: Database,
    /// The node under test.
    pub(crate) store: Arc<dyn Store>,
    pub(crate) app: Router,
    pub(crate) clock: ManualClock,
    second: Arc<dyn Store>,
}

/// What a client got.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// The cookie that the browser has from now on, if the answer says so: empty when it takes it away.
    pub(crate) cookie: Option<String>,
    pub(crate) view: Option<View>,
}

/// Whether an interrupted request has been carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Old,
    New,
    /// Before and after it the store holds the same.
    Either,
}

impl Site {
    pub(crate) async fn open(place: Place, gathering: Gathering) -> Self {
        // The second node first: it makes the table.
        let second = place.store().await;
        let database = Database::connect(&place).await;
        let store = database.store(&place, gathering).await;
        let clock = ManualClock::at(NOW);
        let app = app(Arc::clone(&store), clock.clone());
        Self { place, database, store, app, clock, second }
    }

    pub(crate) async fn close(self) {
        self.database.close().await;
    }

    /// A visitor with a session; what the store then holds, and the cookie.
    pub(crate) async fn visitor(&self) -> (View, String) {
        let answer = ask(&self.app, "/begin", None).await;
        assert_eq!(answer.status, StatusCode::OK);
        (answer.view.unwrap(), answer.cookie.unwrap())
    }

    /// Everything that the second node finds.
    pub(crate) async fn stored(&self) -> Vec<View> {
        let now = self.clock.now();
        let page = Page { after: None, limit: NonZeroU32::new(1_000).unwrap() };
        'anew: loop {
            let mut views = Vec::new();
            for summary in self.second.list(&Scope::All, page.clone(), now).await.unwrap() {
                // What was listed and is gone may have got another key.
                let Loaded::Live(stored) = self.second.load(&summary.key, now).await.unwrap() else {
                    continue 'anew;
                };
                views.push(View::from(&stored.record));
            }
            return views;
        }
    }

    /// The only session there is.
    async fn only(&self) -> Option<View> {
        let mut stored = self.stored().await;
        assert!(stored.len() <= 1, "one session became {stored:?}");
        stored.pop()
    }

    /// Ends all sessions.
    pub(crate) async fn clear(&self) {
        self.second.end(&Scope::All, None, self.clock.now()).await.unwrap();
    }

    /// Waits until everything has ended that this node had begun when this was called: operations of one direction are
    /// carried out one batch after another.
    pub(crate) async fn quiet(&self) {
        let nobody = StoreKey::from_bytes([0xee; 32]);
        self.store.delete(&nobody).await.unwrap();
        assert_eq!(self.store.load(&nobody, self.clock.now()).await.unwrap(), Loaded::Absent);
    }

    /// Checks that the only session is as it was or as it was to become, whole; that the visitor who was interrupted
    /// sees just that, and can go on.
    pub(crate) async fn old_or_new(&self, kind: Kind, old: Option<&View>, cookie: Option<&str>) -> Found {
        let new = kind.after(old, self.clock.now());
        let found = |stored: Option<&View>| match (stored == old, stored == new.as_ref()) {
            (true, true) => Found::Either,
            (true, false) => Found::Old,
            (false, true) => Found::New,
            (false, false) => panic!("{kind:?}: the store holds {stored:?}, neither {old:?} nor {new:?}"),
        };
        let at_once = found(self.only().await.as_ref());
        self.quiet().await;
        let stored = self.only().await;
        let later = found(stored.as_ref());
        assert!(at_once != Found::New || later == Found::New, "{kind:?}: what was written is gone again");

        let seen = ask(&self.app, "/look", cookie).await;
        assert_eq!(seen.status, StatusCode::OK, "{kind:?}");
        let seen = seen.view.filter(|view| !view.data.is_empty());
        let allowed: &[_] = match (kind.keeps_the_cookie(), later) {
            (true, _) | (false, Found::Old) => &[stored],
            (false, Found::New) => &[None],
            (false, Found::Either) => &[None, stored],
        };
        assert!(allowed.contains(&seen), "{kind:?}: the visitor sees {seen:?}, the store has {allowed:?}");
        let count = seen.map_or(0, |view| view.count());
        let counted = ask(&self.app, "/update", cookie).await;
        assert_eq!(counted.status, StatusCode::OK, "{kind:?}");
        assert_eq!(counted.view.unwrap().count(), count + 1, "{kind:?}");
        later
    }
}

/// The application on a store.
pub(crate) fn app(store: Arc<dyn Store>, clock: ManualClock) -> Router {
    governed(Policy::default().touch(TouchPolicy::Always), store, clock)
}

/// The application by another policy.
pub(crate) fn governed(policy: Policy, store: Arc<dyn Store>, clock: ManualClock) -> Router {
    let manager = SessionManager::builder(store).policy(policy).clock(clock).build().unwrap();
    routes().layer(SessionLayer::from(manager))
}

/// The application without its sessions. Every answer shows the session as the handler left it.
pub(crate) fn routes() -> Router {
    Router::new()
        .route("/look", any(async |session: Session| look(&session)))
        .route("/begin", any(begin))
        .route("/join/{user}", any(join))
        .route("/insert", any(insert))
        .route("/update", any(update))
        .route("/write/{number}", any(write))
        .route("/rotate", any(rotate))
        .route("/sign-in/{user}", any(sign_in))
        .route("/destroy", any(destroy))
        .route("/destroy-then-insert", any(destroy_then_insert))
        .route("/read-body", any(read_body))
}

fn look(session: &Session) -> Json<View> {
    let user = session.user().map(|user| user.as_str().to_owned());
    Json(View { user, data: session.data(), seen: session.seen().as_millis() })
}

async fn begin(session: Session) -> Result<Json<View>, SessionError> {
    session.set_user(UserId::new("ada").unwrap());
    session.insert("note", "before")?;
    session.insert("count", 1)?;
    Ok(look(&session))
}

async fn insert(session: Session) -> Result<Json<View>, SessionError> {
    session.insert("note", "after")?;
    Ok(look(&session))
}

async fn update(session: Session) -> Result<Json<View>, SessionError> {
    session.update("count", |count: Option<u64>| count.unwrap_or(0) + 1)?;
    Ok(look(&session))
}

/// Writes a number twice, and counts how often that was done.
async fn write(session: Session, Path(number): Path<u64>) -> Result<Json<View>, SessionError> {
    session.insert("number", number)?;
    session.insert("text", text_of(number))?;
    session.update("count", |count: Option<u64>| count.unwrap_or(0) + 1)?;
    Ok(look(&session))
}

async fn rotate(session: Session) -> Json<View> {
    session.rotate();
    look(&session)
}

async fn sign_in(session: Session, Path(user): Path<String>) -> Result<Json<View>, SessionError> {
    session.set_user(UserId::new(user).unwrap());
    Ok(look(&session))
}

/// Begins a session of a user's own, whatever there was.
async fn join(session: Session, Path(user): Path<String>) -> Result<Json<View>, SessionError> {
    session.clear();
    session.insert("secret", secret_of(&user))?;
    session.set_user(UserId::new(user).unwrap());
    Ok(look(&session))
}

async fn destroy(session: Session) -> Json<View> {
    session.destroy();
    look(&session)
}

async fn destroy_then_insert(session: Session) -> Result<Json<View>, SessionError> {
    session.destroy();
    session.insert("note", "after")?;
    Ok(look(&session))
}

/// Changes the session before the client has sent everything.
async fn read_body(session: Session, body: Body) -> Result<Json<View>, SessionError> {
    session.insert("note", "after")?;
    let body = body.collect().await;
    assert!(body.is_ok(), "the client went away");
    Ok(look(&session))
}

pub(crate) fn request(path: &str, cookie: Option<&str>) -> Request<Body> {
    let request = Request::post(path);
    let request = match cookie {
        Some(cookie) => request.header(COOKIE, cookie),
        None => request,
    };
    request.body(Body::empty()).unwrap()
}

/// One request to its end.
pub(crate) async fn ask(app: &Router, path: &str, cookie: Option<&str>) -> Answer {
    let response = app.clone().oneshot(request(path, cookie)).await.unwrap();
    answer(response).await
}

pub(crate) async fn answer(response: Response) -> Answer {
    let cookie = response.headers().get(SET_COOKIE).map(|line| {
        let pair = line.to_str().unwrap().split(';').next().unwrap();
        if pair.ends_with('=') { String::new() } else { pair.to_owned() }
    });
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    Answer { status, cookie, view: serde_json::from_slice(&body).ok() }
}
