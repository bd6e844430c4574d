//! What every measured server has in common: its arguments, runtime, listener, session contents and failures.
//!
//! Only the session library differs between the servers, so that only it can make a difference.

use std::error::Error;
use std::io::Read as _;
use std::path::PathBuf;
use std::process::ExitCode;

use axum::Router;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::serve::ListenerExt as _;
use clap::{Parser, ValueEnum};
use serde::{Deserialize, Serialize};

/// The key of the counter that `/read` reads and `/write` increments.
pub const COUNTER: &str = "counter";
/// The key of the [`Profile`] that every new session gets.
pub const PROFILE: &str = "profile";

/// A measured server. It prints its address on one line and ends when its standard input does.
#[derive(Clone, Debug, Parser)]
pub struct Options {
    /// Where the sessions are kept.
    #[arg(long, value_enum, default_value_t = Backend::Memory)]
    pub backend: Backend,
    /// The file of `--backend sqlite`.
    #[arg(long, default_value = "sessions.sqlite")]
    pub file: PathBuf,
    /// How far SQLite writes through at each commit.
    #[arg(long, value_enum, default_value_t = Synchronous::Normal)]
    pub synchronous: Synchronous,
    /// The database of `--backend postgres`.
    #[arg(long, default_value = "")]
    pub url: String,
    /// Whose connections the store uses.
    #[arg(long, value_enum, default_value_t = Connections::Own)]
    pub connections: Connections,
    /// How many connections the application's pool may open.
    #[arg(long, default_value_t = 10)]
    pub pool: u32,
    /// How many worker threads the runtime has.
    #[arg(long, default_value_t = 2)]
    pub workers: usize,
}

/// Where a server keeps its sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Backend {
    /// In the process.
    Memory,
    /// In a file, write-ahead log.
    Sqlite,
    /// In a PostgreSQL database.
    Postgres,
}

/// Whose connections a store uses, where its library leaves the choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Connections {
    /// Its own, by URL.
    Own,
    /// Those of a pool that the application has made with sqlx.
    Application,
}

/// SQLite's `synchronous` setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Synchronous {
    /// Never waits for the disk. Only for filling a table before the measurement.
    Off,
    /// With a write-ahead log: waits at checkpoints, so a power cut may take the last commits.
    Normal,
    /// Waits at every commit.
    Full,
}

/// What a signed-in visitor's session typically carries besides the counter: about 200 bytes of JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    name: String,
    address: String,
    roles: Vec<String>,
    language: String,
    greeting: String,
}

impl Profile {
    /// The profile that every session gets.
    pub fn sample() -> Self {
        Self {
            name: "Ada Lovelace".into(),
            address: "ada@example.org".into(),
            roles: vec!["editor".into(), "reviewer".into()],
            language: "en-GB".into(),
            greeting: "Welcome back. Two proofs wait for you, and the printer asks for the third chapter."
                .into(),
        }
    }
}

/// A request that could not be answered: status 500 and the reason as text.
#[derive(Debug)]
pub struct Failure(String);

impl Failure {
    /// The request's cookie named no session, or the session has no counter.
    pub fn missing_session() -> Self {
        Self("no session with a counter".into())
    }
}

impl<E: Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        (StatusCode::INTERNAL_SERVER_ERROR, self.0).into_response()
    }
}

/// Reads the arguments, builds the routes and serves them on a free port of the loopback interface.
pub fn serve<R>(build: impl FnOnce(Options) -> R) -> ExitCode
where
    R: Future<Output = Result<Router, Box<dyn Error>>>,
{
    end_with_standard_input();
    let options = Options::parse();
    let outcome = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(options.workers)
        .enable_all()
        .build()
        .map_err(Box::<dyn Error>::from)
        .and_then(|runtime| {
            runtime.block_on(async {
                let router = build(options).await?;
                let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
                println!("{}", listener.local_addr()?);
                // A connection that cannot set the option works without it.
                let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
                Ok(axum::serve(listener, router).await?)
            })
        });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Ends the process when whoever started it has closed the pipe, by purpose or by dying.
fn end_with_standard_input() {
    std::thread::spawn(|| {
        // An error means that the pipe is gone, too.
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
}
