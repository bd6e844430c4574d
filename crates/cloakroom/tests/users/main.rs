//! Users' sessions on every store: sign-ins at once, sign-ins that meet the end of everything, and what is left of one
//! that nobody waits for.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed"
)]
#![allow(clippy::print_stdout, reason = "what is searched for secrets has to be printed")]

#[allow(dead_code, reason = "nobody is mixed up here")]
#[path = "../../../cloakroom-auth/tests/auth/accounts.rs"]
mod accounts;
#[allow(dead_code, reason = "only one way to drop a request is of use here")]
#[path = "../interruption/drops.rs"]
mod drops;
#[path = "../hostile/search.rs"]
mod search;
#[path = "../support/mod.rs"]
mod support;
#[allow(dead_code, reason = "the headers of whole requests are noted elsewhere")]
#[path = "../hostile/teller.rs"]
mod teller;

mod crowd;
mod devices;
mod dropped;
mod everybody;
mod meanwhile;
mod secrets;
mod site;
