//! Who asks, as an argument of a handler.

use std::ops::Deref;
use std::time::Duration;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use cloakroom::axum::LazySession;
use cloakroom_auth::return_path::ReturnPath;
use cloakroom_auth::{AuthError, Visit};

use crate::audience::Audience;
use crate::page::App;
use crate::problem::Failure;
use crate::users::User;

/// How long ago a password may have been typed for what is asked for here.
pub(crate) const RECENT: Duration = Duration::from_secs(15 * 60);

/// One request's view of sign-in.
pub(crate) struct Auth(Visit<User>);

/// Whoever is signed in. Everybody else is sent to the sign-in page, programs get 401.
pub(crate) struct SignedIn(pub(crate) User);

/// Whoever typed their password a short time ago. Everybody else is asked to.
pub(crate) struct Recent(pub(crate) User);

impl Deref for Auth {
    type Target = Visit<User>;

    fn deref(&self) -> &Visit<User> {
        &self.0
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Auth
where
    App: FromRef<S>,
{
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let app = App::from_ref(state);
        let session = LazySession::from_request_parts(parts, state).await?;
        let client = app.proxies.client(&parts.headers, &parts.extensions);
        Ok(Self(app.auth.visit((*session).clone(), &parts.headers, client)))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for SignedIn
where
    App: FromRef<S>,
{
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let auth = Auth::from_request_parts(parts, state).await.map_err(IntoResponse::into_response)?;
        let user = auth.user().await.map_err(|error| Failure::from(error).into_response())?;
        user.map(Self).ok_or_else(|| elsewhere(parts, "/sign-in"))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Recent
where
    App: FromRef<S>,
{
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let auth = Auth::from_request_parts(parts, state).await.map_err(IntoResponse::into_response)?;
        match auth.require_recent(RECENT).await {
            Ok(user) => Ok(Self(user)),
            Err(AuthError::NotSignedIn) => Err(elsewhere(parts, "/sign-in")),
            Err(AuthError::RecentRequired) => Err(elsewhere(parts, "/confirm")),
            Err(error) => Err(Failure::from(error).into_response()),
        }
    }
}

fn elsewhere(parts: &Parts, path: &str) -> Response {
    if Audience::of(&parts.headers) == Audience::Program {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let back = ReturnPath::of(&parts.method, &parts.uri);
    Redirect::to(&back.map_or_else(|| path.to_owned(), |back| back.sign_in_location(path))).into_response()
}

/// Where the parameter of an address leads back to, if it is a page of ours.
pub(crate) fn back(uri: &Uri) -> Option<ReturnPath> {
    uri.query().and_then(ReturnPath::from_query)
}
