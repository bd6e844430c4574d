//! Hostile visitors, on every store and as HTTP: floods, made-up and altered cookies, keys from the table, too much
//! data; and everything that is ever printed, searched for secrets.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

#[path = "../support/mod.rs"]
mod support;

mod flood;
mod guessing;
mod keys;
mod limits;
mod printed;
mod search;
mod secrets;
mod site;
mod teller;
mod witness;
