//! Everything that is ever logged about sessions, searched for what must not be in it.
//!
//! A test binary of its own, because it listens to the whole process.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

#[path = "../support/mod.rs"]
mod support;

use std::io;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use axum::routing::get;
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use cloakroom_core::{Device, Operation, SessionId, SessionManager, StoreKey, UserId};
use cloakroom_tower::SessionLayer;
use cloakroom_tower::axum::{Session, SessionError};
use http::HeaderValue;
use tower::ServiceExt as _;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::FmtSpan;

use support::{Probe, cookies, made_up_cookie};

/// What the sessions of this test hold; none of it may be logged.
const SECRETS: &[&str] =
    &["hunter2-the-value", "name-of-a-value", "user-4711-of-the-shop", "a-phone-of-brand-x"];

async fn write(session: Session) -> Result<(), SessionError> {
    session.insert(SECRETS[1], SECRETS[0])?;
    session.update("visits", |visits: Option<u32>| visits.unwrap_or(0) + 1)?;
    session.set_device(Device::new(SECRETS[3]));
    tracing::trace!(?session, "a handler that logs its session");
    Ok(())
}

async fn sign_in(session: Session) {
    session.set_user(UserId::new(SECRETS[2]).expect("a short id"));
}

/// A value of another type: the error's text goes through the application's own log.
async fn misread(session: Session) -> Result<(), SessionError> {
    let error = session.get::<u32>(SECRETS[1]).err().map(SessionError::from);
    error.map_or(Ok(()), |error| {
        tracing::error!(status = %error.status(), advice = error.advice());
        Err(error)
    })
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Every way in which a cookie's id, or the key made of it, could be written.
fn spellings(cookie: &str) -> Vec<String> {
    let text = cookie.split_once('=').unwrap().1;
    let mut spellings = vec![text.to_owned()];
    if let Some(id) = SessionId::parse(text) {
        let key = StoreKey::native("__Host-id", &id);
        for bytes in [BASE64_URL_SAFE_NO_PAD.decode(text).unwrap(), key.as_bytes().to_vec()] {
            let hex = bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
            spellings.extend([hex.to_uppercase(), hex, format!("{bytes:?}")]);
            spellings.extend([BASE64_STANDARD.encode(&bytes), BASE64_URL_SAFE_NO_PAD.encode(&bytes)]);
        }
    }
    spellings
}

async fn ask(app: &Router, path: &str, cookies: &[&str]) -> Response {
    app.clone().oneshot(support::get::<Body>(path, cookies)).await.unwrap()
}

#[tokio::test]
async fn asvs_16_2_5_asvs_16_4_1_owasp_log_r31_nothing_of_a_session_is_logged() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(LevelFilter::TRACE)
        .with_span_events(FmtSpan::FULL)
        .with_ansi(false)
        .with_writer(log.clone())
        .finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();

    let store = Probe::default();
    let app = Router::new()
        .route("/write", get(write))
        .route("/sign-in", get(sign_in))
        .route("/misread", get(misread))
        .route("/rotate", get(async |session: Session| session.rotate()))
        .route("/destroy", get(async |session: Session| session.destroy()))
        .layer(SessionLayer::from(SessionManager::builder(store.clone()).build().unwrap()));
    let mut known = vec![
        made_up_cookie(),
        "__Host-id=too-short-to-be-an-id".to_owned(),
        format!("__Host-id={}", "%2e%2e%2fetc%2fpasswd".repeat(3)),
    ];
    for cookie in known.clone() {
        ask(&app, "/misread", &[&cookie]).await;
    }
    ask(&app, "/misread", &["__Host-id=first-of-two-cookies", "__Host-id=second-of-two-cookies"]).await;
    known.extend(["__Host-id=first-of-two-cookies".to_owned(), "__Host-id=second-of-two-cookies".to_owned()]);

    // What would make lines of its own, or colours, of a log that repeated it.
    for name in ["user-agent", "referer", "x-forwarded-for"] {
        let mut request = support::get::<Body>("/misread?said=in-the-query", &[&known[0]]);
        let value = HeaderValue::from_bytes(b"said-in-a-header\t\x80[31m%0d%0alevel=ERROR").unwrap();
        request.headers_mut().insert(name, value);
        app.clone().oneshot(request).await.unwrap();
    }
    known.extend(["=said-in-a-header".to_owned(), "=in-the-query".to_owned()]);

    let mut ours = cookies(ask(&app, "/write", &[]).await.headers()).pop().unwrap();
    known.push(ours.clone());
    for path in ["/write", "/misread", "/sign-in", "/rotate"] {
        if let Some(new) = cookies(ask(&app, path, &[&ours]).await.headers()).pop() {
            known.push(std::mem::replace(&mut ours, new.clone()));
            known.push(new);
        }
    }
    store.break_down(|operation| operation != Operation::Load);
    for path in ["/write", "/rotate", "/destroy"] {
        ask(&app, path, &[&ours]).await;
    }
    store.break_down(|_| true);
    ask(&app, "/misread", &[&ours]).await;
    store.break_down(|_| false);
    ask(&app, "/destroy", &[&ours]).await;
    ask(&app, "/misread", &[&ours]).await;

    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    for event in [
        "Created",
        "Loaded",
        "Saved",
        "Rotated",
        "Destroyed",
        "Malformed",
        "Ambiguous",
        "Unknown",
        "store failed",
    ] {
        assert!(log.contains(event), "the run did not reach {event}:\n{log}");
    }
    let cookies = known.iter().flat_map(|cookie| spellings(cookie));
    for secret in SECRETS.iter().map(|secret| (*secret).to_owned()).chain(cookies) {
        let line = log.lines().find(|line| line.contains(&secret));
        assert!(line.is_none(), "{secret} is logged: {line:?}");
    }
}
