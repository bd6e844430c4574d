//! Everything that is ever printed, by all crates, at the finest level, with panics, errors and every `Debug`, searched
//! for ids, keys, data and signing keys.

use std::io::{self, Write as _};
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use cloakroom::axum::{Session, SessionError};
use cloakroom::{
    CookieConfig, CookieKey, Device, Event, KeyRing, Observer, Policy, Protection, SessionId, SessionLayer,
    SessionManager, UserId,
};
use cloakroom_conformance::{App, HTTP_CASES, HttpSuite, respond};
use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderValue, Request, Response};
use tower::{Layer as _, ServiceExt as _};

use crate::printed;
use crate::support::storage::{run_scenario, storage};
use crate::support::{Backend, Place, run_on};
use crate::teller::{Notes, Teller, teller, told};

/// A key in a session, its value, a user and a device.
pub(crate) const DATA: [&str; 4] =
    ["name-of-a-value", "hunter2-the-value", "user-4711-of-the-shop", "a-phone-of-brand-x"];

/// What must be reached, or the search is worth nothing.
const REACHED: [&str; 12] = [
    "TRACE",
    "Created",
    "Loaded",
    "Saved",
    "Rotated",
    "Destroyed",
    "Malformed",
    "Tampered",
    "Ambiguous",
    "Unknown",
    "no longer decodes",
    "a handler that panics",
];

#[test]
fn asvs_16_2_5_r31_the_http_suite_prints_no_secret_in_memory() {
    suite_told_of(Backend::Memory);
}

#[test]
fn asvs_16_2_5_r31_the_http_suite_prints_no_secret_in_sqlite() {
    suite_told_of(Backend::Sqlite);
}

#[test]
fn asvs_16_2_5_r31_the_http_suite_prints_no_secret_in_postgres() {
    suite_told_of(Backend::Postgres);
}

#[test]
fn asvs_16_2_5_r31_the_http_suite_prints_no_secret_in_mysql() {
    suite_told_of(Backend::Mysql);
}

fn suite_told_of(backend: Backend) {
    let output = told("Suite", backend, 100);
    for reached in ["session_load", "Destroyed", "session store failed", "Unknown"] {
        assert!(output.contains(reached), "the suite did not reach {reached}");
    }
}

#[test]
fn asvs_16_2_5_r31_nothing_is_printed_of_sessions_in_memory() {
    told_of(Backend::Memory);
}

#[test]
fn asvs_16_2_5_r31_nothing_is_printed_of_sessions_in_sqlite() {
    told_of(Backend::Sqlite);
}

#[test]
fn asvs_16_2_5_r31_nothing_is_printed_of_sessions_in_postgres() {
    assert!(told_of(Backend::Postgres).contains("sqlx::query"), "the driver printed nothing");
}

#[test]
fn asvs_16_2_5_r31_nothing_is_printed_of_sessions_in_mysql() {
    assert!(told_of(Backend::Mysql).contains("sqlx::query"), "the driver printed nothing");
}

fn told_of(backend: Backend) -> String {
    let output = told("Visitor", backend, 100);
    for reached in REACHED {
        assert!(output.contains(reached), "{backend:?} did not reach {reached}:\n{output}");
    }
    output
}

/// Prints events as an application's own audit log or its metrics would.
#[derive(Debug)]
struct Audit;

impl Observer for Audit {
    fn observe(&self, event: &Event<'_>) {
        // The name of a value is the application's own, and its to print or not.
        if !matches!(event, Event::Undecodable { .. }) {
            let _ = writeln!(io::stdout(), "event {event:?}");
        }
    }
}

/// Does nothing unless another test has started this process for it.
#[test]
fn tell() {
    let Some(Teller { story, backend, notes }) = teller() else { return };
    match story.as_str() {
        "Visitor" => run_on(backend, |place| tell_of(place, notes)),
        "Suite" => suite(backend, notes),
        other => panic!("no story: {other}"),
    }
}

/// Every scenario but the one that says the same ten thousand times.
fn suite(backend: Backend, notes: Notes) {
    let suite =
        HttpSuite::new(move |manager| noting(manager, notes.clone())).stores(move || storage(backend));
    for case in HTTP_CASES.iter().filter(|case| !case.name().contains("r33_a_flood")) {
        run_scenario(suite.run_case(case)).unwrap_or_else(|failure| panic!("{}: {failure}", case.name()));
    }
}

/// The suite's application, whose cookies are noted on their way in and out.
fn noting(manager: SessionManager, notes: Notes) -> App {
    let handler = tower::service_fn(async |request: Request<Vec<u8>>| {
        let session = request.extensions().get::<cloakroom::LazySession>().cloned();
        let response = respond(session.as_ref(), &request.uri().to_string()).await;
        let refused = |error| SessionError::from(error).into_http(Vec::new());
        Ok::<_, std::convert::Infallible>(response.unwrap_or_else(refused))
    });
    let service = SessionLayer::from(manager.clone()).layer(handler);
    Arc::new(move |request: Request<Vec<u8>>| {
        notes.cookies(&manager, request.headers());
        let (notes, manager, response) = (notes.clone(), manager.clone(), service.clone().oneshot(request));
        Box::pin(async move {
            let response = response.await.unwrap();
            notes.cookies(&manager, response.headers());
            response
        })
    })
}

