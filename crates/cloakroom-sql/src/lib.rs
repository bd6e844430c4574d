//! One store for SQLite, PostgreSQL, MySQL and MariaDB.

#![cfg_attr(
    not(all(feature = "embedded", feature = "sqlite", feature = "postgres", feature = "mysql")),
    allow(
        dead_code,
        unused_imports,
        unused_variables,
        reason = "each database uses its part of what all share; with every feature nothing is unused"
    )
)]

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
pub use gather::{Connections, Gathering};
pub use operation::ExtraValue;
pub use schema::{Mismatch, Problem, Startup, ddl};
pub use store::SqlStore;
pub use sweeper::Sweep;
