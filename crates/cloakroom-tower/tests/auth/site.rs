//! An application whose visitors sign in, and browsers that visit it.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, any, get, post};
use cloakroom_auth::{
    Auth as SignInSettings, AuthBuilder, AuthEvent, AuthObserver, BoxError, Permission, Refusal, User,
    Verdict, Verified,
};
use cloakroom_conformance::ManualClock;
use cloakroom_core::{Fingerprint, Method, SessionManager, Timestamp, UserId};
use cloakroom_tower::auth::{AuthLayer, SignedOut, require, require_recent, require_user};
use cloakroom_tower::axum::{Auth, AuthError, CurrentUser, Require, RequireRecent, RequireUser};
use http::header::{ACCEPT, COOKIE, LOCATION, SET_COOKIE, USER_AGENT};
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

use crate::support::Probe;

/// How long a proof is recent.
pub(crate) const RECENT: u64 = 300;

#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) name: String,
    pub(crate) is_editor: bool,
}

impl User for Account {
    fn id(&self) -> UserId {
        UserId::new(self.name.clone()).unwrap()
    }

    fn fingerprint(&self) -> Fingerprint {
        Fingerprint::new(&self.id(), b"hash")
    }
}

pub(crate) enum Edit {}

impl Permission<Account> for Edit {
    fn allows(user: &Account) -> bool {
        user.is_editor
    }
}

/// The application's table of users, and how often it was asked.
#[derive(Clone, Default)]
pub(crate) struct Accounts(Arc<Mutex<Table>>);

#[derive(Default)]
struct Table {
    rows: HashMap<String, Account>,
    lookups: usize,
    is_down: bool,
}

/// A word that only the database's own error says.
pub(crate) const DETAIL: &str = "duplicate key (email)=(ann@example.com)";

impl Accounts {
    pub(crate) fn set(&self, name: &str, is_editor: bool) {
        let account = Account { name: name.to_owned(), is_editor };
        self.0.lock().unwrap().rows.insert(name.to_owned(), account);
    }

    pub(crate) fn remove(&self, name: &str) {
        self.0.lock().unwrap().rows.remove(name);
    }

    pub(crate) fn break_down(&self, is_down: bool) {
        self.0.lock().unwrap().is_down = is_down;
    }

    pub(crate) fn take_lookups(&self) -> usize {
        std::mem::take(&mut self.0.lock().unwrap().lookups)
    }

    fn find(&self, name: &str) -> Result<Option<Account>, BoxError> {
        let mut table = self.0.lock().unwrap();
        table.lookups += 1;
        if table.is_down { Err(DETAIL.into()) } else { Ok(table.rows.get(name).cloned()) }
    }
}

/// What was told, in words; it may panic after that.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ear {
    pub(crate) heard: Arc<Mutex<Vec<String>>>,
    pub(crate) panics: bool,
}

impl Ear {
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.heard.lock().unwrap())
    }
}

impl AuthObserver for Ear {
    fn observe(&self, event: &AuthEvent<'_>) {
        let words = match event {
            AuthEvent::SignedIn { user, presence, .. } => {
                format!("{} signed in, {presence:?}", user.as_str())
            }
            AuthEvent::Ended { by, sessions, .. } => format!("{sessions} ended by {}", by.as_str()),
            AuthEvent::RecentRequired { user } => format!("recent required of {}", user.as_str()),
            other => format!("{other:?}"),
        };
        self.heard.lock().unwrap().push(words);
        assert!(!self.panics, "an observer's own fault");
    }
}

pub(crate) struct Site {
    routes: Router,
    layer: AuthLayer<Account>,
    pub(crate) accounts: Accounts,
    pub(crate) store: Probe,
    pub(crate) clock: ManualClock,
    pub(crate) ear: Ear,
}

type Judged = Result<Verdict<Account>, BoxError>;

