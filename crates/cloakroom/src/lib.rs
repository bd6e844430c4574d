//! Server-side web sessions for any database and any Rust web framework.
//!
//! What a visitor carries stays on the server, in the database the application already has; the browser gets a ticket.
//!
#![cfg_attr(all(feature = "axum", feature = "sqlite"), doc = "```no_run")]
#![cfg_attr(not(all(feature = "axum", feature = "sqlite")), doc = "```text")]
//! use axum::{Router, routing::get};
//! use cloakroom::{SessionLayer, axum::{Session, SessionError}, sql::SqlStore};
//!
//! async fn visits(session: Session) -> Result<String, SessionError> {
//!     let visits = session.update("visits", |visits: Option<u32>| visits.unwrap_or(0) + 1)?;
//!     Ok(format!("This is visit {visits}."))
//! }
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let sessions = SessionLayer::new(SqlStore::open("sqlite:sessions.db").await?)?;
//!     let app = Router::new().route("/", get(visits)).layer(sessions);
//!     Ok(axum::serve(tokio::net::TcpListener::bind("127.0.0.1:3000").await?, app).await?)
//! }
//! ```
//!
//! Handlers take `cloakroom::axum::Session`, which is the extractor; functions that they call can take [`&Session`](Session),
//! to which it dereferences.
//!
//! # The nouns
//!
//! | noun | is |
//! |---|---|
//! | [`Session`] | the handle a request works with: one await to load, then synchronous typed access |
//! | [`SessionManager`] | what all sessions of one cookie share: store, policy, cookie, clock, observer |
//! | [`Policy`], [`Lifetime`] | how long sessions live, what counts as activity, what happens on failure |
//! | [`CookieConfig`] | the cookie's name, attributes and protection |
//! | [`Store`] | where sessions are kept: six verbs, and the sessions of a user; [`MemoryStore`] is one |
//! | [`SessionId`], [`StoreKey`] | what the browser holds, and the hash of it that the store sees |
//! | [`Section`], [`Key`] | typed access to a struct, and to single values |
//! | [`Event`], [`Observer`] | what happened to a session, for audit logs and counters |
//!
//! # What it does
//!
//! * No lost update: changes are recorded, and made again when another request wrote first.
//! * No resurrection: a save that races a sign-out stores nothing.
//! * No adopted id: only the server makes ids, and signing in always changes them.
//! * Nothing for nobody: a request that stores nothing makes no row and no cookie.
//! * Idle and absolute limits are kept by the server, whether or not anything was swept.
//! * The row is committed before the response leaves; a save that fails is an error, not a 200.
//!
//! # What it does not do yet
//!
//! It runs on no actix-web, MongoDB or Redis so far, and it will never keep the data in the cookie: such a session cannot
//! be ended.
//!
//! # Features
//!
//! Features add; none changes what another part does.
//!
//! | feature | default | adds |
//! |---|---|---|
//! | `axum` | yes | extractors for axum 0.8, in `cloakroom::axum` |
//! | `tower` | with `axum` | `SessionLayer` for every tower HTTP service |
//! | `auth` | | sign-in, users' sessions, guards and the protection of forms, in `cloakroom::auth` and `cloakroom::csrf` |
//! | `sqlite` | yes | SQLite by URL, embedded |
//! | `sqlx-sqlite` | | an application's own `sqlx::SqlitePool` |
//! | `postgres` | | PostgreSQL, by URL or `sqlx::PgPool` |
//! | `mysql` | | MySQL and MariaDB, by URL or `sqlx::MySqlPool` |
//! | `sea-orm` | | a SeaORM 2 connection, with the feature of its database |
//! | `messagepack` | | session data as MessagePack |
//!
//! The [`guides`] say more: the defaults and their reasons, stores, axum, failure, sign-in.

pub use cloakroom_core::*;

#[cfg(any(
    feature = "sqlite",
    feature = "sqlx-sqlite",
    feature = "postgres",
    feature = "mysql",
    feature = "sea-orm"
))]
pub use cloakroom_sql as sql;

/// Sign-in, and what guards it, in every tower HTTP service. The guide `guides::sign_in` shows it as a whole.
#[cfg(feature = "auth")]
pub mod auth {
    pub use cloakroom_auth::*;
    // Named one by one: its `AuthError` is the extractors', beside them in `cloakroom::axum`.
    pub use cloakroom_tower::auth::{
        AuthFuture, AuthLayer, AuthService, GuardFuture, GuardLayer, GuardService, SignedOut, require,
        require_recent, require_user,
    };
}

#[cfg(feature = "axum")]
pub use cloakroom_tower::axum;
#[cfg(feature = "auth")]
pub use cloakroom_tower::csrf;
#[cfg(feature = "tower")]
pub use cloakroom_tower::{ResponseFuture, SessionError, SessionLayer, SessionService, Sessions};

pub mod guides;

/// The README's example compiles.
#[cfg(all(doctest, feature = "auth", feature = "axum", feature = "sqlite"))]
#[doc = include_str!("../../../README.md")]
struct Readme;
