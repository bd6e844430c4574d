//! The token of the visitor's session as an argument of a handler.

use std::fmt;
use std::ops::Deref;

use axum_core::extract::FromRequestParts;
use cloakroom_core::{SaveError, SystemRandom};
use http::request::Parts;

use super::lazy_session;
use crate::error::SessionError;

/// The token of the visitor's session, for a hidden field or a script; see [`cloakroom_auth::csrf::CsrfToken`], to which
/// it dereferences. It loads the session and stores nothing; for a visitor without a session it prints nothing.
///
/// ```
/// use cloakroom_tower::axum::{CsrfToken, SessionError};
///
/// async fn form(token: CsrfToken) -> Result<String, SessionError> {
///     Ok(format!(r#"<form method="post" action="/notes">
///         <input type="hidden" name="csrf_token" value="{token}">
///         …"#))
/// }
/// # let _ = form;
/// ```
#[derive(Clone, Debug)]
pub struct CsrfToken(cloakroom_auth::csrf::CsrfToken);

impl Deref for CsrfToken {
    type Target = cloakroom_auth::csrf::CsrfToken;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl fmt::Display for CsrfToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl<State: Send + Sync> FromRequestParts<State> for CsrfToken {
    type Rejection = SessionError;

    async fn from_request_parts(parts: &mut Parts, _: &State) -> Result<Self, Self::Rejection> {
        let session = lazy_session(&parts.extensions)?.load().await?;
        let token = cloakroom_auth::csrf::CsrfToken::new(session, &SystemRandom).map_err(SaveError::from)?;
        Ok(Self(token))
    }
}
