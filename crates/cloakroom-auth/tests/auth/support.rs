//! An application's users, and browsers that visit it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use cloakroom_auth::{Auth, AuthBuilder, BoxError, User, Verified, Visit};
use cloakroom_conformance::ManualClock;
use cloakroom_core::{Fingerprint, LazySession, MemoryStore, Method, SessionManager, Timestamp, UserId};
use http::header::{COOKIE, USER_AGENT};
use http::{HeaderMap, HeaderValue, StatusCode};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) name: String,
    pub(crate) hash: String,
}

impl User for Account {
    fn id(&self) -> UserId {
        UserId::new(self.name.clone()).unwrap()
    }

    fn fingerprint(&self) -> Fingerprint {
        Fingerprint::new(&self.id(), self.hash.as_bytes())
    }
}

/// The application's table of users.
#[derive(Clone, Default)]
pub(crate) struct Accounts(Arc<Mutex<HashMap<String, Account>>>);

impl Accounts {
    pub(crate) fn set(&self, name: &str, hash: &str) -> Account {
        let account = Account { name: name.to_owned(), hash: hash.to_owned() };
        self.0.lock().unwrap().insert(name.to_owned(), account.clone());
        account
    }

    pub(crate) fn remove(&self, name: &str) {
        self.0.lock().unwrap().remove(name);
    }

    pub(crate) fn get(&self, name: &str) -> Option<Account> {
        self.0.lock().unwrap().get(name).cloned()
    }
}

/// An application with two users.
pub(crate) struct Application {
    pub(crate) auth: Auth<Account>,
    pub(crate) accounts: Accounts,
    pub(crate) clock: ManualClock,
}

impl Application {
    pub(crate) fn new() -> Self {
        Self::with(|builder| builder)
    }

    pub(crate) fn with(configure: impl FnOnce(AuthBuilder<Account>) -> AuthBuilder<Account>) -> Self {
        let clock = ManualClock::at(Timestamp::from_millis(1_800_000_000_000));
        let manager = SessionManager::builder(MemoryStore::new()).clock(clock.clone()).build().unwrap();
        let accounts = Accounts::default();
        accounts.set("ann", "hash of ann");
        accounts.set("ben", "hash of ben");
        let table = accounts.clone();
        let find = move |id: UserId| {
            let found = table.get(id.as_str());
            async move { Ok::<_, BoxError>(found) }
        };
        Self { auth: configure(Auth::builder(manager, find)).build(), accounts, clock }
    }

    pub(crate) fn verified(&self, name: &str) -> Verified<Account> {
        Verified::vouched(self.accounts.get(name).unwrap(), Method::password())
    }
}

/// A browser with a cookie.
#[derive(Clone, Default)]
pub(crate) struct Browser {
    pub(crate) cookie: Option<HeaderValue>,
}

/// A request that is under way.
pub(crate) struct Request {
    pub(crate) visit: Visit<Account>,
    session: LazySession,
}

impl Browser {
    pub(crate) fn request(&self, application: &Application) -> Request {
        let mut headers = HeaderMap::new();
        headers.insert(USER_AGENT, HeaderValue::from_static("Test/1"));
        headers.extend(self.cookie.clone().map(|cookie| (COOKIE, cookie)));
        let session = application.auth.manager().begin(&headers);
        Request { visit: application.auth.visit(session.clone(), &headers, None), session }
    }

    /// Signs in and keeps the cookie.
    pub(crate) async fn sign_in(&mut self, application: &Application, name: &str) {
        let request = self.request(application);
        request.visit.sign_in(application.verified(name)).await.unwrap();
        self.answer(request).await;
    }

    /// Finishes a request and takes its cookie.
    pub(crate) async fn answer(&mut self, request: Request) {
        let finished = request.session.finish(StatusCode::OK).await.unwrap();
        let Some(line) = finished.set_cookie() else { return };
        let line = line.to_str().unwrap();
        let pair = line.split(';').next().unwrap();
        self.cookie = (!line.contains("Max-Age=0")).then(|| HeaderValue::from_str(pair).unwrap());
    }

    /// Who is signed in, as a request finds it.
    pub(crate) async fn user(&mut self, application: &Application) -> Option<String> {
        let request = self.request(application);
        let user = request.visit.user().await.unwrap();
        self.answer(request).await;
        user.map(|account| account.name)
    }
}
