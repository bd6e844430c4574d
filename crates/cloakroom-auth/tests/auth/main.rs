//! Sign-in and users' sessions, on sessions in memory.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed"
)]

mod accounts;
mod attempts;
mod credentials;
mod events;
mod history;
mod limits;
mod outage;
mod presence;
mod sign_in;
mod stories;
mod support;
