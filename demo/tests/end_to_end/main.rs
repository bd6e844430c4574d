//! The real program, walked as visitors walk it: over HTTP with their cookies, and in Chromium.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails where it stands")]

mod accounts;
mod behind_a_proxy;
mod browser;
mod command_line;
mod devices;
mod pages;
mod photographs;
mod stories;
mod support;
mod tutorial;
mod two_browsers;
