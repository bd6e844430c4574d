//! The session as an argument of a handler.

use std::ops::Deref;

use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
use http::request::Parts;

use super::lazy_session;
use crate::error::SessionError;

/// The visitor's session, loaded. Everything that [`cloakroom_core::Session`] does, it does.
///
/// As `Option<Session>` it is `None` for visitors for whom nothing is stored; a store that fails still rejects.
///
/// ```
/// use axum::{Router, routing::get};
/// use cloakroom_core::MemoryStore;
/// use cloakroom_tower::{SessionLayer, axum::{Session, SessionError}};
///
/// async fn visits(session: Session) -> Result<String, SessionError> {
///     let visits = session.update("visits", |visits: Option<u64>| visits.unwrap_or(0) + 1)?;
///     Ok(format!("visit {visits} of {}", name(&session)?))
/// }
///
/// // Knows no framework.
/// fn name(session: &cloakroom_core::Session) -> Result<String, cloakroom_core::DecodeError> {
///     Ok(session.get("name")?.unwrap_or_else(|| "a stranger".to_owned()))
/// }
///
/// let app: Router = Router::new().route("/", get(visits)).layer(SessionLayer::new(MemoryStore::default())?);
/// # let _ = app;
/// # Ok::<(), cloakroom_core::CookieConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Session(cloakroom_core::Session);

impl Session {
    /// The session itself.
    pub fn into_inner(self) -> cloakroom_core::Session {
        self.0
    }
}

impl Deref for Session {
    type Target = cloakroom_core::Session;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl From<cloakroom_core::Session> for Session {
    fn from(session: cloakroom_core::Session) -> Self {
        Self(session)
    }
}

impl<State: Send + Sync> FromRequestParts<State> for Session {
    type Rejection = SessionError;

    async fn from_request_parts(parts: &mut Parts, _: &State) -> Result<Self, Self::Rejection> {
        Ok(Self(lazy_session(&parts.extensions)?.load().await?))
    }
}

impl<State: Send + Sync> OptionalFromRequestParts<State> for Session {
    type Rejection = SessionError;

    async fn from_request_parts(parts: &mut Parts, _: &State) -> Result<Option<Self>, Self::Rejection> {
        let session = lazy_session(&parts.extensions)?.load().await?;
        Ok((!session.is_new()).then_some(Self(session)))
    }
}
