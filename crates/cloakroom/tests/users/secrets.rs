//! What a process prints that signs users in, with everything turned on, holds no secret and no user.

use std::io::{self, Write as _};
use std::num::NonZeroU32;
use std::time::Duration;

use cloakroom::auth::password::{Password, PasswordStrategy, Passwords};
use cloakroom::auth::{Auth, AuthEvent, AuthObserver, BoxError, History, User, Verdict};
use cloakroom::{Fingerprint, SessionLimit, SessionManager, UserId, WhenFull};
use http::header::{COOKIE, USER_AGENT};
use http::{HeaderMap, HeaderValue, StatusCode};

use crate::support::{Backend, Place, run_on};
use crate::teller::{Notes, Teller, teller, told};

const USER: &str = "user-4711-of-the-shop";
const NAME: &str = "ann.of.the.shop@example.com";
const PASSWORD: &str = "correct horse battery staple";
const WRONG: &str = "wrong horse battery staple";
const DEVICE: &str = "a-phone-of-brand-x";

#[test]
fn asvs_16_2_5_r31_nothing_is_printed_of_users_in_memory() {
    told_of(Backend::Memory);
}

#[test]
fn asvs_16_2_5_r31_nothing_is_printed_of_users_in_sqlite() {
    told_of(Backend::Sqlite);
}

#[test]
fn asvs_16_2_5_r31_nothing_is_printed_of_users_in_postgres() {
    told_of(Backend::Postgres);
}

#[test]
fn asvs_16_2_5_r31_nothing_is_printed_of_users_in_mysql() {
    told_of(Backend::Mysql);
}

fn told_of(backend: Backend) {
    let shown = told("Users", backend, 50);
    for reached in ["signed in", "sign-in refused", "sessions ended", "as many sessions", "everybody"] {
        assert!(shown.contains(reached), "{reached} was not reached:\n{shown}");
    }
}

#[derive(Clone)]
struct Account {
    hash: String,
}

impl User for Account {
    fn id(&self) -> UserId {
        UserId::new(USER).unwrap()
    }

    fn fingerprint(&self) -> Fingerprint {
        Fingerprint::new(&self.id(), self.hash.as_bytes())
    }
}

/// Prints events as an application's own audit log would.
#[derive(Debug)]
struct Audit;

impl AuthObserver for Audit {
    fn observe(&self, event: &AuthEvent<'_>) {
        let _ = writeln!(io::stdout(), "event {event:?}");
    }
}

/// Does nothing unless another test has started this process for it.
#[test]
fn tell() {
    let Some(Teller { backend, notes, .. }) = teller() else { return };
    run_on(backend, |place| story(place, notes));
}

type Strategy = PasswordStrategy<String, Account>;

struct Visitor<'a> {
    auth: &'a Auth<Account>,
    strategy: &'a Strategy,
    notes: Notes,
}

async fn story(place: Place, notes: Notes) {
    let passwords = Passwords::new();
    let hash = passwords.hash(&Password::from(PASSWORD)).await.unwrap().into_string();
    let account = Account { hash: hash.clone() };
    for secret in [USER, NAME, PASSWORD, WRONG, DEVICE, &hash] {
        notes.note("text", secret.as_bytes());
    }
    notes.note("fingerprint", account.fingerprint().as_bytes());
    if let Some((_, rest)) = place.url.split_once("://cloakroom:") {
        notes.note("password", rest.split('@').next().unwrap().as_bytes());
    }
    let found = account.clone();
    let strategy = PasswordStrategy::new(passwords, move |name: String| {
        let found = (name == NAME).then(|| (found.clone(), found.hash.clone()));
        async move { Ok(found) }
    });
    let manager = SessionManager::builder(place.store().await).build().unwrap();
    let find = move |_: UserId| {
        let found = account.clone();
        async move { Ok::<_, BoxError>(Some(found)) }
    };
    let limit = SessionLimit { most: NonZeroU32::new(2).unwrap(), when_full: WhenFull::EndOldest };
    let history = History::Kept { entries: NonZeroU32::new(5).unwrap(), time: Duration::from_hours(24) };
    let builder = Auth::builder(manager, find).session_limit(limit).history(history).observer(Audit);
    let auth = builder.build();
    let mut visitor = Visitor { auth: &auth, strategy: &strategy, notes };
    let mut cookies = Vec::new();
    for _ in 0..3 {
        cookies.push(visitor.sign_in().await);
    }
    let (session, visit) = visitor.request(cookies.last());
    let sessions = visit.sessions().await.unwrap();
    assert!(visit.require_recent(Duration::from_mins(10)).await.is_err(), "the browser was remembered");
    tracing::info!(?auth, ?visit, ?sessions, ?strategy, "an application that prints what it has");
    sessions.end_others().await.unwrap();
    let finished = session.finish(StatusCode::OK).await.unwrap();
    visitor.keep(finished.set_cookie().unwrap());
    auth.sign_everybody_out().await.unwrap();
    let (_, visit) = visitor.request(cookies.last());
    assert!(visit.user().await.unwrap().is_none());
}

impl Visitor<'_> {
    fn request(
        &self,
        cookie: Option<&HeaderValue>,
    ) -> (cloakroom::LazySession, cloakroom::auth::Visit<Account>) {
        let mut headers = HeaderMap::new();
        headers.insert(USER_AGENT, HeaderValue::from_static(DEVICE));
        headers.extend(cookie.cloned().map(|cookie| (COOKIE, cookie)));
        let session = self.auth.manager().begin(&headers);
        let visit = self.auth.visit(session.clone(), &headers, Some([203, 0, 113, 77].into()));
        (session, visit)
    }

    /// Once with a wrong password and once with the right one.
    async fn sign_in(&mut self) -> HeaderValue {
        let (session, visit) = self.request(None);
        for password in [WRONG, PASSWORD] {
            let password = Password::from(password);
            tracing::info!(?password, "a handler that prints what was typed");
            let verdict = visit.verify(self.strategy, (NAME.to_owned(), password), Some(NAME)).await.unwrap();
            if let Verdict::Verified(verified) = verdict {
                tracing::info!(?verified, "and what was found");
                visit.sign_in(verified).remember().await.unwrap();
            }
        }
        let finished = session.finish(StatusCode::OK).await.unwrap();
        self.keep(finished.set_cookie().unwrap())
    }

    /// Notes a cookie and keeps it.
    fn keep(&mut self, line: &HeaderValue) -> HeaderValue {
        let pair = HeaderValue::from_str(line.to_str().unwrap().split(';').next().unwrap()).unwrap();
        self.notes.cookie(self.auth.manager(), pair.to_str().unwrap());
        pair
    }
}
