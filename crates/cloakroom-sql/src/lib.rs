//! One store for SQLite, PostgreSQL, MySQL and MariaDB.
//!
//! ```
//! use cloakroom_sql::SqlStore;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), cloakroom_core::StoreError> {
//! # #[cfg(feature = "embedded")] {
//! // An embedded database; `postgres://…` and `mysql://…` work the same way.
//! let store = SqlStore::open("sqlite::memory:").await?;
//! # store.close().await;
//! # }
//! # Ok(())
//! # }
//! ```
//!
//! An application that has a pool gives that instead: `SqlStore::builder(pool).build().await?`, with `pool` a
//! `sqlx::SqlitePool`, `sqlx::PgPool`, `sqlx::MySqlPool` or `sea_orm::DatabaseConnection`. The store uses two of its
//! connections at most, however many requests there are: what waits while a statement runs becomes the next statement
//! ([`Gathering`]).
//!
//! # What it does that others do not
//! - Saves compare and set; a row that was signed out never comes back; an expired row is never served.
//! - The key is a hash, so a dump of the table signs nobody in.
//! - A touch rewrites no index (a HOT update in PostgreSQL), and sweeping uses one.
//! - Nodes whose batches overlap cannot deadlock, and any number of them may sweep and start at once.
//! - An existing table of another shape is described difference by difference ([`Mismatch`]).
//!
//! # What it does not do
//! It is no cache, keeps no history, and never changes a table that is there. Migrating a table is the application's:
//! [`ddl`] prints what is expected.
//!
//! # Features
//! `embedded` (default): `sqlite:` URLs. `sqlite`, `postgres`, `mysql`: sqlx pools and URLs of that kind. `sea-orm`:
//! its connections and entities. `messagepack`: the codec of that name.
//!
//! Coming from another library? See [`options`].

#![cfg_attr(
    not(all(feature = "embedded", feature = "sqlite", feature = "postgres", feature = "mysql")),
    allow(
        clippy::unused_async,
        dead_code,
        unused_imports,
        unused_variables,
        reason = "each database uses its part of what all share; with every feature nothing is unused"
    )
)]

mod admission;
mod builder;
mod codec;
mod connect;
mod database;
mod dialect;
#[cfg(feature = "embedded")]
mod embedded;
mod engine;
#[cfg(feature = "sea-orm")]
mod entity;
mod executor;
mod extra;
mod failure;
mod gather;
mod operation;
mod row;
mod schema;
mod statements;
mod store;
mod sweeper;
mod write;

pub use builder::SqlStoreBuilder;
pub use codec::{BoxError, Codec, InvalidMark};
pub use database::Database;
pub use dialect::Dialect;
#[cfg(feature = "embedded")]
pub use embedded::Durability;
#[cfg(feature = "sea-orm")]
pub use entity::{EntityError, layout_of};
pub use gather::{Connections, Gathering, Retry};
pub use schema::{Mismatch, Problem, Startup, ddl};
pub use store::SqlStore;
pub use sweeper::Sweep;

#[doc = include_str!("../docs/options.md")]
pub mod options {}
