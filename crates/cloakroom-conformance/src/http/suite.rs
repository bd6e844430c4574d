//! What a binding's author gives to the scenarios and gets from them.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use cloakroom_core::{MemoryStore, SessionManager};
use futures_util::future::BoxFuture;
use http::{Request, Response};

use super::CASES;
use super::site::Driver;
use crate::outcome::{Checked, Failure, Report};
use crate::run::guarded;
use crate::store::Nodes;

/// An application that a binding serves: a request in, a response out, as a server would do it.
pub type App = Arc<dyn Fn(Request<Vec<u8>>) -> BoxFuture<'static, Response<Vec<u8>>> + Send + Sync>;

/// Runs every scenario against one framework's binding.
///
/// The binding serves [`respond`](crate::respond) with the manager that it is given. Clocks and random sources are the
/// suite's own, and between the manager and the store stands what writes down, parks and fails, so that every scenario
/// can say which round trips were made, and who came first. Sessions are kept in memory, unless [`HttpSuite::stores`]
/// says otherwise.
///
/// ```
/// use std::sync::Arc;
/// use cloakroom_conformance::{App, HttpSuite, block_on, respond};
/// use cloakroom_core::SessionManager;
/// use http::{Request, Response, StatusCode};
///
/// /// What every binding comes to: the three hooks, and honest errors.
/// fn bind(manager: SessionManager) -> App {
///     Arc::new(move |request: Request<Vec<u8>>| {
///         let session = manager.begin(request.headers());
///         Box::pin(async move {
///             let target = request.uri().to_string();
///             let refused = |status: StatusCode, retry_after: Option<std::time::Duration>| {
///                 let mut response = Response::builder().status(status);
///                 if let Some(after) = retry_after {
///                     response = response.header("retry-after", after.as_secs());
///                 }
///                 response.body(Vec::new()).unwrap()
///             };
///             let mut response = match respond(Some(&session), &target).await {
///                 Ok(response) => response,
///                 Err(error) => refused(error.status(), error.retry_after()),
///             };
///             match session.finish(response.status()).await {
///                 Ok(finished) => finished.apply(response.headers_mut()),
///                 Err(error) => response = refused(error.status(), error.retry_after()),
///             }
///             response
///         })
///     })
/// }
///
/// block_on(HttpSuite::new(bind).run()).assert_passed();
/// ```
#[derive(Clone)]
pub struct HttpSuite {
    driver: Driver,
}

/// One scenario: its name (`theme::sentence`) and its story.
pub struct HttpCase {
    name: &'static str,
    run: fn(Driver) -> BoxFuture<'static, Checked>,
}

impl HttpSuite {
    /// The scenarios for the binding that `bind` makes: an application around a manager.
    pub fn new(bind: impl Fn(SessionManager) -> App + Send + Sync + 'static) -> Self {
        let memory = || -> BoxFuture<'static, Nodes> { Box::pin(async { Nodes::new(MemoryStore::new()) }) };
        Self { driver: Driver::new(bind, Arc::new(memory)) }
    }

    /// Keeps sessions in the stores that `factory` makes: a fresh, empty one each time, as `Arc<dyn Store>` or
    /// [`Nodes`]. They must not sweep by themselves, because some scenarios ask what has become of expired sessions.
    ///
    /// A scenario has a store for every site in it, so there are several times as many as there are scenarios.
    #[must_use]
    pub fn stores<N, F>(self, factory: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        N: Into<Nodes>,
        F: Future<Output = N> + Send + 'static,
    {
        let factory = move || -> BoxFuture<'static, Nodes> {
            let nodes = factory();
            Box::pin(async move { nodes.await.into() })
        };
        Self { driver: self.driver.on(Arc::new(factory)) }
    }

    /// Runs every scenario, one after another.
    pub async fn run(&self) -> Report {
        let mut report = Report::default();
        for case in CASES {
            report.add(case.name, self.run_case(case).await);
        }
        report
    }

    /// Runs one scenario.
    ///
    /// # Errors
    /// When the binding fails it.
    pub async fn run_case(&self, case: &HttpCase) -> Checked {
        guarded((case.run)(self.driver.clone())).await
    }

    /// The body of one stamped test: see [`http_tests!`](crate::http_tests).
    ///
    /// # Panics
    /// When the binding fails the scenario.
    #[doc(hidden)]
    #[track_caller]
    #[allow(clippy::panic, reason = "this is how a Rust test fails")]
    pub fn assert_case(
        self,
        name: &'static str,
        block_on: impl FnOnce(BoxFuture<'static, Checked>) -> Checked,
    ) {
        let outcome = block_on(Box::pin(async move {
            let case = CASES.iter().find(|case| case.name == name);
            self.run_case(case.ok_or_else(|| Failure::new("no such scenario"))?).await
        }));
        if let Err(failure) = outcome {
            panic!("{name}: {failure}");
        }
    }
}

impl fmt::Debug for HttpSuite {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("HttpSuite").finish_non_exhaustive()
    }
}

impl HttpCase {
    pub(super) const fn new(name: &'static str, run: fn(Driver) -> BoxFuture<'static, Checked>) -> Self {
        Self { name, run }
    }

    /// Its name: the theme, `::`, and the sentence that it holds the binding to.
    pub const fn name(&self) -> &'static str {
        self.name
    }
}

impl fmt::Debug for HttpCase {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("HttpCase").field(&self.name).finish()
    }
}
