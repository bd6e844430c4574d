//! One store for SQLite, PostgreSQL, MySQL and MariaDB.

#[allow(dead_code, reason = "the store is being written")]
mod codec;
#[allow(dead_code, reason = "the store is being written")]
mod dialect;
#[cfg(feature = "embedded")]
#[allow(dead_code, reason = "the store is being written")]
mod embedded;
#[allow(dead_code, reason = "the store is being written")]
mod engine;
mod executor;
#[allow(dead_code, reason = "the store is being written")]
mod failure;
#[allow(dead_code, reason = "the store is being written")]
mod gather;
mod operation;
#[allow(dead_code, reason = "the store is being written")]
mod row;
#[allow(dead_code, reason = "the store is being written")]
mod schema;
#[allow(dead_code, reason = "the store is being written")]
mod statements;
#[allow(dead_code, reason = "the store is being written")]
mod write;

pub use codec::{BoxError, Codec, InvalidMark};
pub use dialect::Dialect;
#[cfg(feature = "embedded")]
pub use embedded::Durability;
pub use gather::{Connections, Gathering};
pub use operation::ExtraValue;
pub use schema::{Mismatch, Problem, Startup, ddl};
