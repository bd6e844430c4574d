//! Measures Cloakroom and its peers in one interleaved run and prints the comparison as Markdown.

mod bars;
mod cell;
mod client;
mod cpu;
mod load;
mod machine;
mod postgres;
mod round;
mod sample;
mod server;
mod statistics;
mod table;

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

use crate::cell::{Backend, Library, Route};
use crate::round::Plan;

/// Between these two lines of the README stands the last measured table.
const TABLE_BEGINS: &str = "<!-- table begins -->\n";
const TABLE_ENDS: &str = "<!-- table ends -->\n";

/// Measures Cloakroom and tower-sessions against each other and against axum without sessions.
#[derive(Debug, Parser)]
struct Arguments {
    /// Few short rounds: shows that everything works; its figures are noise.
    #[arg(long)]
    quick: bool,
    /// Puts the table into README.md.
    #[arg(long)]
    write: bool,
    /// How often every cell is measured.
    #[arg(long)]
    rounds: Option<usize>,
    /// How long a cell is measured in each round, in milliseconds; a quarter of it goes before as warm-up.
    #[arg(long)]
    window: Option<u64>,
    /// How many sessions the stores hold before anything is measured.
    #[arg(long)]
    rows: Option<u64>,
    /// How many clients there are, for each pass.
    #[arg(long, value_delimiter = ',', default_values_t = [32, 1])]
    clients: Vec<usize>,
    /// How many connections each library's pool may open.
    #[arg(long, default_value_t = 10)]
    pool: u32,
    /// Only these libraries.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = Library::ALL)]
    library: Vec<Library>,
    /// Only these places to keep sessions in.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = Backend::ALL)]
    backend: Vec<Backend>,
    /// Only these routes.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = Route::ALL)]
    route: Vec<Route>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let write = arguments.write;
    let mut terminate = signal(SignalKind::terminate())?;
    // Whichever way it ends, the servers and databases that were started are dropped here, and with that stopped.
    let report = tokio::select! {
        report = measure(arguments) => report?,
        _ = tokio::signal::ctrl_c() => anyhow::bail!("interrupted"),
        _ = terminate.recv() => anyhow::bail!("terminated"),
    };
    println!("{report}");
    if write { write_into_readme(&report) } else { Ok(()) }
}

async fn measure(arguments: Arguments) -> anyhow::Result<String> {
    let (rounds, window, rows) = if arguments.quick { (2, 300, 1_000) } else { (5, 2_000, 10_000) };
    let plan = Plan {
        rounds: arguments.rounds.unwrap_or(rounds).max(1),
        window: Duration::from_millis(arguments.window.unwrap_or(window).max(1)),
        rows: arguments.rows.unwrap_or(rows),
        pool: arguments.pool,
        clients: arguments.clients,
        libraries: arguments.library,
        backends: arguments.backend,
        routes: arguments.route,
    };
    let description = machine::describe(&plan)?;
    let results = round::run(&plan).await?;
    Ok(format!("{description}\n{}", table::print(&results).trim_end()))
}

fn write_into_readme(report: &str) -> anyhow::Result<()> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(&path)?;
    let (before, rest) =
        readme.split_once(TABLE_BEGINS).context("README.md has lost the line before the table")?;
    let (_, after) = rest.split_once(TABLE_ENDS).context("README.md has lost the line after the table")?;
    std::fs::write(&path, format!("{before}{TABLE_BEGINS}\n{report}\n\n{TABLE_ENDS}{after}"))?;
    Ok(())
}