/// The password of everybody is `right`.
async fn judge((accounts, name, password): (Accounts, String, String)) -> Judged {
    Ok(match accounts.find(&name)? {
        Some(account) if password == "right" => {
            Verdict::Verified(Verified::vouched(account, Method::password()))
        }
        _ => Verdict::Refused(Refusal::Credentials),
    })
}

async fn sign_in(
    auth: Auth<Account>,
    State(accounts): State<Accounts>,
    Path((name, remember)): Path<(String, String)>,
    password: String,
) -> Result<(), AuthError> {
    let verdict = auth.verify(&judge, (accounts, name.clone(), password), Some(&name)).await?;
    let sign_in = auth.sign_in(verdict.verified()?);
    let sign_in = if remember == "remembered" { sign_in.remember() } else { sign_in };
    Ok(sign_in.await?)
}

async fn confirm(
    auth: Auth<Account>,
    State(accounts): State<Accounts>,
    Path(name): Path<String>,
    password: String,
) -> Result<(), AuthError> {
    let verdict = auth.verify(&judge, (accounts, name.clone(), password), Some(&name)).await?;
    Ok(auth.reauthenticate(verdict.verified()?).await?)
}

async fn sign_out(auth: Auth<Account>) -> Result<impl IntoResponse, AuthError> {
    auth.sign_out().await?;
    Ok(SignedOut::default())
}

async fn devices(auth: Auth<Account>) -> Result<String, AuthError> {
    let sessions = auth.sessions().await?.list().await?;
    let devices = sessions.into_iter().filter_map(|it| it.device);
    let lines: Vec<_> = devices.map(|it| format!("{:?} from {:?}", it.user_agent(), it.address())).collect();
    Ok(lines.concat())
}

/// Everything there is to ask, in one handler.
async fn everything(
    auth: Auth<Account>,
    current: CurrentUser<Account>,
    optional: Option<CurrentUser<Account>>,
    RequireUser(_): RequireUser<Account>,
    RequireRecent(_): RequireRecent<Account, RECENT>,
    editor: Require<Account, Edit>,
) -> Result<String, AuthError> {
    let again = optional.unwrap().load().await?.unwrap().name;
    assert_eq!(current.load().await?.unwrap().name, again);
    assert_eq!(auth.user().await?.unwrap().name, again);
    Ok(editor.into_inner().name)
}

/// Every way to guard something, by the path that it is guarded under.
pub(crate) const GUARDED: [&str; 9] = [
    "/user",
    "/recent",
    "/edit",
    "/layer/user",
    "/layer/recent",
    "/layer/edit",
    "/handler",
    "/everything",
    "/nested/user",
];

fn routes(accounts: Accounts) -> Router {
    let name = async |RequireUser(account): RequireUser<Account>| account.name;
    Router::new()
        .route("/", get(async || "anybody"))
        .route("/lazy", get(async |_: CurrentUser<Account>, _: Auth<Account>| "not asked"))
        .route(
            "/optional",
            get(async |current: Option<CurrentUser<Account>>| format!("{}", current.is_some())),
        )
        .route(
            "/hello",
            get(async |current: CurrentUser<Account>| {
                Ok::<_, AuthError>(
                    current.load().await?.map_or_else(|| "stranger".to_owned(), |account| account.name),
                )
            }),
        )
        .route("/user", any(name))
        .route("/own-cache", get(async |_: RequireUser<Account>| [("cache-control", "private, max-age=60")]))
        .route("/recent", any(async |RequireRecent(account): RequireRecent<Account, RECENT>| account.name))
        .route("/edit", any(async |account: Require<Account, Edit>| account.name.clone()))
        .route("/layer/user", any("user").layer(require_user::<Account>()))
        .route("/layer/recent", any("recent").layer(require_recent::<Account>(Duration::from_secs(RECENT))))
        .route("/layer/edit", any("edit").layer(require(|account: &Account| account.is_editor)))
        .route("/handler", any(devices))
        .route("/everything", any(everything))
        .nest("/nested", Router::new().route("/user", any(name)))
        .route("/sign-in/{name}/{remember}", post(sign_in))
        .route("/confirm/{name}", post(confirm))
        .route("/sign-out", post(sign_out))
        .fallback(any(name))
        .with_state(accounts)
}

