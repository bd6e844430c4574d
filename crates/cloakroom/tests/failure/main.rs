//! What clients see when something goes wrong between the application and its database server.
//!
//! The law behind every story: an answer of 200 is true and stays true; everything else is 503 with `Retry-After`, says
//! whether nothing was written or nobody knows, and shows nothing of anybody; and when the database answers again, so
//! does the application, without a restart.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed, and what it has printed is shown then"
)]

#[path = "../support/mod.rs"]
mod support;

mod ambiguous;
mod cuts;
mod killed;
mod proxy;
mod server;
mod site;
mod stalls;
mod storm;
mod told;
