//! A site with visitors and a clock that is set by hand.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use cloakroom_core::*;
use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderValue, StatusCode};

pub(crate) use crate::desk::{Desk, Fault};

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
