//! The service that begins sessions and finishes them.

use std::fmt;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use cloakroom_core::{Finished, SaveError, SessionManager};
use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_service::Service;

use crate::error::SessionError;
use crate::layer::Client;
use crate::sessions::{Admission, Sessions};

/// A service whose requests carry a session; made by [`SessionLayer`](crate::SessionLayer).
///
/// * It calls the very service that was polled ready, at once and without a clone, as [`tower_service::Service`] asks:
///   beginning a session waits for nothing.
/// * When the inner service has answered, the session is stored, and only then does the response leave.
/// * When storing fails, the handler's response is dropped and the client gets [`SaveError::status`], `Retry-After`
///   where it makes sense, `Cache-Control: no-store` and an empty body (`Default`, the one body that every body type
///   can be). The response's extensions then hold an `Arc<SessionError>`, from which an outer layer can make a page.
/// * When the inner service fails with an error of its own, or its future panics or is dropped, there is no response
///   and nothing is stored.
#[derive(Clone, Debug)]
pub struct SessionService<S> {
    inner: S,
    manager: SessionManager,
    client: Client,
}

impl<S> SessionService<S> {
    pub(crate) const fn new(inner: S, manager: SessionManager, client: Client) -> Self {
        Self { inner, manager, client }
    }
}

impl<S, RequestBody, ResponseBody> Service<Request<RequestBody>> for SessionService<S>
where
    S: Service<Request<RequestBody>, Response = Response<ResponseBody>>,
    ResponseBody: Default,
{
    type Response = Response<ResponseBody>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, ResponseBody>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<RequestBody>) -> Self::Future {
        let admission = Sessions::admit(&self.manager, &self.client, &mut request);
        ResponseFuture { progress: Progress::Handling { handler: self.inner.call(request), admission } }
    }
}

pin_project! {
    /// The response of a [`SessionService`].
    ///
    /// # Cancel safety
    /// Dropped before the handler has answered, nothing is stored. Dropped while the session is being stored, it is
    /// stored whole or not at all, see [`LazySession::finish`](crate::LazySession::finish).
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<F, B> {
        #[pin]
        progress: Progress<F, B>,
    }
}

pin_project! {
    #[project = ProgressProjection]
    enum Progress<F, B> {
        Handling { #[pin] handler: F, admission: Admission },
        Saving { save: Save, response: Response<B> },
    }
}

/// Boxed because an async function's future has no name; it lives only between the handler and the response.
type Save = Pin<Box<dyn Future<Output = Result<Finished, (SaveError, Finished)>> + Send>>;

impl<F, B, E> Future for ResponseFuture<F, B>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Default,
{
    type Output = Result<Response<B>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut progress = self.project().progress;
        loop {
            match progress.as_mut().project() {
                ProgressProjection::Handling { handler, admission } => {
                    let response = match ready!(handler.poll(context)) {
                        Ok(response) => response,
                        Err(error) => return Poll::Ready(Err(error)),
                    };
                    let Admission::Finish(session) = mem::replace(admission, Admission::LeaveToOuter) else {
                        return Poll::Ready(Ok(response));
                    };
                    let status = response.status();
                    let save: Save = Box::pin(async move {
                        session.finish(status).await.map_err(|error| (error, session.committed()))
                    });
                    // Dropping the handler's future first gives back what it still holds while the store works.
                    progress.set(Progress::Saving { save, response });
                }
                ProgressProjection::Saving { save, response } => {
                    let saved = ready!(save.as_mut().poll(context));
                    let mut response = mem::take(response);
                    match saved {
                        Ok(finished) => finished.apply(response.headers_mut()),
                        Err((error, committed)) => {
                            response = refuse(error);
                            committed.apply(response.headers_mut());
                        }
                    }
                    return Poll::Ready(Ok(response));
                }
            }
        }
    }
}

impl<F, B> fmt::Debug for ResponseFuture<F, B> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}

/// What the client gets instead of a response that claims what was not stored.
fn refuse<B: Default>(error: SaveError) -> Response<B> {
    let is_outage = matches!(error, SaveError::Store { .. });
    let error = SessionError::from(error);
    let status = error.status().as_u16();
    if is_outage {
        // The log has heard of the outage, once; every request that met it would be a line again.
        tracing::debug!(status, "a session was not stored; its response was replaced by an error");
    } else {
        tracing::warn!(status, "a session was not stored; its response was replaced by an error");
    }
    error.into_http(B::default())
}
