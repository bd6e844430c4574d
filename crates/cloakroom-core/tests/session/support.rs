//! A site with visitors, a store that can be told to misbehave, and a clock that is set by hand.

use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, poll_fn};
use std::num::NonZeroU32;
use std::pin::pin;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use cloakroom_core::*;
use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderValue, StatusCode};

pub(crate) const START: Timestamp = Timestamp::from_millis(1_700_000_000_000);
pub(crate) const MINUTE: Duration = Duration::from_secs(60);
pub(crate) const HOUR: Duration = Duration::from_secs(3_600);
pub(crate) const OK: StatusCode = StatusCode::OK;

/// Polls until the future is done. Nothing here waits for another thread, so being stuck is a fault.
pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    poll_times(1_000, future).expect("the future is stuck")
}

/// Polls at most so many times and then drops the future.
pub(crate) fn poll_times<T>(times: usize, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    (0..times).find_map(|_| match future.as_mut().poll(&mut context) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    })
}

#[derive(Clone, Debug)]
pub(crate) struct ManualClock(Arc<AtomicI64>);

impl ManualClock {
    pub(crate) fn set(&self, now: Timestamp) {
        self.0.store(now.as_millis(), Ordering::SeqCst);
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.set(self.now().plus(by));
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

/// What happens at a verb.
pub(crate) enum Fault {
    /// It fails and is not applied.
    Before(ErrorKind),
    /// It is applied and fails all the same.
    After(ErrorKind),
    /// It waits for another poll, and is applied then.
    WaitBefore,
    /// It is applied, and answers at another poll.
    WaitAfter,
    /// Somebody else does something first.
    First(Box<dyn FnOnce() + Send>),
    /// Nobody waits for it any more, and it is applied right before the next verb.
    Late,
}

/// A memory store that logs every verb and misbehaves as told.
#[derive(Clone)]
pub(crate) struct Desk {
    pub(crate) memory: Arc<MemoryStore>,
    log: Arc<Mutex<Vec<&'static str>>>,
    faults: Arc<Mutex<VecDeque<(&'static str, Fault)>>>,
    late: Arc<Mutex<Vec<Box<dyn FnOnce() + Send>>>>,
}

impl Desk {
    fn new() -> Self {
        Self {
            memory: Arc::new(MemoryStore::new()),
            log: Arc::default(),
            faults: Arc::default(),
            late: Arc::default(),
        }
    }

    /// The next time that `verb` is asked for, this happens.
    pub(crate) fn next(&self, verb: &'static str, fault: Fault) {
        self.faults.lock().unwrap().push_back((verb, fault));
    }

    pub(crate) fn before(&self, verb: &'static str, first: impl FnOnce() + Send + 'static) {
        self.next(verb, Fault::First(Box::new(first)));
    }

    /// Everything that was asked since the last call.
    pub(crate) fn log(&self) -> Vec<&'static str> {
        std::mem::take(&mut *self.log.lock().unwrap())
    }

    pub(crate) fn rows(&self) -> u64 {
        run(self.memory.count(&Scope::All, Timestamp::from_millis(0))).unwrap()
    }

    /// What lies under an id, whoever asks and whenever.
    pub(crate) fn row(&self, site: &Site, id: &SessionId) -> Option<Record> {
        match run(self.memory.load(&site.manager.key(id), site.clock.now())).unwrap() {
            Loaded::Live(stored) => Some(stored.record),
            Loaded::Expired | Loaded::Absent => None,
        }
    }

    async fn perform<'a, T: 'static>(
        &'a self,
        verb: &'static str,
        operation: Operation,
        apply: impl Fn(Arc<MemoryStore>) -> StoreFuture<'static, T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.log.lock().unwrap().push(verb);
        let late = std::mem::take(&mut *self.late.lock().unwrap());
        late.into_iter().for_each(|apply| apply());
        let fault = {
            let mut faults = self.faults.lock().unwrap();
            let place = faults.iter().position(|(at, _)| *at == verb);
            place.and_then(|place| faults.remove(place)).map(|(_, fault)| fault)
        };
        let error = |kind| StoreError::new(kind, operation, "desk");
        let memory = Arc::clone(&self.memory);
        match fault {
            Some(Fault::Before(kind)) => Err(error(kind)),
            Some(Fault::After(kind)) => {
                apply(memory).await?;
                Err(error(kind))
            }
            Some(Fault::WaitBefore) => {
                wait().await;
                apply(memory).await
            }
            Some(Fault::WaitAfter) => {
                let answer = apply(memory).await;
                wait().await;
                answer
            }
            Some(Fault::First(first)) => {
                first();
                apply(memory).await
            }
            Some(Fault::Late) => {
                let apply = move || drop(run(apply(memory)));
                self.late.lock().unwrap().push(Box::new(apply));
                Err(error(ErrorKind::Unknown))
            }
            None => apply(memory).await,
        }
    }
}

async fn wait() {
    let mut waited = false;
    poll_fn(|_| if std::mem::replace(&mut waited, true) { Poll::Ready(()) } else { Poll::Pending }).await;
}

impl fmt::Debug for Desk {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Desk")
    }
}

impl Store for Desk {
    fn backend(&self) -> &'static str {
        "desk"
    }

