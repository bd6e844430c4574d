//! The run: rounds in which every server is measured once in every cell, one after the other.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;

use crate::cell::{Backend, Cell, Library, Route, Subject};
use crate::load::{self, Keeps, Target};
use crate::postgres::Postgres;
use crate::sample::Sample;
use crate::server::Server;

/// The worker threads of each server's runtime: as many as the smallest machine worth measuring on has cores.
pub(crate) const WORKERS: usize = 2;

/// What a run consists of.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) rounds: usize,
    pub(crate) window: Duration,
    pub(crate) rows: u64,
    pub(crate) pool: u32,
    pub(crate) clients: Vec<usize>,
    pub(crate) libraries: Vec<Library>,
    pub(crate) backends: Vec<Backend>,
    pub(crate) routes: Vec<Route>,
}

/// The samples of every cell in the order of the rounds.
pub(crate) type Results = BTreeMap<Cell, Vec<Sample>>;

/// Runs it all.
pub(crate) async fn run(plan: &Plan) -> anyhow::Result<Results> {
    let subjects = subjects(plan);
    let stores = Stores::prepare(plan).await?;
    for subject in &subjects {
        stores.fill(*subject, plan).await.with_context(|| format!("filling {}", subject.name()))?;
    }
    let mut results = Results::new();
    for round in 0..plan.rounds {
        eprintln!("round {} of {}", round + 1, plan.rounds);
        measure_round(plan, &stores, in_turn(&subjects, round), &mut results).await?;
    }
    Ok(results)
}

async fn measure_round(
    plan: &Plan,
    stores: &Stores,
    subjects: Vec<Subject>,
    results: &mut Results,
) -> anyhow::Result<()> {
    let mut servers = Vec::new();
    for subject in subjects {
        let server = stores.serve(subject, plan, Commits::AsMeasured)?;
        if subject.is_in_memory() {
            load::fill(server.address(), plan.rows).await?;
        }
        servers.push((subject, server));
    }
    for &clients in &plan.clients {
        for &route in &plan.routes {
            for (subject, server) in &servers {
                let target = stores.target(*subject, server);
                let counted = load::measure(target, route, clients, plan.window)
                    .await
                    .with_context(|| format!("{} of {}, {clients} clients", route.path(), subject.name()))?;
                let cell = Cell { clients, route, subject: *subject };
                results.entry(cell).or_default().push(counted.sample()?);
            }
        }
    }
    Ok(())
}

/// Every other round goes backwards, so that nobody always comes after the same neighbour.
fn in_turn(subjects: &[Subject], round: usize) -> Vec<Subject> {
    let mut subjects = subjects.to_vec();
    if round % 2 == 1 {
        subjects.reverse();
    }
    subjects
}

/// Who is measured: first axum alone, then the libraries side by side on each backend.
fn subjects(plan: &Plan) -> Vec<Subject> {
    let mut subjects = vec![Subject::Bare];
    for backend in &plan.backends {
        for library in &plan.libraries {
            // Nobody needs connections to the process's own memory.
            if (*library, *backend) != (Library::CloakroomOnPool, Backend::Memory) {
                subjects.push(Subject::Sessions(*library, *backend));
            }
        }
    }
    subjects
}

impl Subject {
    fn is_in_memory(self) -> bool {
        matches!(self, Self::Sessions(_, Backend::Memory))
    }
}

/// How a server commits.
#[derive(Clone, Copy, Debug)]
enum Commits {
    AsMeasured,
    /// SQLite without waiting for the disk, to fill a table quickly.
    Quickly,
}

/// Where the servers keep their sessions during the run.
#[derive(Debug)]
struct Stores {
    /// Stopped before the folder, which holds their data, is removed: fields are dropped in this order.
    postgres: BTreeMap<Library, Postgres>,
    folder: tempfile::TempDir,
}

impl Stores {
    async fn prepare(plan: &Plan) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("cloakroom-benches-").tempdir()?;
        let mut postgres = BTreeMap::new();
        if plan.backends.contains(&Backend::Postgres) {
            // The user that PostgreSQL runs as has to pass through.
            let passable = std::os::unix::fs::PermissionsExt::from_mode(0o711);
            std::fs::set_permissions(folder.path(), passable)?;
            for library in &plan.libraries {
                let server = Postgres::start(&folder.path().join(format!("{library:?}-postgres"))).await?;
                postgres.insert(*library, server);
            }
        }
        Ok(Self { postgres, folder })
    }

    /// Makes the sessions that a database holds before anything is measured.
    async fn fill(&self, subject: Subject, plan: &Plan) -> anyhow::Result<()> {
        if subject == Subject::Bare || subject.is_in_memory() {
            return Ok(());
        }
        let server = self.serve(subject, plan, Commits::Quickly)?;
        load::fill(server.address(), plan.rows).await
    }

    fn serve(&self, subject: Subject, plan: &Plan, commits: Commits) -> anyhow::Result<Server> {
        let mut arguments = vec![format!("--workers={WORKERS}"), format!("--pool={}", plan.pool)];
        if let Subject::Sessions(library, backend) = subject {
            let connections = if library == Library::CloakroomOnPool { "application" } else { "own" };
            arguments.push(format!("--connections={connections}"));
            match backend {
                Backend::Memory => arguments.push("--backend=memory".into()),
                Backend::Sqlite | Backend::SqliteDurable => {
                    arguments.push("--backend=sqlite".into());
                    arguments.push(format!("--file={}", self.file(library, backend).display()));
                    arguments.push(format!("--synchronous={}", synchronous(backend, commits)));
                }
                Backend::Postgres => {
                    arguments.push("--backend=postgres".into());
                    let url = self.postgres.get(&library).context("no PostgreSQL was started")?.url();
                    arguments.push(format!("--url={url}"));
                }
            }
        }
        Server::start(subject, &arguments)
    }

    fn file(&self, library: Library, backend: Backend) -> PathBuf {
        let name = if backend == Backend::SqliteDurable { "durable" } else { "normal" };
        self.folder.path().join(format!("{library:?}-{name}.sqlite"))
    }

    fn target(&self, subject: Subject, server: &Server) -> Target {
        let (database, keeps) = match subject {
            Subject::Bare => (None, Keeps::Nothing),
            Subject::Sessions(library, Backend::Postgres) => {
                (self.postgres.get(&library).map(Postgres::database), Keeps::Sessions)
            }
            Subject::Sessions(..) => (None, Keeps::Sessions),
        };
        Target { address: server.address(), process: server.process(), database, keeps }
    }
}

fn synchronous(backend: Backend, commits: Commits) -> &'static str {
    match (commits, backend) {
        (Commits::Quickly, _) => "off",
        (Commits::AsMeasured, Backend::SqliteDurable) => "full",
        (Commits::AsMeasured, _) => "normal",
    }
}
