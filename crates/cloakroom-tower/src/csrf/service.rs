//! The service that carries out what the guard says.

use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, poll_fn};
use std::mem;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use cloakroom_auth::csrf::{CsrfRefusal, CsrfStep};
use cloakroom_core::LazySession;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Request, Response};
use http_body::Body;
use pin_project_lite::pin_project;
use tower_service::Service;

use super::body::CsrfBody;
use super::layer::Settings;
use crate::error::SessionError;

/// A service that refuses forged requests; made by [`CsrfLayer`](super::CsrfLayer).
///
/// What needs no token is handed on at once. While a token is looked for, the very service that was polled ready waits
/// with the request, and a clone takes its place.
#[derive(Clone, Debug)]
pub struct CsrfService<S> {
    inner: S,
    settings: Arc<Settings>,
}

impl<S> CsrfService<S> {
    pub(super) const fn new(inner: S, settings: Arc<Settings>) -> Self {
        Self { inner, settings }
    }
}

impl<S, RequestBody, ResponseBody> Service<Request<RequestBody>> for CsrfService<S>
where
    S: Service<Request<CsrfBody<RequestBody>>, Response = Response<ResponseBody>> + Clone,
    RequestBody: Body<Data = Bytes> + Send + 'static,
    ResponseBody: From<&'static str>,
{
    type Response = Response<ResponseBody>;
    type Error = S::Error;
    type Future = CsrfFuture<S, RequestBody>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<RequestBody>) -> Self::Future {
        let step = self.settings.guard.step(request.method(), request.uri(), request.headers());
        let progress = match step {
            CsrfStep::Pass => Progress::Handling { handler: self.inner.call(request.map(CsrfBody::unread)) },
            CsrfStep::Refuse(refusal) => {
                self.settings.report(refusal, &request.into_parts().0);
                Progress::Refused { refused: Some(Refused::Forged(refusal)) }
            }
            CsrfStep::Token(_) | CsrfStep::Form => {
                let next = self.inner.clone();
                let inner = mem::replace(&mut self.inner, next);
                Progress::Asking {
                    admission: Box::pin(admit(Arc::clone(&self.settings), step, request)),
                    inner,
                }
            }
        };
        CsrfFuture { progress }
    }
}

pin_project! {
    /// The response of a [`CsrfService`].
    ///
    /// # Cancel safety
    /// As that of the inner service. Dropped while a token is looked for, the handler was not called.
    #[must_use = "futures do nothing unless polled"]
    pub struct CsrfFuture<S, B>
    where
        S: Service<Request<CsrfBody<B>>>,
    {
        #[pin]
        progress: Progress<S, S::Future, B>,
    }
}

pin_project! {
    #[project = ProgressProjection]
    enum Progress<S, F, B> {
        Handling { #[pin] handler: F },
        Refused { refused: Option<Refused> },
        Asking { admission: Admission<B>, inner: S },
    }
}

/// Boxed because an async function's future has no name; only requests that need a token have one.
type Admission<B> = Pin<Box<dyn Future<Output = Result<Request<CsrfBody<B>>, Refused>> + Send>>;

impl<S, B, ResponseBody> Future for CsrfFuture<S, B>
where
    S: Service<Request<CsrfBody<B>>, Response = Response<ResponseBody>>,
    ResponseBody: From<&'static str>,
{
    type Output = Result<Response<ResponseBody>, S::Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut progress = self.project().progress;
        loop {
            let next = match progress.as_mut().project() {
                ProgressProjection::Handling { handler } => return handler.poll(context),
                ProgressProjection::Refused { refused } => {
                    // Polled again after it was ready, as no caller may, it is pending for ever.
                    return refused
                        .take()
                        .map_or(Poll::Pending, |refused| Poll::Ready(Ok(refused.response())));
                }
                ProgressProjection::Asking { admission, inner } => {
                    match ready!(admission.as_mut().poll(context)) {
                        Ok(request) => Progress::Handling { handler: inner.call(request) },
                        Err(refused) => Progress::Refused { refused: Some(refused) },
                    }
                }
            };
            progress.set(next);
        }
    }
}

impl<S: Service<Request<CsrfBody<B>>>, B> fmt::Debug for CsrfFuture<S, B> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("CsrfFuture").finish_non_exhaustive()
    }
}

/// Looks for the token. The session comes first: a form is kept in memory only for somebody who has one.
async fn admit<B>(
    settings: Arc<Settings>,
    step: CsrfStep,
    request: Request<B>,
) -> Result<Request<CsrfBody<B>>, Refused>
where
    B: Body<Data = Bytes> + Send + 'static,
{
    let guard = &settings.guard;
    let (head, body) = request.into_parts();
    let refuse = |refusal, head| {
        settings.report(refusal, head);
        Refused::Forged(refusal)
    };
    let session = head.extensions.get::<LazySession>().ok_or(SessionError::MissingLayer);
    let session = match session {
        Ok(session) => session.load().await.map_err(SessionError::from)?,
        Err(missing) => return Err(missing.into()),
    };
    if session.id().is_none() {
        return Err(refuse(CsrfRefusal::WrongToken, &head));
    }
    let (token, body) = if let CsrfStep::Token(token) = step {
        (Some(token), CsrfBody::unread(body))
    } else {
        let (form, body) = read(body, guard.form_limit()).await.map_err(|refusal| refuse(refusal, &head))?;
        (guard.token_in(&form), body)
    };
    let checked = token.ok_or(CsrfRefusal::NoToken).and_then(|token| guard.check(&session, &token));
    checked.map_err(|refusal| refuse(refusal, &head))?;
    Ok(Request::from_parts(head, body))
}

/// Reads a form, and gives it back as it came.
async fn read<B>(body: B, limit: usize) -> Result<(Vec<u8>, CsrfBody<B>), CsrfRefusal>
where
    B: Body<Data = Bytes>,
{
    // Before anything is read, where the client says how long it is.
    if body.size_hint().lower() > limit as u64 {
        return Err(CsrfRefusal::FormTooLarge);
    }
    let mut body = pin!(body);
    let (mut form, mut frames) = (Vec::new(), VecDeque::new());
    while let Some(frame) = poll_fn(|context| body.as_mut().poll_frame(context)).await {
        let frame = frame.map_err(|_| CsrfRefusal::FormUnreadable)?;
        if let Some(data) = frame.data_ref() {
            if data.len() > limit.saturating_sub(form.len()) {
                return Err(CsrfRefusal::FormTooLarge);
            }
            form.extend_from_slice(data);
        }
        frames.push_back(frame);
    }
    Ok((form, CsrfBody::read(frames)))
}

/// What is answered instead of by the handler.
enum Refused {
    Forged(CsrfRefusal),
    Session(SessionError),
}

impl From<SessionError> for Refused {
    fn from(error: SessionError) -> Self {
        Self::Session(error)
    }
}

impl Refused {
    fn response<B: From<&'static str>>(self) -> Response<B> {
        let text = HeaderValue::from_static("text/plain; charset=utf-8");
        let mut response = match self {
            Self::Session(error) => {
                let advice = error.advice();
                error.into_http(B::from(advice))
            }
            Self::Forged(refusal) => {
                let mut response = Response::new(B::from(refusal.advice()));
                *response.status_mut() = refusal.status();
                response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
                response.extensions_mut().insert(refusal);
                response
            }
        };
        response.headers_mut().insert(CONTENT_TYPE, text);
        response
    }
}
