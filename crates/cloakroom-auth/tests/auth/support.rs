//! An application's users, and browsers that visit it.

use std::sync::{Arc, Mutex};

use cloakroom_auth::{Auth, AuthBuilder, AuthEvent, AuthObserver, BoxError, EndedBy, Verified, Visit};
use cloakroom_conformance::ManualClock;
use cloakroom_core::{
    LazySession, MemoryStore, Method, Policy, SaveError, Session, SessionHandle, SessionManager, Store,
    Timestamp, UserId,
};
use http::header::{COOKIE, USER_AGENT};
use http::{HeaderMap, HeaderValue, StatusCode};

use crate::accounts::{Account, Accounts};

/// What was told, without lifetimes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    SignedIn(String),
    Confirmed(String),
    Refused,
    Limited,
    Ended(String, EndedBy, u64),
    LimitReached(String),
    RecentRequired(String),
    EverybodyOut,
}

/// Writes down what it is told.
#[derive(Clone, Debug, Default)]
pub(crate) struct Events(Arc<Mutex<Vec<Told>>>);

impl Events {
    pub(crate) fn take(&self) -> Vec<Told> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl AuthObserver for Events {
    fn observe(&self, event: &AuthEvent<'_>) {
        let name = |user: &UserId| user.as_str().to_owned();
        self.0.lock().unwrap().push(match event {
            AuthEvent::SignedIn { user, .. } => Told::SignedIn(name(user)),
            AuthEvent::Confirmed { user, .. } => Told::Confirmed(name(user)),
            AuthEvent::Refused(_) => Told::Refused,
            AuthEvent::Limited { .. } => Told::Limited,
            AuthEvent::Ended { user, by, sessions } => Told::Ended(name(user), *by, *sessions),
            AuthEvent::LimitReached { user } => Told::LimitReached(name(user)),
            AuthEvent::RecentRequired { user } => Told::RecentRequired(name(user)),
            AuthEvent::EverybodyOut => Told::EverybodyOut,
            other => panic!("an event that no test knows: {other:?}"),
        });
    }
}

/// An application with two users.
pub(crate) struct Application {
    pub(crate) auth: Auth<Account>,
    pub(crate) accounts: Accounts,
    pub(crate) clock: ManualClock,
    pub(crate) events: Events,
}

impl Application {
    pub(crate) fn new() -> Self {
        Self::with(|builder| builder)
    }

    pub(crate) fn with(configure: impl FnOnce(AuthBuilder<Account>) -> AuthBuilder<Account>) -> Self {
        Self::on(MemoryStore::new(), Policy::default(), configure)
    }

    pub(crate) fn on(
        store: impl Store,
        policy: Policy,
        configure: impl FnOnce(AuthBuilder<Account>) -> AuthBuilder<Account>,
    ) -> Self {
        let clock = ManualClock::at(Timestamp::from_millis(1_800_000_000_000));
        let manager = SessionManager::builder(store).policy(policy).clock(clock.clone()).build().unwrap();
        let accounts = Accounts::default();
        accounts.set("ann", "hash of ann");
        accounts.set("ben", "hash of ben");
        let table = accounts.clone();
        let find = move |id: UserId| {
            let found = table.get(id.as_str());
            async move { Ok::<_, BoxError>(found) }
        };
        let events = Events::default();
        let builder = Auth::builder(manager, find).observer(events.clone());
        Self { auth: configure(builder).build(), accounts, clock, events }
    }

    pub(crate) fn verified(&self, name: &str) -> Verified<Account> {
        Verified::vouched(self.accounts.get(name).unwrap(), Method::password())
    }

    /// How many sessions the user has.
    pub(crate) async fn live(&self, name: &str) -> usize {
        self.auth.sessions_of(UserId::new(name).unwrap()).list().await.unwrap().len()
    }
}

/// A browser with a cookie.
#[derive(Clone, Default)]
pub(crate) struct Browser {
    pub(crate) cookie: Option<HeaderValue>,
    /// The whole line that last set or removed it.
    pub(crate) line: String,
}

/// A request that is under way.
pub(crate) struct Request {
    pub(crate) visit: Visit<Account>,
    pub(crate) session: LazySession,
}

impl Request {
    pub(crate) async fn loaded(&self) -> Session {
        self.visit.session().await.unwrap()
    }
}

impl Browser {
    pub(crate) fn request(&self, application: &Application) -> Request {
        self.request_from(application, None)
    }

    pub(crate) fn request_from(&self, application: &Application, client: Option<&str>) -> Request {
        let mut headers = HeaderMap::new();
        headers.insert(USER_AGENT, HeaderValue::from_static("Test/1"));
        headers.extend(self.cookie.clone().map(|cookie| (COOKIE, cookie)));
        let session = application.auth.manager().begin(&headers);
        let client = client.map(|address| address.parse().unwrap());
        Request { visit: application.auth.visit(session.clone(), &headers, client), session }
    }

    /// Signs in and keeps the cookie.
    pub(crate) async fn sign_in(&mut self, application: &Application, name: &str) {
        let request = self.request(application);
        request.visit.sign_in(application.verified(name)).await.unwrap();
        self.answer(request).await;
    }

    /// Signs in, asks to be remembered, and keeps the cookie.
    pub(crate) async fn sign_in_remembered(&mut self, application: &Application, name: &str) {
        let request = self.request(application);
        request.visit.sign_in(application.verified(name)).remember().await.unwrap();
        self.answer(request).await;
    }

    /// Finishes a request and takes its cookie.
    pub(crate) async fn answer(&mut self, request: Request) {
        self.try_answer(request, StatusCode::OK).await.unwrap();
    }

    /// Finishes a request with whatever its handler answered, and takes its cookie.
    pub(crate) async fn try_answer(&mut self, request: Request, status: StatusCode) -> Result<(), SaveError> {
        let (finished, result) = match request.session.finish(status).await {
            Ok(finished) => (finished, Ok(())),
            Err(error) => (request.session.committed(), Err(error)),
        };
        if let Some(line) = finished.set_cookie() {
            line.to_str().unwrap().clone_into(&mut self.line);
            let pair = self.line.split(';').next().unwrap();
            self.cookie = (!self.line.contains("Max-Age=0")).then(|| HeaderValue::from_str(pair).unwrap());
        }
        result
    }

    /// Who is signed in, as a request finds it.
    pub(crate) async fn user(&mut self, application: &Application) -> Option<String> {
        let request = self.request(application);
        let user = request.visit.user().await.unwrap();
        self.answer(request).await;
        user.map(|account| account.name)
    }

    /// The public handle of the session.
    pub(crate) async fn handle(&self, application: &Application) -> SessionHandle {
        self.request(application).loaded().await.authentication().unwrap().handle
    }
}
