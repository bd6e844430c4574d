//! A complete application on Cloakroom: sign-up, sign-in, your devices, sign-out everywhere.
//!
//! `cargo run` starts it on a SQLite file; `cargo run -- --help` says what else it can do. It uses the `cloakroom`
//! facade as any application would, and works without JavaScript.

mod agent;
mod auth;
mod body;
mod configuration;
mod database;
mod flash;
mod form;
mod headers;
mod page;
mod pages;
mod problem;
mod proxies;
mod server;
mod signals;
mod things;
mod transport;
mod users;
mod when;

use std::io::{IsTerminal as _, Write as _, stderr};
use std::process::ExitCode;

use tracing_subscriber::EnvFilter;

use crate::configuration::{Configuration, Task};

#[tokio::main]
async fn main() -> ExitCode {
    let configuration = Configuration::read();
    // Standard output says where the demo is; everything that happens later goes to standard error.
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(stderr)
        .with_ansi(stderr().is_terminal())
        .init();
    let outcome = match configuration {
        Ok((Task::Serve, configuration)) => server::run(configuration).await,
        Ok((Task::SignEverybodyOut, configuration)) => server::sign_everybody_out(configuration).await,
        Err(error) => Err(error.into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to tell when standard error is closed.
            let _ = writeln!(stderr(), "demo: {error}");
            ExitCode::FAILURE
        }
    }
}
