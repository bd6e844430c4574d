//! An application's users, its nodes on one place, and browsers that visit them.

use std::sync::{Arc, Mutex};

use cloakroom::auth::{Auth, AuthBuilder, AuthEvent, AuthObserver, BoxError, EndedBy, Verified, Visit};
use cloakroom::{
    LazySession, Method, SaveError, Scope, SessionHandle, SessionManager, Store, Timestamp, UserId,
};
use cloakroom_conformance::ManualClock;
use http::header::{COOKIE, USER_AGENT};
use http::{HeaderMap, HeaderValue, StatusCode};
use tokio::sync::Notify;

use crate::accounts::{Account, Accounts};
use crate::support::Place;

/// A point at which somebody waits until another lets them go on.
#[derive(Clone, Default)]
pub(crate) struct Stop(Arc<(Notify, Notify)>);

impl Stop {
    /// Says that it is reached, and waits.
    pub(crate) async fn pass(&self) {
        self.0.0.notify_one();
        self.0.1.notified().await;
    }

    pub(crate) async fn reached(&self) {
        self.0.0.notified().await;
    }

    pub(crate) fn open(&self) {
        self.0.1.notify_one();
    }
}

/// Counts what it is told.
#[derive(Clone, Debug, Default)]
pub(crate) struct Events(Arc<Mutex<Told>>);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) signed_in: u64,
    /// Sessions that made room.
    pub(crate) made_room: u64,
    pub(crate) limit_reached: u64,
}

impl Events {
    pub(crate) fn take(&self) -> Told {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl AuthObserver for Events {
    fn observe(&self, event: &AuthEvent<'_>) {
        let mut told = self.0.lock().unwrap();
        match event {
            AuthEvent::SignedIn { .. } => told.signed_in += 1,
            AuthEvent::Ended { by: EndedBy::Limit, sessions, .. } => told.made_room += sessions,
            AuthEvent::LimitReached { .. } => told.limit_reached += 1,
            _ => {}
        }
    }
}

/// An application whose nodes share a place, a table of users and a clock.
pub(crate) struct Site {
    pub(crate) place: Place,
    pub(crate) accounts: Accounts,
    pub(crate) events: Events,
    pub(crate) clock: ManualClock,
    /// Where the next look-ups of users wait, once they have read.
    pub(crate) look_up: Arc<Mutex<Option<Stop>>>,
}

/// One node of it.
#[derive(Clone)]
pub(crate) struct Node {
    pub(crate) auth: Auth<Account>,
    pub(crate) accounts: Accounts,
}

pub(crate) fn plain(builder: AuthBuilder<Account>) -> AuthBuilder<Account> {
    builder
}

impl Site {
    pub(crate) fn open(place: Place) -> Self {
        let accounts = Accounts::default();
        accounts.set("ann", "hash of ann");
        accounts.set("ben", "hash of ben");
        let clock = ManualClock::at(Timestamp::from_millis(1_800_000_000_000));
        Self { place, accounts, events: Events::default(), clock, look_up: Arc::default() }
    }

    /// One more node, with a store of its own.
    pub(crate) async fn node(
        &self,
        configure: impl FnOnce(AuthBuilder<Account>) -> AuthBuilder<Account>,
    ) -> Node {
        self.over(self.place.store().await, configure)
    }

    /// One more node, over this store.
    pub(crate) fn over(
        &self,
        store: impl Store,
        configure: impl FnOnce(AuthBuilder<Account>) -> AuthBuilder<Account>,
    ) -> Node {
        let manager = SessionManager::builder(store).clock(self.clock.clone()).build().unwrap();
        let (accounts, look_up) = (self.accounts.clone(), Arc::clone(&self.look_up));
        let find = move |id: UserId| {
            let found = accounts.get(id.as_str());
            let stop = look_up.lock().unwrap().take();
            async move {
                if let Some(stop) = stop {
                    stop.pass().await;
                }
                Ok::<_, BoxError>(found)
            }
        };
        let builder = Auth::builder(manager, find).observer(self.events.clone());
        Node { auth: configure(builder).build(), accounts: self.accounts.clone() }
    }
}

impl Node {
    pub(crate) fn verified(&self, name: &str) -> Verified<Account> {
        Verified::vouched(self.accounts.get(name).unwrap(), Method::password())
    }

    /// How many live sessions the user has, whatever each of them is worth.
    pub(crate) async fn live(&self, name: &str) -> u64 {
        let scope = Scope::User(UserId::new(name).unwrap());
        let manager = self.auth.manager();
        manager.store().count(&scope, manager.now()).await.unwrap()
    }

    pub(crate) async fn end_all(&self, name: &str) -> u64 {
        self.auth.sessions_of(UserId::new(name).unwrap()).end_all().await.unwrap()
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
    pub(crate) session: LazySession,
}

impl Browser {
    pub(crate) fn request(&self, node: &Node) -> Request {
        let mut headers = HeaderMap::new();
        headers.insert(USER_AGENT, HeaderValue::from_static("Test/1"));
        headers.extend(self.cookie.clone().map(|cookie| (COOKIE, cookie)));
        let session = node.auth.manager().begin(&headers);
        let client = Some([203, 0, 113, 77].into());
        Request { visit: node.auth.visit(session.clone(), &headers, client), session }
    }

    /// A browser that has just signed in.
    pub(crate) async fn signed_in(node: &Node, name: &str) -> Self {
        let mut browser = Self::default();
        browser.sign_in(node, name).await;
        browser
    }

    pub(crate) async fn sign_in(&mut self, node: &Node, name: &str) {
        let request = self.request(node);
        request.visit.sign_in(node.verified(name)).await.unwrap();
        self.answer(request, StatusCode::OK).await.unwrap();
    }

    /// Finishes a request with whatever its handler answered, and takes its cookie.
    pub(crate) async fn answer(&mut self, request: Request, status: StatusCode) -> Result<(), SaveError> {
        let (finished, result) = match request.session.finish(status).await {
            Ok(finished) => (finished, Ok(())),
            Err(error) => (request.session.committed(), Err(error)),
        };
        if let Some(line) = finished.set_cookie() {
            let line = line.to_str().unwrap();
            let pair = line.split(';').next().unwrap();
            self.cookie = (!line.contains("Max-Age=0")).then(|| HeaderValue::from_str(pair).unwrap());
        }
        result
    }

    /// Who is signed in, as a node finds it.
    pub(crate) async fn user(&mut self, node: &Node) -> Option<String> {
        let request = self.request(node);
        let user = request.visit.user().await.unwrap();
        self.answer(request, StatusCode::OK).await.unwrap();
        user.map(|account| account.name)
    }

    /// The public handle of the session, if somebody is signed in.
    pub(crate) async fn handle(&self, node: &Node) -> Option<SessionHandle> {
        let session = self.request(node).visit.session().await.unwrap();
        session.authentication().map(|it| it.handle)
    }
}
