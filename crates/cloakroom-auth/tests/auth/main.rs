//! Sign-in and users' sessions, on sessions in memory.

mod stories;
mod support;