    fn load<'a>(&'a self, key: &'a StoreKey, now: Timestamp) -> StoreFuture<'a, Loaded> {
        let key = key.clone();
        Box::pin(self.perform("load", Operation::Load, move |memory| {
            let key = key.clone();
            Box::pin(async move { memory.load(&key, now).await })
        }))
    }

    fn put<'a>(
        &'a self,
        key: &'a StoreKey,
        put: Put,
        record: &'a Record,
        now: Timestamp,
    ) -> StoreFuture<'a, Version> {
        let (verb, operation) = match put {
            Put::New => ("create", Operation::Create),
            Put::At(_) => ("save", Operation::Save),
        };
        let (key, record) = (key.clone(), record.clone());
        Box::pin(self.perform(verb, operation, move |memory| {
            let (key, put, record) = (key.clone(), put.clone(), record.clone());
            Box::pin(async move { memory.put(&key, put, &record, now).await })
        }))
    }

    fn touch<'a>(&'a self, key: &'a StoreKey, touch: Touch, now: Timestamp) -> StoreFuture<'a, ()> {
        let key = key.clone();
        Box::pin(self.perform("touch", Operation::Touch, move |memory| {
            let (key, touch) = (key.clone(), touch.clone());
            Box::pin(async move { memory.touch(&key, touch, now).await })
        }))
    }

    fn rename<'a>(
        &'a self,
        from: &'a StoreKey,
        version: Version,
        to: &'a StoreKey,
        record: &'a Record,
        now: Timestamp,
    ) -> StoreFuture<'a, Version> {
        let (from, to, record) = (from.clone(), to.clone(), record.clone());
        Box::pin(self.perform("rename", Operation::Rename, move |memory| {
            let (from, version, to, record) = (from.clone(), version.clone(), to.clone(), record.clone());
            Box::pin(async move { memory.rename(&from, version, &to, &record, now).await })
        }))
    }

    fn delete<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, ()> {
        let key = key.clone();
        Box::pin(self.perform("delete", Operation::Delete, move |memory| {
            let key = key.clone();
            Box::pin(async move { memory.delete(&key).await })
        }))
    }

    fn sweep(&self, limit: NonZeroU32, now: Timestamp) -> StoreFuture<'_, Swept> {
        self.memory.sweep(limit, now)
    }

    fn list<'a>(&'a self, scope: &'a Scope, page: Page, now: Timestamp) -> StoreFuture<'a, Vec<Summary>> {
        self.memory.list(scope, page, now)
    }

    fn count<'a>(&'a self, scope: &'a Scope, now: Timestamp) -> StoreFuture<'a, u64> {
        self.memory.count(scope, now)
    }

    fn end<'a>(
        &'a self,
        scope: &'a Scope,
        keep: Option<&'a StoreKey>,
        now: Timestamp,
    ) -> StoreFuture<'a, u64> {
        self.memory.end(scope, keep, now)
    }
}

/// Writes down the events, each as its `Debug`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Diary(Arc<Mutex<Vec<String>>>);

impl Observer for Diary {
    fn observe(&self, event: &Event<'_>) {
        self.0.lock().unwrap().push(format!("{event:?}"));
    }
}

#[derive(Clone)]
pub(crate) struct Site {
    pub(crate) manager: SessionManager,
    pub(crate) clock: ManualClock,
    pub(crate) desk: Desk,
    pub(crate) diary: Diary,
}

impl Site {
    pub(crate) fn new() -> Self {
        Self::with(|builder| builder)
    }

    pub(crate) fn policy(policy: Policy) -> Self {
        Self::with(|builder| builder.policy(policy))
    }

    pub(crate) fn with(configure: impl FnOnce(SessionManagerBuilder) -> SessionManagerBuilder) -> Self {
        let desk = Desk::new();
        let clock = ManualClock(Arc::new(AtomicI64::new(START.as_millis())));
        let diary = Diary::default();
        let builder = SessionManager::builder(desk.clone()).clock(clock.clone()).observer(diary.clone());
        Self { manager: configure(builder).build().unwrap(), clock, desk, diary }
    }

