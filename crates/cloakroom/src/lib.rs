//! Server-side web sessions for any database and any Rust web framework.
//!
//! Applications depend on this crate alone: it re-exports the rooms that its features switch on.

pub use cloakroom_core::*;

#[cfg(any(feature = "sqlite", feature = "sqlx-sqlite", feature = "postgres", feature = "mysql"))]
pub use cloakroom_sql as sql;

#[cfg(feature = "axum")]
pub use cloakroom_tower::axum;
#[cfg(feature = "tower")]
pub use cloakroom_tower::{ResponseFuture, SessionError, SessionLayer, SessionService, Sessions};
