//! What goes wrong in handlers, and what clients are told.

use std::sync::Arc;
use std::time::Duration;

use cloakroom_core::{DecodeError, EncodeError, LoadError, Outcome, SaveError, ValueError};
use http::header::{CACHE_CONTROL, RETRY_AFTER, VARY};
use http::{HeaderValue, Response, StatusCode};

/// Anything that can go wrong with a session inside a handler, so that `?` works for all of it.
///
/// The extractors reject requests with it. With the feature `axum` it is a response: its status, `Retry-After` where a
/// later attempt may succeed, `Cache-Control: no-store`, and [`SessionError::advice`] as plain text, which never
/// says more than a visitor may know (ASVS 16.5.1); the whole story went to the log and the observer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// The request passed no [`SessionLayer`](crate::SessionLayer).
    #[error("no session layer: add `.layer(SessionLayer::new(store)?)` to the router, after its routes")]
    MissingLayer,
    /// The session could not be loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The session could not be stored by [`Session::save`](cloakroom_core::Session::save).
    #[error(transparent)]
    Save(#[from] SaveError),
    /// A value does not decode, or cannot be written as JSON.
    #[error(transparent)]
    Value(#[from] ValueError),
}

impl SessionError {
    /// The status that tells a client the truth.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Load(error) => error.status(),
            Self::Save(error) => error.status(),
            Self::MissingLayer | Self::Value(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// After how long the client should try again, where that makes sense.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Load(error) => error.retry_after(),
            Self::Save(error) => error.retry_after(),
            Self::MissingLayer | Self::Value(_) => None,
        }
    }

    /// What a visitor, or the developer who forgot the layer, can do about it.
    pub fn advice(&self) -> &'static str {
        match (self, self.status()) {
            (Self::MissingLayer, _) => {
                "This route uses a session, but no session layer is around it: add \
                 `.layer(SessionLayer::new(store)?)` to the router, after its routes.\n"
            }
            (Self::Save(error), StatusCode::SERVICE_UNAVAILABLE) if error.outcome() == Outcome::Unknown => {
                "It is not known whether your last change was stored. Please look before you make it again.\n"
            }
            (_, StatusCode::SERVICE_UNAVAILABLE) => {
                "Your session cannot be reached at the moment. Please try again shortly.\n"
            }
            (_, StatusCode::CONFLICT) => {
                "Your session ended while this request was under way. Please reload the page.\n"
            }
            (_, StatusCode::PAYLOAD_TOO_LARGE) => "Your session holds too much for this to be added.\n",
            _ => "Something is wrong with your session. It was left as it is.\n",
        }
    }

    /// A response with `body` that says all this in its status and headers.
    ///
    /// Its extensions hold the error as `Arc<SessionError>`, from which an outer layer can make a page.
    pub fn into_http<B>(self, body: B) -> Response<B> {
        let mut response = Response::new(body);
        self.describe(&mut response);
        response
    }

    pub(crate) fn describe<B>(self, response: &mut Response<B>) {
        if matches!(self, Self::MissingLayer) {
            tracing::error!("{self}");
        }
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        // The answer is about one visitor and one moment.
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.append(VARY, HeaderValue::from_static("Cookie"));
        if let Some(retry_after) = self.retry_after() {
            headers.insert(RETRY_AFTER, HeaderValue::from(whole_seconds(retry_after)));
        }
        response.extensions_mut().insert(Arc::new(self));
    }
}

impl From<DecodeError> for SessionError {
    fn from(error: DecodeError) -> Self {
        Self::Value(error.into())
    }
}

impl From<EncodeError> for SessionError {
    fn from(error: EncodeError) -> Self {
        Self::Value(error.into())
    }
}

#[cfg(feature = "axum")]
impl axum_core::response::IntoResponse for SessionError {
    fn into_response(self) -> axum_core::response::Response {
        let mut response = self.advice().into_response();
        self.describe(&mut response);
        response
    }
}

/// Rounded up: a client that comes back too early is refused again.
pub(crate) fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs().saturating_add(u64::from(duration.subsec_nanos() > 0))
}
