//! Extractors for axum 0.8.
//!
//! | argument of a handler | loads | for a visitor without a session |
//! |---|---|---|
//! | [`Session`] | yes | an empty one; the first change begins it |
//! | `Option<Session>` | yes | `None` |
//! | [`ReadOnlySession`] | yes | an empty one that stays so |
//! | [`Typed<S>`](Typed) | yes | the section's default |
//! | [`LazySession`] | when asked | as [`Session`] |
//! | [`Sessions`](crate::Sessions) | when asked | as [`Session`] |
//!
//! All of these reject with a [`SessionError`]: 500 when the layer is missing, and what the policy says when the store
//! fails. Several in one handler share one session and one load.
//!
//! With the feature `auth`, and behind an `AuthLayer`:
//!
//! | argument of a handler | looks the user up | for a visitor who is not signed in |
//! |---|---|---|
//! | `Auth<U>` | when asked | everything that a visitor may do: sign in, sign out, their sessions |
//! | `CurrentUser<U>` | when asked | `None`, when asked |
//! | `Option<CurrentUser<U>>` | when asked | `None`; the session is loaded |
//! | `RequireUser<U>` | yes | the sign-in page, or 401 for a program |
//! | `RequireRecent<U, SECONDS>` | yes | the same; the confirmation page when it was too long ago |
//! | `Require<U, P>` | yes | the same; 403 for whoever may not |
//! | `CsrfToken` | no | an empty one |
//!
//! All but the last reject with an `AuthError`. Several in one handler share one look-up.
//!
//! [`Session`], [`LazySession`] and `Auth` stand in front of the types of the same name in `cloakroom-core`, because only the
//! crate that owns a type or a trait may bring the two together (Rust's orphan rule), and the core knows no
//! framework. They dereference to them, so functions that take `&cloakroom::Session` work for every framework.

#[cfg(feature = "auth")]
mod auth;
#[cfg(feature = "auth")]
mod csrf_token;
mod lazy;
mod read_only;
#[cfg(feature = "auth")]
mod require;
mod session;
mod typed;

#[cfg(feature = "auth")]
pub use self::auth::{Auth, CurrentUser};
#[cfg(feature = "auth")]
pub use self::csrf_token::CsrfToken;
pub use self::lazy::LazySession;
pub use self::read_only::ReadOnlySession;
#[cfg(feature = "auth")]
pub use self::require::{Require, RequireRecent, RequireUser};
pub use self::session::Session;
pub use self::typed::Typed;
#[cfg(feature = "auth")]
pub use crate::auth::AuthError;
pub use crate::error::SessionError;

use http::Extensions;

/// What the innermost layer put into the request.
fn lazy_session(extensions: &Extensions) -> Result<&cloakroom_core::LazySession, SessionError> {
    extensions.get().ok_or(SessionError::MissingLayer)
}
