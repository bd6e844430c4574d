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
//! All of them reject with a [`SessionError`]: 500 when the layer is missing, and what the policy says when the store
//! fails. Several in one handler share one session and one load.
//!
//! [`Session`] and [`LazySession`] stand in front of the types of the same name in `cloakroom-core`, because only the
//! crate that owns a type or a trait may bring the two together (Rust's orphan rule), and the core knows no
//! framework. They dereference to them, so functions that take `&cloakroom::Session` work for every framework.

#[cfg(feature = "auth")]
mod csrf_token;
mod lazy;
mod read_only;
mod session;
mod typed;

#[cfg(feature = "auth")]
pub use self::csrf_token::CsrfToken;
pub use self::lazy::LazySession;
pub use self::read_only::ReadOnlySession;
pub use self::session::Session;
pub use self::typed::Typed;
pub use crate::error::SessionError;

use http::Extensions;

/// What the innermost layer put into the request.
fn lazy_session(extensions: &Extensions) -> Result<&cloakroom_core::LazySession, SessionError> {
    extensions.get().ok_or(SessionError::MissingLayer)
}
