//! Requests that use one session at the same time: every order of their store calls, and what many processes saw.
//!
//! * [`pairs`] tries every order of the store calls of every two requests, and some orders of three to five, and holds
//!   what came of it against [`oracle`], a model in which requests run one after the other.
//! * [`history`] lets several processes work on the same sessions and judges what they wrote down.
//! * [`threads`] shows that what the memory store does under several of its locks is one step for everybody else.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../support/mod.rs"]
mod support;

mod history;
mod oracle;
mod pairs;
mod site;
mod threads;
