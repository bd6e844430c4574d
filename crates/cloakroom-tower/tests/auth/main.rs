//! Who is let through, and what the others are told, in an axum router.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

mod denied;
mod failures;
mod layers;
mod lookups;
mod recent;
mod sign_out;
mod site;
#[path = "../support/mod.rs"]
mod support;
mod users;
