//! Who may know whom, what may be written where, and what the documents promise: held by tests, for every crate of
//! the workspace, including those that are added later.

#![allow(clippy::expect_used, clippy::panic, reason = "a test that cannot read the workspace has failed")]

mod checks;
mod dependencies;
mod documents;
mod manifests;
mod sources;
mod workspace;
