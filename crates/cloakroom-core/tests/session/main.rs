//! Sessions from the first request to the last: laws, races, failures and what the browser is told.

mod conflict;
mod failure;
mod gone;
mod lifetime;
mod model;
mod reentrancy;
mod response;
mod secret;
mod settle;
mod support;
mod trace;
mod value;