impl Site {
    pub(crate) fn new() -> Self {
        Self::with(Ear::default(), |auth| auth)
    }

    pub(crate) fn with(
        ear: Ear,
        configure: impl FnOnce(AuthBuilder<Account>) -> AuthBuilder<Account>,
    ) -> Self {
        let (store, accounts) = (Probe::default(), Accounts::default());
        accounts.set("ann", true);
        accounts.set("ben", false);
        let clock = ManualClock::at(Timestamp::from_millis(1_800_000_000_000));
        let manager = SessionManager::builder(store.clone()).clock(clock.clone()).build().unwrap();
        let table = accounts.clone();
        let find = move |id: UserId| {
            let found = table.find(id.as_str());
            async move { found }
        };
        let auth = configure(SignInSettings::builder(manager, find).observer(ear.clone())).build();
        let layer = AuthLayer::new(auth).client_address(client);
        Self { routes: routes(accounts.clone()), layer, accounts, store, clock, ear }
    }

    pub(crate) fn add(&mut self, path: &str, route: MethodRouter) {
        self.routes = std::mem::take(&mut self.routes).route(path, route);
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Response {
        self.routes.clone().layer(self.layer.clone()).oneshot(request).await.unwrap()
    }
}

fn client(headers: &http::HeaderMap, _: &http::Extensions) -> Option<IpAddr> {
    headers.get("x-real-ip")?.to_str().ok()?.parse().ok()
}

/// Keeps one cookie.
#[derive(Clone, Debug, Default)]
pub(crate) struct Browser {
    pub(crate) cookie: Option<String>,
}

impl Browser {
    pub(crate) async fn signed_in(site: &Site, name: &str) -> Self {
        let mut browser = Self::default();
        let response = browser.post(site, &format!("/sign-in/{name}/not"), "right").await;
        assert_eq!(response.status(), StatusCode::OK);
        browser
    }

    /// Sends what a browser sends for a page.
    pub(crate) async fn get(&mut self, site: &Site, path: &str) -> Response {
        self.send(site, self.request("GET", path).header(ACCEPT, "text/html").body(Body::empty()).unwrap())
            .await
    }

    /// Sends what a program sends.
    pub(crate) async fn fetch(&mut self, site: &Site, path: &str) -> Response {
        self.send(site, self.request("GET", path).body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn post(&mut self, site: &Site, path: &str, body: &'static str) -> Response {
        self.send(
            site,
            self.request("POST", path).header(ACCEPT, "text/html").body(Body::from(body)).unwrap(),
        )
        .await
    }

    pub(crate) fn request(&self, method: &str, path: &str) -> http::request::Builder {
        let request = Request::builder().method(method).uri(path);
        let request = request.header(USER_AGENT, "Browser/1").header("x-real-ip", "203.0.113.77");
        self.cookie.iter().fold(request, |request, cookie| request.header(COOKIE, cookie))
    }

    pub(crate) async fn send(&mut self, site: &Site, request: Request<Body>) -> Response {
        let response = site.send(request).await;
        for line in response.headers().get_all(SET_COOKIE) {
            let line = line.to_str().unwrap();
            let pair = line.split(';').next().unwrap().to_owned();
            self.cookie = (!line.contains("Max-Age=0")).then_some(pair);
        }
        response
    }

    /// The text of a page.
    pub(crate) async fn read(&mut self, site: &Site, path: &str) -> String {
        text(self.get(site, path).await).await
    }
}

pub(crate) async fn text(response: Response) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

/// Where a response leads.
pub(crate) fn location(response: &Response) -> Option<&str> {
    response.headers().get(LOCATION).map(|location| location.to_str().unwrap())
}
