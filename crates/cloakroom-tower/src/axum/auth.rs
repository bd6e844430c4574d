//! Who is signed in, as an argument of a handler.

use std::fmt;
use std::ops::Deref;

use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
use cloakroom_auth::{User, Visit};
use http::request::Parts;

use crate::auth::{AuthError, visit};

/// Everything that a visitor may ask and do about sign-in: it dereferences to [`Visit`]. Nothing is loaded until
/// something is asked.
///
/// ```
/// use cloakroom_tower::axum::{Auth, AuthError};
/// # use cloakroom_core::{Fingerprint, UserId};
/// # #[derive(Clone)] struct Account { id: UserId }
/// # impl cloakroom_auth::User for Account {
/// #     fn id(&self) -> UserId { self.id.clone() }
/// #     fn fingerprint(&self) -> Fingerprint { Fingerprint::new(&self.id, b"") }
/// # }
///
/// async fn devices(auth: Auth<Account>) -> Result<String, AuthError> {
///     let sessions = auth.sessions().await?.list().await?;
///     Ok(format!("You are signed in on {} devices.", sessions.len()))
/// }
/// # let _ = devices;
/// ```
pub struct Auth<U>(Visit<U>);

impl<U> Deref for Auth<U> {
    type Target = Visit<U>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<U> Clone for Auth<U> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<U> fmt::Debug for Auth<U> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl<U: User, State: Send + Sync> FromRequestParts<State> for Auth<U> {
    type Rejection = AuthError;

    async fn from_request_parts(parts: &mut Parts, _: &State) -> Result<Self, Self::Rejection> {
        visit(&parts.extensions).cloned().map(Self)
    }
}

/// The user who is signed in, looked up when asked for: a handler that does not ask costs neither the store nor the
/// users' table anything.
///
/// As `Option<CurrentUser<U>>` it is `None` for visitors in whose session nobody has signed in. The session is loaded
/// for that; the user is not looked up, so they may turn out to be gone.
///
/// ```
/// use cloakroom_tower::axum::{AuthError, CurrentUser};
/// # use cloakroom_core::{Fingerprint, UserId};
/// # #[derive(Clone)] struct Account { id: UserId, name: String }
/// # impl cloakroom_auth::User for Account {
/// #     fn id(&self) -> UserId { self.id.clone() }
/// #     fn fingerprint(&self) -> Fingerprint { Fingerprint::new(&self.id, b"") }
/// # }
///
/// async fn greet(current: CurrentUser<Account>) -> Result<String, AuthError> {
///     let name = current.load().await?.map_or_else(|| "stranger".to_owned(), |account| account.name);
///     Ok(format!("Hello, {name}"))
/// }
/// # let _ = greet;
/// ```
pub struct CurrentUser<U>(Visit<U>);

impl<U: User> CurrentUser<U> {
    /// The user, looked up once in a request, whoever asks; see [`Visit::user`].
    ///
    /// # Errors
    /// When the session cannot be loaded, or nobody can say who the user is. Nobody is signed out then.
    ///
    /// # Cancel safety
    /// Dropped, it has no effect.
    pub async fn load(&self) -> Result<Option<U>, AuthError> {
        Ok(self.0.user().await?)
    }
}

impl<U> Clone for CurrentUser<U> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<U> fmt::Debug for CurrentUser<U> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("CurrentUser").field(&self.0).finish()
    }
}

impl<U: User, State: Send + Sync> FromRequestParts<State> for CurrentUser<U> {
    type Rejection = AuthError;

    async fn from_request_parts(parts: &mut Parts, _: &State) -> Result<Self, Self::Rejection> {
        visit(&parts.extensions).cloned().map(Self)
    }
}

impl<U: User, State: Send + Sync> OptionalFromRequestParts<State> for CurrentUser<U> {
    type Rejection = AuthError;

    async fn from_request_parts(parts: &mut Parts, _: &State) -> Result<Option<Self>, Self::Rejection> {
        let visit = visit(&parts.extensions)?;
        Ok(visit.session().await?.user().map(|_| Self(visit.clone())))
    }
}
