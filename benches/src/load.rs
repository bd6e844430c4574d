//! The load generator: clients that ask one after the other, and check what they are told.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::cell::Route;
use crate::client::{Answer, Client};
use crate::cpu::Meter;
use crate::sample::Counted;

/// What is asked, and whose processor time it costs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    /// The server's process.
    pub(crate) process: u32,
    /// The database's processes, if it has its own.
    pub(crate) database: Option<Database>,
    /// Whether the answers can be checked against a session.
    pub(crate) keeps: Keeps,
}

/// Which processes are the database.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Database {
    /// The one below this postmaster.
    Private(u32),
    /// Every PostgreSQL process on this machine.
    Any,
}

/// What a server is expected to remember.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keeps {
    /// Every visitor has a session.
    Sessions,
    /// There are none, and every answer is the same.
    Nothing,
}

/// How many clients fill a table before the measurement.
const FILLING: usize = 32;

/// Makes `rows` sessions.
pub(crate) async fn fill(address: SocketAddr, rows: u64) -> anyhow::Result<()> {
    let mut clients = JoinSet::new();
    for index in 0..FILLING as u64 {
        let share = rows / FILLING as u64 + u64::from(index < rows % FILLING as u64);
        clients.spawn(async move {
            let mut client = Client::connect(address).await?;
            for _ in 0..share {
                sign_in(&mut client).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(ended) = clients.join_next().await {
        ended??;
    }
    Ok(())
}

/// Lets `count` clients ask for `route` during `window`, after a quarter of it as warm-up.
///
/// # Errors
/// When an answer contradicts the session: a counter that is not one more than before, a session that is not there.
pub(crate) async fn measure(
    target: Target,
    route: Route,
    count: usize,
    window: Duration,
) -> anyhow::Result<Counted> {
    let mut visitors = Vec::new();
    for _ in 0..count {
        visitors.push(Visitor::arrive(target).await?);
    }
    let begin = Instant::now() + window / 4;
    let end = begin + window;
    let mut visits = JoinSet::new();
    for visitor in visitors {
        visits.spawn(visitor.stay(route, begin, end));
    }

    let meter = Meter::new()?;
    sleep_until(begin).await;
    let before = times(meter, target)?;
    sleep_until(end).await;
    let after = times(meter, target)?;

    let mut counted = Counted {
        latencies: Vec::new(),
        failed: 0,
        elapsed: window,
        server_cpu: after.0.saturating_sub(before.0),
        database_cpu: after.1.zip(before.1).map(|(after, before)| after.saturating_sub(before)),
    };
    while let Some(ended) = visits.join_next().await {
        let (latencies, failed) = ended??;
        counted.latencies.extend(latencies);
        counted.failed += failed;
    }
    Ok(counted)
}

fn times(meter: Meter, target: Target) -> anyhow::Result<(Duration, Option<Duration>)> {
    let database = match target.database {
        None => None,
        Some(Database::Private(postmaster)) => Some(meter.of_postgres(Some(postmaster))?),
        Some(Database::Any) => Some(meter.of_postgres(None)?),
    };
    Ok((meter.of_process(target.process)?, database))
}

/// A client who knows what its session should hold.
#[derive(Debug)]
struct Visitor {
    client: Client,
    keeps: Keeps,
    /// The counter in its session; unknown after a request that failed.
    counter: Option<u64>,
}

impl Visitor {
    async fn arrive(target: Target) -> anyhow::Result<Self> {
        let mut client = Client::connect(target.address).await?;
        if target.keeps == Keeps::Sessions {
            sign_in(&mut client).await?;
        }
        Ok(Self { client, keeps: target.keeps, counter: Some(1) })
    }

    /// Asks until `end`; gives the latencies between `begin` and `end` in nanoseconds, and how many of them failed.
    async fn stay(mut self, route: Route, begin: Instant, end: Instant) -> anyhow::Result<(Vec<u64>, usize)> {
        let mut latencies = Vec::new();
        let mut failed = 0;
        let mut asked = Instant::now();
        while asked < end {
            if route == Route::New {
                self.client.forget_cookie();
            }
            let answer = self.client.get(route.path()).await?;
            let answered = Instant::now();
            let outcome = self.check(route, answer)?;
            if asked >= begin && answered <= end {
                latencies.push(u64::try_from((answered - asked).as_nanos()).unwrap_or(u64::MAX));
                failed += usize::from(outcome == Outcome::Failed);
            }
            asked = answered;
        }
        self.find_again().await?;
        Ok((latencies, failed))
    }

    fn check(&mut self, route: Route, answer: Answer) -> anyhow::Result<Outcome> {
        if answer.status != 200 {
            self.counter = None;
            return Ok(Outcome::Failed);
        }
        let expected = match (route, self.keeps) {
            (Route::None, _) => None,
            (_, Keeps::Nothing) | (Route::New, Keeps::Sessions) => Some(1),
            (Route::Read, Keeps::Sessions) => self.counter.or(answer.number),
            (Route::Write, Keeps::Sessions) => self.counter.map(|counter| counter + 1).or(answer.number),
        };
        anyhow::ensure!(answer.number == expected, "{} gave {answer:?}, not {expected:?}", route.path());
        if self.keeps == Keeps::Sessions && route != Route::None {
            anyhow::ensure!(self.client.has_cookie(), "{} left its client without a session", route.path());
            self.counter = answer.number;
        }
        Ok(Outcome::Answered)
    }

    /// What was counted has to be in the session, and the session in the store.
    async fn find_again(&mut self) -> anyhow::Result<()> {
        if self.keeps == Keeps::Sessions && self.client.has_cookie() {
            let answer = self.client.get(Route::Read.path()).await?;
            let outcome = self.check(Route::Read, answer).context("afterwards")?;
            anyhow::ensure!(outcome == Outcome::Answered, "afterwards there is no session: {answer:?}");
        }
        Ok(())
    }
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Answered,
    Failed,
}

/// Makes a session of the client's own.
async fn sign_in(client: &mut Client) -> anyhow::Result<()> {
    client.forget_cookie();
    let answer = client.get(Route::New.path()).await?;
    anyhow::ensure!(answer.status == 200, "the server cannot make a session: status {}", answer.status);
    anyhow::ensure!(client.has_cookie(), "the server made no session");
    Ok(())
}
