//! Guards around whole services.

use std::fmt;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use cloakroom_auth::{Guard, User};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, Response};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use super::error::AuthError;

/// Lets through whoever is signed in.
///
/// ```
/// use axum::{Router, routing::get};
/// use cloakroom_tower::auth::require_user;
/// # use cloakroom_core::{Fingerprint, UserId};
/// # #[derive(Clone)] struct Account { id: UserId }
/// # impl cloakroom_auth::User for Account {
/// #     fn id(&self) -> UserId { self.id.clone() }
/// #     fn fingerprint(&self) -> Fingerprint { Fingerprint::new(&self.id, b"") }
/// # }
///
/// let members: Router = Router::new()
///     .route("/members", get(async || "only for members"))
///     .route_layer(require_user::<Account>());
/// # let _ = members;
/// ```
pub const fn require_user<U: User>() -> GuardLayer<U> {
    GuardLayer { guard: Guard::user() }
}

/// Lets through whoever has proved within `max_age` who they are; see [`Guard::recent`].
pub const fn require_recent<U: User>(max_age: Duration) -> GuardLayer<U> {
    GuardLayer { guard: Guard::recent(max_age) }
}

/// Lets through whoever is signed in, if `predicate` says that they may.
///
/// ```
/// # use cloakroom_core::{Fingerprint, UserId};
/// # #[derive(Clone)] struct Account { id: UserId, is_editor: bool }
/// # impl cloakroom_auth::User for Account {
/// #     fn id(&self) -> UserId { self.id.clone() }
/// #     fn fingerprint(&self) -> Fingerprint { Fingerprint::new(&self.id, b"") }
/// # }
/// use cloakroom_tower::auth::require;
///
/// let editors = require(|account: &Account| account.is_editor);
/// # let _ = editors;
/// ```
pub fn require<U: User>(predicate: impl Fn(&U) -> bool + Send + Sync + 'static) -> GuardLayer<U> {
    GuardLayer { guard: Guard::allowed(predicate) }
}

/// Lets only those through who pass a [`Guard`]; made by [`require_user`], [`require_recent`] and [`require`].
///
/// Put it inside of the [`AuthLayer`](super::AuthLayer), and inside of whatever answers a browser's question before a
/// request from another site (CORS): that question carries no cookie.
pub struct GuardLayer<U> {
    guard: Guard<U>,
}

impl<U> From<Guard<U>> for GuardLayer<U> {
    fn from(guard: Guard<U>) -> Self {
        Self { guard }
    }
}

impl<U: User> Clone for GuardLayer<U> {
    fn clone(&self) -> Self {
        Self { guard: self.guard.clone() }
    }
}

impl<U> fmt::Debug for GuardLayer<U> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("GuardLayer").field(&self.guard).finish()
    }
}

impl<S, U: User> Layer<S> for GuardLayer<U> {
    type Service = GuardService<S, U>;

    fn layer(&self, inner: S) -> Self::Service {
        GuardService { inner, guard: self.guard.clone() }
    }
}

/// A service that lets only some through; made by [`GuardLayer`].
///
/// While the guard asks, the very service that was polled ready waits with the request, and a clone takes its place.
pub struct GuardService<S, U> {
    inner: S,
    guard: Guard<U>,
}

impl<S, U, RequestBody, ResponseBody> Service<Request<RequestBody>> for GuardService<S, U>
where
    S: Service<Request<RequestBody>, Response = Response<ResponseBody>> + Clone,
    U: User,
    RequestBody: Send + 'static,
    ResponseBody: From<&'static str>,
{
    type Response = Response<ResponseBody>;
    type Error = S::Error;
    type Future = GuardFuture<S, RequestBody>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<RequestBody>) -> Self::Future {
        let next = self.inner.clone();
        let inner = mem::replace(&mut self.inner, next);
        let guard = self.guard.clone();
        let admission = Box::pin(async move {
            let visit = super::visit::<U>(request.extensions())?;
            guard.check(visit).await?;
            Ok(request)
        });
        GuardFuture { progress: Progress::Asking { admission, inner } }
    }
}

impl<S: Clone, U: User> Clone for GuardService<S, U> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), guard: self.guard.clone() }
    }
}

impl<S: fmt::Debug, U> fmt::Debug for GuardService<S, U> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("GuardService")
            .field("inner", &self.inner)
            .field("guard", &self.guard)
            .finish()
    }
}

pin_project! {
    /// The response of a [`GuardService`].
    ///
    /// # Cancel safety
    /// As that of the inner service. Dropped while the guard asks, the handler was not called.
    #[must_use = "futures do nothing unless polled"]
    pub struct GuardFuture<S, B>
    where
        S: Service<Request<B>>,
    {
        #[pin]
        progress: Progress<S, S::Future, B>,
    }
}

pin_project! {
    #[project = ProgressProjection]
    enum Progress<S, F, B> {
        Asking { admission: Admission<B>, inner: S },
        Handling { #[pin] handler: F },
    }
}

/// Boxed because an async function's future has no name.
type Admission<B> = Pin<Box<dyn Future<Output = Result<Request<B>, AuthError>> + Send>>;

impl<S, B, ResponseBody> Future for GuardFuture<S, B>
where
    S: Service<Request<B>, Response = Response<ResponseBody>>,
    ResponseBody: From<&'static str>,
{
    type Output = Result<Response<ResponseBody>, S::Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut progress = self.project().progress;
        loop {
            let handler = match progress.as_mut().project() {
                ProgressProjection::Handling { handler } => return handler.poll(context),
                ProgressProjection::Asking { admission, inner } => {
                    match ready!(admission.as_mut().poll(context)) {
                        Ok(request) => inner.call(request),
                        Err(error) => return Poll::Ready(Ok(refuse(error))),
                    }
                }
            };
            progress.set(Progress::Handling { handler });
        }
    }
}

impl<S: Service<Request<B>>, B> fmt::Debug for GuardFuture<S, B> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("GuardFuture").finish_non_exhaustive()
    }
}

fn refuse<B: From<&'static str>>(error: AuthError) -> Response<B> {
    let advice = error.advice();
    let mut response = error.into_http(B::from(advice));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
