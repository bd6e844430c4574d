//! The application, its visitors, and what its log says.

use std::fmt::{self, Write as _};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::routing::get;
use cloakroom::axum::{Session, SessionError};
use cloakroom::{Event, Observer, SessionLayer, SessionManager, Store, Timestamp, UserId};
use cloakroom_conformance::ManualClock;
use http::header::{COOKIE, RETRY_AFTER, SET_COOKIE};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Level, Metadata, Subscriber};

/// When every story begins.
pub(crate) const START: Timestamp = Timestamp::from_millis(1_800_000_000_000);

/// An axum application with the default policy.
pub(crate) struct Site {
    pub(crate) clock: ManualClock,
    pub(crate) log: Log,
    pub(crate) failures: Failures,
    app: Router,
}

/// How many failures of the store the observer was told of.
#[derive(Clone, Debug, Default)]
pub(crate) struct Failures(Arc<AtomicUsize>);

impl Failures {
    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Observer for Failures {
    fn observe(&self, event: &Event<'_>) {
        if matches!(event, Event::StoreFailed(_)) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
}

impl Site {
    pub(crate) fn new(store: impl Store, log: &Log) -> Self {
        let (clock, failures) = (ManualClock::at(START), Failures::default());
        let builder = SessionManager::builder(store).clock(clock.clone()).observer(failures.clone());
        let app = Router::new()
            .route("/none", get(async || "no session needed"))
            .route("/show", get(show))
            .route("/note/{text}", get(note))
            .route("/login/{user}", get(sign_in))
            .route("/logout", get(async |session: Session| session.destroy()))
            .layer(SessionLayer::from(builder.build().unwrap()));
        Self { clock, log: log.clone(), failures, app }
    }

    pub(crate) fn visitor(&self) -> Visitor {
        Visitor { app: self.app.clone(), cookie: None }
    }

    /// A visitor who is signed in and has left a note of that text.
    pub(crate) async fn member(&self, user: &str, note: &str) -> Visitor {
        let mut visitor = self.visitor();
        visitor.get(&format!("/login/{user}")).await.ok();
        visitor.get(&format!("/note/{note}")).await.ok();
        visitor
    }
}

/// Who somebody is, and the note that they left.
async fn show(session: Session) -> Result<String, SessionError> {
    let user = session.user().map_or_else(|| "nobody".to_owned(), |user| user.as_str().to_owned());
    let note: Option<String> = session.get("note")?;
    Ok(format!("{user}: {}", note.unwrap_or_default()))
}

async fn note(Path(text): Path<String>, session: Session) -> Result<(), SessionError> {
    Ok(session.insert("note", text)?)
}

async fn sign_in(Path(user): Path<String>, session: Session) {
    session.set_user(UserId::new(user).unwrap());
}

/// A browser with one cookie at most.
#[derive(Clone)]
pub(crate) struct Visitor {
    app: Router,
    pub(crate) cookie: Option<String>,
}

pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

/// How long a store may take to notice that its database is back, on the busiest machine.
const GUARD: Duration = Duration::from_secs(30);

impl Visitor {
    /// Asks until the answer is no 503 any more, as a browser does that is told to come back.
    pub(crate) async fn get_at_last(&mut self, path: &str) -> String {
        let asking = async {
            loop {
                let reply = self.get(path).await;
                if reply.status != StatusCode::SERVICE_UNAVAILABLE {
                    return reply.ok();
                }
                reply.unavailable();
            }
        };
        tokio::time::timeout(GUARD, asking).await.expect("the store recovers by itself")
    }

    pub(crate) async fn get(&mut self, path: &str) -> Reply {
        let mut request = Request::get(path);
        if let Some(cookie) = &self.cookie {
            request = request.header(COOKIE, cookie);
        }
        let response = self.app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let reply = Reply {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
        };
        if let Some(line) = reply.headers.get(SET_COOKIE) {
            let line = line.to_str().unwrap();
            let pair = line.split(';').next().unwrap();
            self.cookie = (!line.contains("Max-Age=0")).then(|| pair.to_owned());
        }
        reply
    }
}

impl Reply {
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.status, StatusCode::OK, "{}", self.body);
        self.body
    }

    /// 503 with `Retry-After`, no cookie, and nothing of anybody's session.
    #[track_caller]
    pub(crate) fn unavailable(self) {
        self.refused(StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(self.headers[RETRY_AFTER], "5");
    }

    #[track_caller]
    pub(crate) fn refused(&self, status: StatusCode) {
        assert_eq!(self.status, status, "{}", self.body);
        assert!(!self.headers.contains_key(SET_COOKIE), "{:?}", self.headers);
        for word in ["ann:", "bob:", "eve:", "red", "blue"] {
            assert!(!self.body.contains(word), "{}", self.body);
        }
    }
}

/// What was logged on this thread, from `info` upwards.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<Line>>>);

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Line {
    pub(crate) level: Level,
    pub(crate) text: String,
}

impl Log {
    /// What our crates logged since the log was last taken, but for what is about a request and not about the store.
    pub(crate) fn take(&self) -> Vec<Line> {
        let mut lines = std::mem::take(&mut *self.0.lock().unwrap());
        lines.retain(|line| {
            line.text.starts_with("cloakroom") && !line.text.contains("session cookie not accepted")
        });
        lines
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::INFO
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let mut text = Text(event.metadata().target().to_owned());
        event.record(&mut text);
        self.0.lock().unwrap().push(Line { level: *event.metadata().level(), text: text.0 });
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        write!(self.0, " {field}={value:?}").unwrap();
    }
}

/// Runs a test on one thread, so that everything that its tasks log is seen.
pub(crate) fn run<F: Future<Output = ()>>(test: impl FnOnce(Log) -> F) {
    let log = Log::default();
    let _listening = tracing::subscriber::set_default(log.clone());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(test(log));
}