async fn tell_of(place: Place, notes: Notes) {
    let secrets = [b"0123456789abcdefghijklmnopqrstuv", b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"];
    let key = |number: usize| CookieKey::from_bytes(secrets[number]).unwrap();
    let ring = || KeyRing::new(key(0)).also_reads(key(1));
    for data in DATA {
        notes.note("data", data.as_bytes());
    }
    for secret in secrets {
        notes.note("key", secret);
    }
    if let Some((_, rest)) = place.url.split_once("://cloakroom:") {
        notes.note("password", rest.split('@').next().unwrap().as_bytes());
    }
    for protection in [Protection::Plain, Protection::Signed(ring()), Protection::Encrypted(ring())] {
        let config = CookieConfig::new("__Host-id").protection(protection);
        let builder = SessionManager::builder(place.store().await).cookie(config.clone()).observer(Audit);
        let manager = builder.policy(Policy::default().data_limit(2_000)).build().unwrap();
        printed::everything(&place, &manager, &config, &notes).await;
        Visitor { app: router(manager.clone()), manager, notes: notes.clone() }.story().await;
    }
}

/// Asks, and notes every cookie that it gets.
struct Visitor {
    app: Router,
    manager: SessionManager,
    notes: Notes,
}

impl Visitor {
    async fn get(&self, path: &str, cookies: &[&str]) -> Response<Body> {
        let mut request = Request::get(path).body(Body::empty()).unwrap();
        for cookie in cookies {
            request.headers_mut().append(COOKIE, HeaderValue::try_from(*cookie).unwrap());
        }
        self.notes.cookies(&self.manager, request.headers());
        let app = self.app.clone();
        // As a server does, which goes on when a handler panics.
        let response = tokio::spawn(async { app.oneshot(request).await.unwrap() }).await.unwrap_or_default();
        self.notes.cookies(&self.manager, response.headers());
        response
    }

    /// Asks, and returns the cookie that holds afterwards.
    async fn go(&self, path: &str, cookie: &str) -> String {
        let response = self.get(path, &[cookie]).await;
        let line =
            response.headers().get(SET_COOKIE).map(|line| line.to_str().unwrap().split(';').next().unwrap());
        line.unwrap_or(cookie).to_owned()
    }

    async fn story(&self) {
        let ours = self.go("/write", "").await;
        let ours = self.go("/sign-in", &ours).await;
        let ours = self.go("/rotate", &ours).await;
        for path in ["/misread", "/misuse", "/panic", "/too-much", "/update", "/write"] {
            self.get(path, &[&ours]).await;
        }
        let value = ours.split_once('=').unwrap().1;
        let mut forged = ours.clone();
        let place = ours.find('=').unwrap() + 3;
        forged.replace_range(place..=place, if &ours[place..=place] == "A" { "B" } else { "A" });
        let unknown = SessionId::generate(&cloakroom::SystemRandom).unwrap();
        for cookies in [
            vec![forged.as_str()],
            vec![ours.as_str(), forged.as_str()],
            vec![&format!("__Host-id={}", unknown.expose())],
            vec![&format!("__Host-id={value}x")],
            vec!["__Host-id=rubbish"],
        ] {
            self.get("/read", &cookies).await;
        }
        self.get("/destroy", &[&ours]).await;
        self.get("/read", &[&ours]).await;
    }
}

fn router(manager: SessionManager) -> Router {
    Router::new()
        .route(
            "/read",
            get(async |session: Session| tracing::info!(?session, "a handler that prints its session")),
        )
        .route("/write", get(write))
        .route("/update", get(update))
        .route("/sign-in", get(async |session: Session| session.set_user(UserId::new(DATA[2]).unwrap())))
        .route("/rotate", get(async |session: Session| session.rotate()))
        .route("/destroy", get(async |session: Session| session.destroy()))
        .route("/misread", get(misread))
        .route("/misuse", get(misuse))
        .route("/too-much", get(too_much))
        .route("/panic", get(panics))
        .layer(SessionLayer::from(manager))
}

async fn write(session: Session) -> Result<(), SessionError> {
    session.insert(DATA[0], DATA[1])?;
    session.set_device(Device::new(DATA[3]).with_address(DATA[3]));
    Ok(())
}

async fn update(session: Session) -> Result<(), SessionError> {
    session.update(DATA[0], |old: Option<String>| old.unwrap_or_default() + "!")?;
    Ok(())
}

/// A value of another type; the application prints the error with all that caused it. The error names the value, which
/// is the application's own name for it, and shows nothing of what it is.
async fn misread(session: Session) -> Result<(), SessionError> {
    session.insert("named", DATA[1])?;
    session.get::<u32>("named").map(drop).inspect_err(|error| printed::error(error))?;
    Ok(())
}

async fn misuse(session: Session) -> Result<(), SessionError> {
    session.insert("named", DATA[1])?;
    let counted = session.update("named", |old: Option<u32>| old.unwrap_or(0) + 1);
    counted.map(drop).inspect_err(|error| printed::error(error))?;
    Ok(())
}

/// More than the policy lets in: saving fails, here and at the end of the request.
async fn too_much(session: Session) -> Result<(), SessionError> {
    session.insert("more", DATA[1].repeat(200))?;
    session.save().await.inspect_err(|error| printed::error(error))?;
    Ok(())
}

async fn panics(session: Session) {
    session.insert("another", DATA[1]).unwrap();
    panic!("a handler that panics with {session:?}");
}
