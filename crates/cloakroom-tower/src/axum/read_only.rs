//! The session for handlers that only look.

use axum_core::extract::FromRequestParts;
use cloakroom_core::{
    Data, DecodeError, Device, Lifetime, Section, Session, SessionId, SessionKey, Timestamp, UserId,
};
use http::request::Parts;
use serde::de::DeserializeOwned;

use super::lazy_session;
use crate::error::SessionError;

/// The visitor's session without the means to change it.
///
/// Looking counts as activity: it may move the idle limit, by a throttled touch.
///
/// ```
/// use cloakroom_tower::axum::{ReadOnlySession, SessionError};
///
/// async fn greeting(session: ReadOnlySession) -> Result<String, SessionError> {
///     let name: Option<String> = session.get("name")?;
///     Ok(format!("Hello, {}", name.as_deref().unwrap_or("stranger")))
/// }
/// # let _ = greeting;
/// ```
#[derive(Clone, Debug)]
pub struct ReadOnlySession(Session);

impl ReadOnlySession {
    /// The value under `key`; see [`Session::get`].
    ///
    /// # Errors
    /// When the value does not decode into `T`.
    pub fn get<T: DeserializeOwned>(&self, key: impl SessionKey<T>) -> Result<Option<T>, DecodeError> {
        self.0.get(key)
    }

    /// The section `S`, or its default when there is none; see [`Session::section`].
    ///
    /// # Errors
    /// When the stored object does not decode.
    pub fn section<S: Section>(&self) -> Result<S, DecodeError> {
        self.0.section()
    }

    /// Whether there is a value under `key`.
    pub fn contains(&self, key: impl AsRef<str>) -> bool {
        self.0.contains(key)
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A copy of all values in their order.
    pub fn data(&self) -> Data {
        self.0.data()
    }

    /// The session's id, if it is stored.
    pub fn id(&self) -> Option<SessionId> {
        self.0.id()
    }

    /// Whether nothing is stored for this visitor yet.
    pub fn is_new(&self) -> bool {
        self.0.is_new()
    }

    /// Whose session this is.
    pub fn user(&self) -> Option<UserId> {
        self.0.user()
    }

    /// The device that the session was opened on, if the application recorded it.
    pub fn device(&self) -> Option<Device> {
        self.0.device()
    }

    /// When the session began.
    pub fn created(&self) -> Timestamp {
        self.0.created()
    }

    /// When it was last written or touched before this request.
    pub fn seen(&self) -> Timestamp {
        self.0.seen()
    }

    /// When it ends unless there is more activity.
    pub fn expires_at(&self) -> Timestamp {
        self.0.expires_at()
    }

    /// Its lifetime.
    pub fn lifetime(&self) -> Lifetime {
        self.0.lifetime()
    }
}

impl<State: Send + Sync> FromRequestParts<State> for ReadOnlySession {
    type Rejection = SessionError;

    async fn from_request_parts(parts: &mut Parts, _: &State) -> Result<Self, Self::Rejection> {
        Ok(Self(lazy_session(&parts.extensions)?.load().await?))
    }
}
