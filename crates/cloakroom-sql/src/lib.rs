//! One store for SQLite, PostgreSQL, MySQL and MariaDB.

#[allow(dead_code, reason = "the store is being written")]
mod engine;
mod executor;
#[allow(dead_code, reason = "the store is being written")]
mod gather;
mod operation;

pub use gather::{Connections, Gathering};
