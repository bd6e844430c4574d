//! The session for handlers that decide later whether they need it.

use std::ops::Deref;

use axum_core::extract::FromRequestParts;
use http::request::Parts;

use super::{Session, lazy_session};
use crate::error::SessionError;
use crate::sessions::Sessions;

/// The visitor's session, not loaded: a request whose handler never asks for it costs the store nothing.
///
/// ```
/// use cloakroom_tower::axum::{LazySession, SessionError};
///
/// async fn search(session: LazySession, query: String) -> Result<String, SessionError> {
///     if query.starts_with('#') {
///         session.load().await?.insert("last_tag", &query)?;
///     }
///     Ok(format!("results for {query}"))
/// }
/// # let _ = search;
/// ```
#[derive(Clone, Debug)]
pub struct LazySession(cloakroom_core::LazySession);

impl LazySession {
    /// Loads the session, once per request however many callers ask.
    ///
    /// # Errors
    /// When the store fails and the policy says to refuse. Asking again tries again.
    ///
    /// # Cancel safety
    /// A dropped load has no effect.
    pub async fn load(&self) -> Result<Session, SessionError> {
        Ok(self.0.load().await?.into())
    }
}

impl Deref for LazySession {
    type Target = cloakroom_core::LazySession;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<State: Send + Sync> FromRequestParts<State> for LazySession {
    type Rejection = SessionError;

    async fn from_request_parts(parts: &mut Parts, _: &State) -> Result<Self, Self::Rejection> {
        lazy_session(&parts.extensions).cloned().map(Self)
    }
}

impl<State: Send + Sync> FromRequestParts<State> for Sessions {
    type Rejection = SessionError;

    async fn from_request_parts(parts: &mut Parts, _: &State) -> Result<Self, Self::Rejection> {
        parts.extensions.get().cloned().ok_or(SessionError::MissingLayer)
    }
}
