//! What visitors and attackers see over HTTP, on every store; what ids are made of; and what the documents promise.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod defaults;
mod ids;
mod scenarios;
#[path = "../support/mod.rs"]
mod support;
