//! One store for SQLite, PostgreSQL, MySQL and MariaDB.

#[allow(dead_code, reason = "the store is being written")]
mod dialect;
#[allow(dead_code, reason = "the store is being written")]
mod engine;
mod executor;
#[allow(dead_code, reason = "the store is being written")]
mod gather;
mod operation;
#[allow(dead_code, reason = "the store is being written")]
mod schema;
#[allow(dead_code, reason = "the store is being written")]
mod statements;
#[allow(dead_code, reason = "the store is being written")]
mod write;

pub use dialect::Dialect;
pub use gather::{Connections, Gathering};
pub use schema::{Mismatch, Problem, Startup, ddl};
