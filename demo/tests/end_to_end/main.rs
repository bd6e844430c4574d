//! The real program, walked as visitors walk it: over HTTP with their cookies, and in Chromium.

mod browser;
mod command_line;
mod pages;
mod stories;
mod support;
