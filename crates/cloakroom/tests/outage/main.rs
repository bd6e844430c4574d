//! Databases that are there and do not do what they should: full, read-only, locked, without the table, out of
//! connections, deaf. What the visitors see, what the log says, and that all is well once the fault is gone.
//!
//! Connections that break and servers that die are in `tests/failure`.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod deadlocks;
mod disks;
mod locks;
mod pools;
mod rights;
mod rows;
mod servers;
mod site;
mod story;
#[path = "../support/mod.rs"]
mod support;
mod tables;
