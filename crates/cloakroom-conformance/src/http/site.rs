//! A site under test and the visitors that it has.

use std::sync::{Arc, Mutex, PoisonError};

use cloakroom_core::{
    CookieConfig, Loaded, Operation, Policy, Record, Scope, SessionId, SessionManager, SessionManagerBuilder,
    Store, StoreKey, Timestamp,
};
use http::header::{COOKIE, HeaderName, SET_COOKIE};
use http::{HeaderMap, HeaderValue, Request, StatusCode};
use serde_json::Value;

use super::jar::{Jar, SetCookie};
use super::storage::{Factory, Storage};
use super::suite::App;
use crate::outcome::{Checked, Failure, ensure, ensure_eq};
use crate::tools::{DelayingStore, FailingStore, Faults, Gate, Log, ManualClock, SpyStore};

/// When every scenario begins.
pub(super) const START: Timestamp = Timestamp::from_millis(1_800_000_000_000);

/// The cookie's name unless a scenario chooses another.
pub(super) const COOKIE_NAME: &str = "__Host-id";

/// Makes an application around a manager, and what the manager keeps sessions in.
#[derive(Clone)]
pub(crate) struct Driver {
    bind: Arc<dyn Fn(SessionManager) -> App + Send + Sync>,
    factory: Factory,
}

/// An application with its store, clock and chance in our hands.
#[derive(Clone)]
pub(super) struct Site {
    app: App,
    manager: SessionManager,
    pub(super) clock: ManualClock,
    /// What the store was asked since the log was last taken.
    pub(super) log: Log,
    pub(super) faults: Faults,
    pub(super) gate: Gate,
    /// The store without what stands in front of it.
    pub(super) store: Arc<dyn Store>,
}

/// A browser with a jar of its own. Clones share it, as tabs do.
#[derive(Clone)]
pub(super) struct Visitor {
    site: Site,
    jar: Arc<Mutex<Jar>>,
}

/// A response, read to its end.
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
    /// The `Set-Cookie` lines of the session's cookie.
    pub(super) cookies: Vec<SetCookie>,
}

impl Driver {
    pub(super) fn new(
        bind: impl Fn(SessionManager) -> App + Send + Sync + 'static,
        factory: Factory,
    ) -> Self {
        Self { bind: Arc::new(bind), factory }
    }

    /// The same on other stores.
    pub(super) fn on(self, factory: Factory) -> Self {
        Self { factory, ..self }
    }

    /// An empty storage, for sites that share it.
    pub(super) fn storage(&self) -> Storage {
        Storage::new(&self.factory)
    }

    /// A site with the default policy and cookie.
    pub(super) fn site(&self) -> Result<Site, Failure> {
        self.site_with(|builder| builder)
    }

    /// A site with a policy of its own.
    pub(super) fn site_of(&self, policy: Policy) -> Result<Site, Failure> {
        self.site_with(|builder| builder.policy(policy))
    }

    /// A site whose manager the scenario configures.
    pub(super) fn site_with(
        &self,
        configure: impl FnOnce(SessionManagerBuilder) -> SessionManagerBuilder,
    ) -> Result<Site, Failure> {
        self.site_on(self.storage().node(0), configure)
    }

    /// A site on a store that it may share with another.
    pub(super) fn site_on(
        &self,
        store: Arc<dyn Store>,
        configure: impl FnOnce(SessionManagerBuilder) -> SessionManagerBuilder,
    ) -> Result<Site, Failure> {
        let clock = ManualClock::at(START);
        let failing = FailingStore::new(Arc::clone(&store));
        let faults = failing.faults();
        let delaying = DelayingStore::new(failing);
        let gate = delaying.gate();
        let spy = SpyStore::new(delaying);
        let log = spy.log();
        let cookie = CookieConfig::new(COOKIE_NAME);
        let manager = configure(SessionManager::builder(spy).clock(clock.clone()).cookie(cookie)).build()?;
        Ok(Site { app: (self.bind)(manager.clone()), manager, clock, log, faults, gate, store })
    }
}

impl Site {
    /// A browser that was never here.
    pub(super) fn visitor(&self) -> Visitor {
        Visitor { site: self.clone(), jar: Arc::default() }
    }

    /// A browser that was here: its session holds `greeting` = `hello`. The log is empty afterwards.
    pub(super) async fn guest(&self) -> Result<Visitor, Failure> {
        let visitor = self.visitor();
        visitor.get("/insert?key=greeting&value=hello").await?.ok()?;
        ensure!(visitor.id().is_some(), "the first write set no cookie");
        self.log.take();
        Ok(visitor)
    }

    /// Sends a request with nothing but this `Cookie` header.
    pub(super) async fn get_with(&self, target: &str, cookie: &[u8]) -> Result<Reply, Failure> {
        self.send(target, &[(COOKIE, HeaderValue::from_bytes(cookie)?)]).await
    }

    /// Sends a request with these headers.
    pub(super) async fn send(
        &self,
        target: &str,
        headers: &[(HeaderName, HeaderValue)],
    ) -> Result<Reply, Failure> {
        let mut request = Request::get(target).body(Vec::new())?;
        request.headers_mut().extend(headers.iter().cloned());
        let (parts, body) = (self.app)(request).await.into_parts();
        let mut cookies = Vec::new();
        for line in parts.headers.get_all(SET_COOKIE) {
            let cookie = SetCookie::parse(line.to_str()?)?;
            if cookie.name == self.manager.cookie_name() {
                cookies.push(cookie);
            }
        }
        let body = String::from_utf8_lossy(&body).into_owned();
        Ok(Reply { status: parts.status, headers: parts.headers, body, cookies })
    }

