//! One store for SQLite, PostgreSQL, MySQL and MariaDB.

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
pub use gather::{Connections, Gathering};
pub use operation::ExtraValue;
pub use schema::{Mismatch, Problem, Startup, ddl};
#[cfg(feature = "sea-orm")]
pub use entity::{EntityError, layout_of};
pub use store::SqlStore;
pub use sweeper::Sweep;
