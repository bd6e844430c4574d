//! Sessions from the first request to the last: laws, races, failures and what the browser is told.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "this is how a test fails; clippy knows test functions, but not what they share"
)]

mod conflict;
mod desk;
mod epoch;
mod failure;
mod gone;
mod lifetime;
mod model;
mod naive;
mod reentrancy;
mod response;
mod secret;
mod settle;
mod sign_in;
mod sign_in_anew;
mod support;
mod time_left;
mod trace;
mod value;
