//! Sign-in, and what its users ask for most: to see and end their own sessions.
//!
//! This crate knows no framework and no database. Applications depend on the `cloakroom` facade, which re-exports it.

pub mod attempts;
pub mod csrf;
pub mod password;
pub mod return_path;
