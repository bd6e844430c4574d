//! Handlers that only some may reach.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::time::Duration;

use axum_core::extract::FromRequestParts;
use cloakroom_auth::{Guard, Permission, User};
use http::request::Parts;

use crate::auth::{AuthError, visit};

/// The user who is signed in. Nobody else reaches the handler: a program gets 401, and whoever sits before a window the
/// sign-in page.
///
/// ```
/// use cloakroom_tower::axum::RequireUser;
/// # use cloakroom_core::{Fingerprint, UserId};
/// # #[derive(Clone)] struct Account { id: UserId, name: String }
/// # impl cloakroom_auth::User for Account {
/// #     fn id(&self) -> UserId { self.id.clone() }
/// #     fn fingerprint(&self) -> Fingerprint { Fingerprint::new(&self.id, b"") }
/// # }
///
/// async fn profile(RequireUser(account): RequireUser<Account>) -> String {
///     format!("You are {}.", account.name)
/// }
/// # let _ = profile;
/// ```
#[derive(Clone, Debug)]
pub struct RequireUser<U>(pub U);

/// The user, who has proved within the last `SECONDS` who they are (ASVS 7.5.1). Having been remembered is not enough.
/// Others are asked to prove it again: a program by 401, whoever sits before a window by the confirmation page.
///
/// ```
/// use cloakroom_tower::axum::RequireRecent;
/// # use cloakroom_core::{Fingerprint, UserId};
/// # #[derive(Clone)] struct Account { id: UserId }
/// # impl cloakroom_auth::User for Account {
/// #     fn id(&self) -> UserId { self.id.clone() }
/// #     fn fingerprint(&self) -> Fingerprint { Fingerprint::new(&self.id, b"") }
/// # }
///
/// const TEN_MINUTES: u64 = 10 * 60;
///
/// async fn change_password(RequireRecent(account): RequireRecent<Account, TEN_MINUTES>) {
///     // …
/// }
/// # let _ = change_password;
/// ```
#[derive(Clone, Debug)]
pub struct RequireRecent<U, const SECONDS: u64>(pub U);

/// The user, who has the permission `P`, to whom it dereferences. Others get 403, and whoever is not signed in what
/// [`RequireUser`] gives them.
///
/// ```
/// use cloakroom_auth::Permission;
/// use cloakroom_tower::axum::Require;
/// # use cloakroom_core::{Fingerprint, UserId};
/// # #[derive(Clone)] struct Account { id: UserId, is_editor: bool }
/// # impl cloakroom_auth::User for Account {
/// #     fn id(&self) -> UserId { self.id.clone() }
/// #     fn fingerprint(&self) -> Fingerprint { Fingerprint::new(&self.id, b"") }
/// # }
///
/// enum Edit {}
///
/// impl Permission<Account> for Edit {
///     fn allows(account: &Account) -> bool {
///         account.is_editor
///     }
/// }
///
/// async fn edit(editor: Require<Account, Edit>) -> String {
///     format!("{} may edit", editor.id.as_str())
/// }
/// # let _ = edit;
/// ```
pub struct Require<U, P> {
    user: U,
    permission: PhantomData<fn() -> P>,
}

impl<U, P> Require<U, P> {
    /// The user.
    pub fn into_inner(self) -> U {
        self.user
    }
}

impl<U, P> Deref for Require<U, P> {
    type Target = U;

    fn deref(&self) -> &Self::Target {
        &self.user
    }
}

impl<U: Clone, P> Clone for Require<U, P> {
    fn clone(&self) -> Self {
        Self { user: self.user.clone(), permission: PhantomData }
    }
}

impl<U: fmt::Debug, P> fmt::Debug for Require<U, P> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Require").field(&self.user).finish()
    }
}

impl<U: User, State: Send + Sync> FromRequestParts<State> for RequireUser<U> {
    type Rejection = AuthError;

    async fn from_request_parts(parts: &mut Parts, _: &State) -> Result<Self, Self::Rejection> {
        pass(parts, Guard::user()).await.map(Self)
    }
}

impl<U: User, const SECONDS: u64, State: Send + Sync> FromRequestParts<State> for RequireRecent<U, SECONDS> {
    type Rejection = AuthError;

    async fn from_request_parts(parts: &mut Parts, _: &State) -> Result<Self, Self::Rejection> {
        pass(parts, Guard::recent(Duration::from_secs(SECONDS))).await.map(Self)
    }
}

impl<U: User, P: Permission<U>, State: Send + Sync> FromRequestParts<State> for Require<U, P> {
    type Rejection = AuthError;

    async fn from_request_parts(parts: &mut Parts, _: &State) -> Result<Self, Self::Rejection> {
        let user = pass(parts, Guard::allowed(P::allows)).await?;
        Ok(Self { user, permission: PhantomData })
    }
}

async fn pass<U: User>(parts: &Parts, guard: Guard<U>) -> Result<U, AuthError> {
    Ok(guard.check(visit(&parts.extensions)?).await?)
}
