//! What the tests share: the demo as a process, its visitors, and a database for each test.

pub(crate) mod chromium;
pub(crate) mod database;
pub(crate) mod program;
pub(crate) mod server;
pub(crate) mod visitor;
