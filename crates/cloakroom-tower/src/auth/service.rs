//! The service that begins visits, and answers for those who are not let through.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use cloakroom_auth::{Asked, Auth, Denied, Pages, User, Visit};
use cloakroom_core::LazySession;
use http::header::{CACHE_CONTROL, LOCATION, WWW_AUTHENTICATE};
use http::{HeaderValue, Request, Response, StatusCode};
use pin_project_lite::pin_project;
use tower_service::Service;

use crate::layer::Client;

/// A service whose requests carry a [`Visit`]; made by [`AuthLayer`](super::AuthLayer). It calls the very service that
/// was polled ready, at once: beginning a visit waits for nothing.
pub struct AuthService<S, U> {
    inner: S,
    auth: Auth<U>,
    client: Client,
    pages: Arc<Pages>,
}

impl<S, U> AuthService<S, U> {
    pub(super) const fn new(inner: S, auth: Auth<U>, client: Client, pages: Arc<Pages>) -> Self {
        Self { inner, auth, client, pages }
    }
}

impl<S, U, RequestBody, ResponseBody> Service<Request<RequestBody>> for AuthService<S, U>
where
    S: Service<Request<RequestBody>, Response = Response<ResponseBody>>,
    U: User,
{
    type Response = Response<ResponseBody>;
    type Error = S::Error;
    type Future = AuthFuture<S::Future, U>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<RequestBody>) -> Self::Future {
        let asked = Asked::new(request.method(), request.uri(), request.headers());
        // The session service is right outside, so the session in the extensions is of our manager.
        let session = request.extensions().get::<LazySession>().cloned();
        let visit = session.map(|session| {
            let client = self.client.address(&request);
            self.auth.visit(session, request.headers(), client)
        });
        if let Some(visit) = &visit {
            request.extensions_mut().insert(visit.clone());
        }
        AuthFuture { handler: self.inner.call(request), asked, visit, pages: Arc::clone(&self.pages) }
    }
}

impl<S: Clone, U> Clone for AuthService<S, U> {
    fn clone(&self) -> Self {
        let Self { inner, auth, client, pages } = self;
        Self { inner: inner.clone(), auth: auth.clone(), client: client.clone(), pages: Arc::clone(pages) }
    }
}

impl<S: fmt::Debug, U> fmt::Debug for AuthService<S, U> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("AuthService").field("inner", &self.inner).finish_non_exhaustive()
    }
}

pin_project! {
    /// The response of an [`AuthService`].
    ///
    /// # Cancel safety
    /// As that of the inner service.
    #[must_use = "futures do nothing unless polled"]
    pub struct AuthFuture<F, U> {
        #[pin]
        handler: F,
        asked: Asked,
        visit: Option<Visit<U>>,
        pages: Arc<Pages>,
    }
}

impl<F, U, B, E> Future for AuthFuture<F, U>
where
    F: Future<Output = Result<Response<B>, E>>,
    U: User,
{
    type Output = Result<Response<B>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut response = ready!(this.handler.poll(context))?;
        // Taken out, so that a layer further out, of other users, does not answer it again.
        if let Some(denied) = response.extensions_mut().remove::<Denied>() {
            // What is there already is the answer to a program.
            if let Some(location) = denied.redirect(this.asked, this.pages) {
                *response.status_mut() = StatusCode::SEE_OTHER;
                response.headers_mut().remove(WWW_AUTHENTICATE);
                response.headers_mut().insert(LOCATION, location);
            }
        } else if this.visit.as_ref().is_some_and(Visit::knows_user) {
            let cache = response.headers_mut().entry(CACHE_CONTROL);
            cache.or_insert(HeaderValue::from_static("no-store"));
        }
        Poll::Ready(Ok(response))
    }
}

impl<F, U> fmt::Debug for AuthFuture<F, U> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("AuthFuture").finish_non_exhaustive()
    }
}
