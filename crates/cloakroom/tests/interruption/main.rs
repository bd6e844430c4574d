//! Requests that never come to their end: dropped, cut off, panicking, shut down, killed. What they wrote is there or
//! is not, whole, and nobody else notices.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed"
)]
#![allow(clippy::print_stdout, reason = "what a test prints is shown when it fails")]

#[path = "../support/mod.rs"]
mod support;

mod crowd;
mod database;
mod disconnects;
mod drops;
mod kinds;
mod panics;
mod parked;
mod polls;
mod shutdown;
mod sigkill;
mod site;