    /// The events since the last call.
    pub(crate) fn events(&self) -> Vec<String> {
        std::mem::take(&mut *self.diary.0.lock().unwrap())
    }

    pub(crate) fn begin(&self, browser: &Browser) -> LazySession {
        self.manager.begin(&browser.request(self.clock.now()))
    }

    pub(crate) fn open(&self, browser: &Browser) -> (LazySession, Session) {
        let lazy = self.begin(browser);
        let session = run(lazy.load()).unwrap();
        (lazy, session)
    }

    /// One whole request.
    pub(crate) fn visit(
        &self,
        browser: &mut Browser,
        handler: impl FnOnce(&Session),
    ) -> Result<Answer, SaveError> {
        let (lazy, session) = self.open(browser);
        handler(&session);
        self.close(browser, &lazy)
    }

    pub(crate) fn close(&self, browser: &mut Browser, lazy: &LazySession) -> Result<Answer, SaveError> {
        self.close_with(browser, lazy, OK)
    }

    pub(crate) fn close_with(
        &self,
        browser: &mut Browser,
        lazy: &LazySession,
        status: StatusCode,
    ) -> Result<Answer, SaveError> {
        let mut headers = HeaderMap::new();
        run(lazy.finish(status))?.apply(&mut headers);
        let lines = headers.get_all(SET_COOKIE).iter().map(|line| line.to_str().unwrap().to_owned());
        let answer = Answer { cookies: lines.collect() };
        browser.receive(&answer, self.clock.now());
        Ok(answer)
    }

    /// A browser that holds a session with `n` at 1.
    pub(crate) fn visitor(&self) -> Browser {
        let mut browser = Browser::default();
        let made = self.visit(&mut browser, |session| session.insert("n", 1).unwrap()).unwrap();
        assert!(made.sets());
        self.desk.log();
        self.events();
        browser
    }

    /// What a new request finds under a key.
    pub(crate) fn read(&self, browser: &Browser, key: &str) -> Option<i64> {
        let (_, session) = self.open(browser);
        session.get::<i64>(key).unwrap()
    }
}

/// Keeps one cookie as a browser does.
#[derive(Clone, Debug, Default)]
pub(crate) struct Browser {
    cookie: Option<(String, Option<Timestamp>)>,
}

impl Browser {
    pub(crate) fn holding(cookie: &str) -> Self {
        Self { cookie: Some((cookie.to_owned(), None)) }
    }

    pub(crate) fn cookie(&self) -> Option<&str> {
        self.cookie.as_ref().map(|(pair, _)| pair.as_str())
    }

    pub(crate) fn id(&self) -> SessionId {
        SessionId::parse(self.cookie().unwrap().split_once('=').unwrap().1).unwrap()
    }

    pub(crate) fn close_window(&mut self) {
        self.cookie = self.cookie.take().filter(|(_, until)| until.is_some());
    }

    fn request(&self, now: Timestamp) -> HeaderMap {
        let kept = self.cookie.iter().filter(|(_, until)| until.is_none_or(|until| now < until));
        kept.map(|(pair, _)| (COOKIE, HeaderValue::try_from(pair).unwrap())).collect()
    }

    fn receive(&mut self, answer: &Answer, now: Timestamp) {
        for line in &answer.cookies {
            let pair = line.split(';').next().unwrap().to_owned();
            let until = max_age(line).map(|age| now.plus(Duration::from_secs(age)));
            self.cookie = (max_age(line) != Some(0)).then_some((pair, until));
        }
    }
}

/// What the browser was told.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) cookies: Vec<String>,
}

impl Answer {
    pub(crate) fn is_silent(&self) -> bool {
        self.cookies.is_empty()
    }

    /// Whether it gives exactly one cookie.
    pub(crate) fn sets(&self) -> bool {
        matches!(&*self.cookies, [line] if max_age(line) != Some(0))
    }

    /// Whether it removes the cookie and does nothing else.
    pub(crate) fn removes(&self) -> bool {
        matches!(&*self.cookies, [line] if max_age(line) == Some(0))
    }

    pub(crate) fn max_age(&self) -> Option<u64> {
        self.cookies.first().and_then(|line| max_age(line))
    }
}

fn max_age(line: &str) -> Option<u64> {
    line.split("; ").find_map(|part| part.strip_prefix("Max-Age=")).map(|age| age.parse().unwrap())
}

pub(crate) fn increment(session: &Session) -> i64 {
    session.update("n", |n: Option<i64>| n.unwrap_or(0) + 1).unwrap()
}

pub(crate) fn user(name: &str) -> UserId {
    UserId::new(name).unwrap()
}