    /// That the store was asked exactly this since the log was last taken.
    pub(super) fn asked(&self, expected: &[Operation]) -> Checked {
        ensure_eq!(self.log.take_operations(), expected, "round trips");
        Ok(())
    }

    /// How many records the store holds, live or not.
    pub(super) async fn rows(&self) -> Result<u64, Failure> {
        Ok(self.store.count(&Scope::All, Timestamp::from_millis(i64::MIN)).await?)
    }

    /// The live record that an id opens.
    pub(super) async fn record(&self, id: &str) -> Result<Option<Record>, Failure> {
        let id = SessionId::parse(id).ok_or_else(|| Failure::new("the cookie holds no id"))?;
        let name = self.manager.cookie_name();
        match self.store.load(&self.manager.key(&id), self.now()).await? {
            Loaded::Live(stored) => Ok(Some(stored.record).filter(|found| found.verifier.accepts(name, &id))),
            Loaded::Expired | Loaded::Absent => Ok(None),
        }
    }

    /// The key in the store of an id.
    pub(super) fn key(&self, id: &str) -> Result<StoreKey, Failure> {
        let id = SessionId::parse(id).ok_or_else(|| Failure::new("the cookie holds no id"))?;
        Ok(self.manager.key(&id))
    }

    pub(super) fn now(&self) -> Timestamp {
        use cloakroom_core::Clock as _;

        self.clock.now()
    }
}

impl Visitor {
    /// Asks for a page and keeps its cookies, as a browser does.
    pub(super) async fn get(&self, target: &str) -> Result<Reply, Failure> {
        let header = self.jar(|jar| jar.header(self.site.now()));
        let headers: Vec<_> =
            header.map(HeaderValue::try_from).transpose()?.into_iter().map(|value| (COOKIE, value)).collect();
        let reply = self.site.send(target, &headers).await?;
        for cookie in &reply.cookies {
            self.jar(|jar| jar.take(cookie.clone(), self.site.now()))?;
        }
        Ok(reply)
    }

    /// The value under `key` as this browser's next request sees it.
    pub(super) async fn value(&self, key: &str) -> Result<Value, Failure> {
        let reply = self.get(&format!("/read?key={key}")).await?;
        reply.ok()?;
        Ok(serde_json::from_str(&reply.body)?)
    }

    /// What `/info` says under `name`.
    pub(super) async fn info(&self, name: &str) -> Result<Value, Failure> {
        let reply = self.get("/info").await?;
        reply.ok()?;
        let info: Value = serde_json::from_str(&reply.body)?;
        Ok(info.get(name).cloned().unwrap_or_default())
    }

    /// The cookie's value, if the browser has it.
    pub(super) fn id(&self) -> Option<String> {
        self.jar(|jar| jar.value(self.site.manager.cookie_name(), self.site.now()).map(str::to_owned))
    }

    /// The cookie's value; a failure when the browser has none.
    pub(super) fn held_id(&self) -> Result<String, Failure> {
        self.id().ok_or_else(|| Failure::new("the browser holds no session cookie"))
    }

    /// Another browser with the same cookies: whoever copied them.
    pub(super) fn copy(&self) -> Self {
        let jar = self.jar(|jar| jar.clone());
        Self { site: self.site.clone(), jar: Arc::new(Mutex::new(jar)) }
    }

    /// The same browser at another node of the site.
    pub(super) fn at(self, site: &Site) -> Self {
        Self { site: site.clone(), jar: self.jar }
    }

    /// Closes the browser and opens it again.
    pub(super) fn restart(&self) {
        self.jar(Jar::close);
    }

    fn jar<T>(&self, action: impl FnOnce(&mut Jar) -> T) -> T {
        action(&mut self.jar.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Reply {
    /// That the handler's own answer came through.
    pub(super) fn ok(&self) -> Checked {
        self.status(StatusCode::OK)
    }

    pub(super) fn status(&self, expected: StatusCode) -> Checked {
        ensure_eq!(self.status, expected, "status");
        Ok(())
    }

    /// That the browser is told nothing about the session's cookie.
    pub(super) fn leaves_the_cookie(&self) -> Checked {
        ensure!(self.cookies.is_empty(), "a Set-Cookie where none is due");
        Ok(())
    }

    /// The one cookie that is set; a failure when there is none, several, or a removal.
    pub(super) fn new_cookie(&self) -> Result<&SetCookie, Failure> {
        match self.cookies.as_slice() {
            [cookie] if !cookie.is_removal() => Ok(cookie),
            [] => Err(Failure::new("no Set-Cookie where one is due")),
            _ => Err(Failure::new("a removal or several cookies where one is due")),
        }
    }

    /// That the cookie is taken away, and nothing else.
    pub(super) fn removes_the_cookie(&self) -> Checked {
        let removal =
            matches!(self.cookies.as_slice(), [cookie] if cookie.is_removal() && cookie.value.is_empty());
        ensure!(removal, "the cookie is not taken away by exactly one removal");
        Ok(())
    }

    /// Whether a comma-separated header names `token`.
    pub(super) fn lists(&self, name: &HeaderName, token: &str) -> bool {
        let values = self.headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        values.flat_map(|value| value.split(',')).any(|member| member.trim().eq_ignore_ascii_case(token))
    }
}
