//! What goes wrong in handlers that know who is signed in, and what clients are told.

use std::sync::Arc;
use std::time::Duration;

use cloakroom_auth::{Denied, Refusal};
use cloakroom_core::{DecodeError, EncodeError, LoadError, SaveError, StoreError, ValueError};
use http::header::{CACHE_CONTROL, RETRY_AFTER, VARY};
use http::{HeaderValue, Response, StatusCode};

use crate::error::{SessionError, whole_seconds};

/// Anything that can go wrong with sign-in or with a session inside a handler, so that `?` works for all of it.
///
/// The extractors and guards reject requests with it. With the feature `axum` it is a response: its status, what RFC
/// 9110 asks of a 401, `Retry-After` where a later attempt may succeed, `Cache-Control: no-store`, and
/// [`AuthError::advice`] as plain text, which never says more than a visitor may know (ASVS 16.5.1). For whoever was not
/// let through and sits before a window, the [`AuthLayer`](super::AuthLayer) makes a redirect of it.
///
/// The response's extensions hold it as `Arc<AuthError>`, or as `Arc<SessionError>` where it is one, from which an outer
/// layer can make a page.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    /// The request passed no [`AuthLayer`](super::AuthLayer) of these users.
    #[error(
        "no sign-in layer of this type of users: add `.layer(AuthLayer::new(auth))` to the router, after its routes"
    )]
    MissingLayer,
    /// The session could not be loaded, stored or read.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The visitor was not let through, or something else of sign-in went wrong.
    #[error(transparent)]
    Auth(cloakroom_auth::AuthError),
}

impl AuthError {
    /// The status that tells a client the truth.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::MissingLayer => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Session(error) => error.status(),
            Self::Auth(error) => error.status(),
        }
    }

    /// After how long the client should try again, where that makes sense.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::MissingLayer => None,
            Self::Session(error) => error.retry_after(),
            Self::Auth(error) => error.retry_after(),
        }
    }

    /// Whether the visitor was not let through, rather than that something failed.
    pub const fn denied(&self) -> Option<Denied> {
        match self {
            Self::Auth(error) => error.denied(),
            Self::MissingLayer | Self::Session(_) => None,
        }
    }

    /// What a visitor, or the developer who forgot the layer, can do about it.
    pub fn advice(&self) -> &'static str {
        use cloakroom_auth::AuthError as Auth;

        match self {
            Self::MissingLayer => {
                "This route asks who is signed in, but no layer for these users is around it: add \
                 `.layer(AuthLayer::new(auth))` to the router, after its routes.\n"
            }
            Self::Session(error) => error.advice(),
            Self::Auth(error) => match error {
                Auth::Superseded => "Your sessions were ended meanwhile. Please sign in again.\n",
                Auth::SessionLimit => {
                    "You are signed in on as many devices as you may be. Please sign out on one of them.\n"
                }
                // No more than whoever has given a wrong password is told.
                Auth::Refused(Refusal::TooManyAttempts { .. }) => {
                    "There were too many attempts. Please wait a while before you try again.\n"
                }
                Auth::Refused(_) | Auth::UserGone | Auth::AnotherUser => {
                    "You could not be signed in with this.\n"
                }
                Auth::Store(_) => {
                    "Your sessions cannot be reached at the moment. Please try again shortly.\n"
                }
                other => match other.denied() {
                    Some(denied) => denied.advice(),
                    None => "Something went wrong on our side. You are signed in, or not, as before.\n",
                },
            },
        }
    }

    /// A response with `body` that says all this in its status and headers.
    pub fn into_http<B>(self, body: B) -> Response<B> {
        let mut response = Response::new(body);
        self.describe(&mut response);
        response
    }

    fn describe<B>(self, response: &mut Response<B>) {
        let error = match self {
            Self::Session(error) => return error.describe(response),
            error => error,
        };
        error.log();
        *response.status_mut() = error.status();
        let headers = response.headers_mut();
        // The answer is about one visitor and one moment.
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.append(VARY, HeaderValue::from_static("Cookie"));
        if let Some(retry_after) = error.retry_after() {
            headers.insert(RETRY_AFTER, HeaderValue::from(whole_seconds(retry_after)));
        }
        if let Some(denied) = error.denied() {
            response.extensions_mut().insert(denied);
            response.headers_mut().extend(denied.refusal().1);
        } else if error.status() == StatusCode::UNAUTHORIZED {
            response.headers_mut().extend(Denied::NotSignedIn.refusal().1);
        }
        response.extensions_mut().insert(Arc::new(error));
    }

    /// The application's own errors reach nobody else: clients are not told, and observers do not see them.
    fn log(&self) {
        match self {
            Self::MissingLayer => tracing::error!("{self}"),
            Self::Auth(cloakroom_auth::AuthError::Users(source)) => {
                tracing::error!(error = %source, "nobody can say who a user is, or whether credentials are right");
            }
            Self::Auth(error) if error.status() == StatusCode::INTERNAL_SERVER_ERROR => {
                tracing::error!(%error, "sign-in failed");
            }
            Self::Session(_) | Self::Auth(_) => {}
        }
    }
}

impl From<cloakroom_auth::AuthError> for AuthError {
    fn from(error: cloakroom_auth::AuthError) -> Self {
        match error {
            cloakroom_auth::AuthError::Load(error) => Self::Session(error.into()),
            cloakroom_auth::AuthError::Save(error) => Self::Session(error.into()),
            error => Self::Auth(error),
        }
    }
}

impl From<Refusal> for AuthError {
    fn from(refusal: Refusal) -> Self {
        Self::Auth(refusal.into())
    }
}

impl From<Denied> for AuthError {
    fn from(denied: Denied) -> Self {
        Self::Auth(denied.into())
    }
}

impl From<StoreError> for AuthError {
    fn from(error: StoreError) -> Self {
        Self::Auth(error.into())
    }
}

/// What an error of the session is made of.
macro_rules! from_session_errors {
    ($($error:ty),*) => {$(
        impl From<$error> for AuthError {
            fn from(error: $error) -> Self {
                Self::Session(error.into())
            }
        }
    )*};
}

from_session_errors!(LoadError, SaveError, ValueError, DecodeError, EncodeError);

#[cfg(feature = "axum")]
impl axum_core::response::IntoResponse for AuthError {
    fn into_response(self) -> axum_core::response::Response {
        let mut response = self.advice().into_response();
        self.describe(&mut response);
        response
    }
}
