//! Where and how it was measured, without naming the machine.

use std::fs;
use std::process::Command;
use std::thread::available_parallelism;

use anyhow::Context as _;

use crate::cell::Backend;
use crate::postgres;
use crate::round::{Plan, WORKERS};

const OUR_LOCK: &str = include_str!("../Cargo.lock");
const PEER_LOCK: &str = include_str!("../servers/tower-sessions/Cargo.lock");

/// A few sentences in Markdown: date, machine, versions, settings.
pub(crate) fn describe(plan: &Plan) -> anyhow::Result<String> {
    let date = output("date", &["-u", "+%F"])?;
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let kernel = kernel.split('-').next().unwrap_or_default().trim();
    let cores = available_parallelism()?;
    let processor = processor()?;
    let memory = memory_in_gib()?;
    let postgres = if plan.backends.contains(&Backend::Postgres) {
        format!(", {}", postgres::version()?)
    } else {
        String::new()
    };
    let versions = versions()?;
    Ok(format!(
        "Measured on {date}: {cores} cores ({processor}), {memory} GiB of memory, Linux {kernel}{postgres}. \
         {versions}. {} rounds of {} ms for each cell, {} sessions in each store before, pools of {} connections, \
         {WORKERS} worker threads in each server.\n",
        plan.rounds,
        plan.window.as_millis(),
        plan.rows,
        plan.pool,
    ))
}

/// What both sides are built with has to be the same; what differs is said.
fn versions() -> anyhow::Result<String> {
    for name in ["axum", "hyper", "hyper-util", "tokio"] {
        let (ours, theirs) = (versions_of(OUR_LOCK, name), versions_of(PEER_LOCK, name));
        anyhow::ensure!(
            ours == theirs,
            "the servers are built with different versions of {name}, {ours:?} and {theirs:?}: run `cargo update` \
             in both workspaces"
        );
    }
    let said = [
        ("axum", OUR_LOCK, "axum"),
        ("tower-sessions", PEER_LOCK, "tower-sessions"),
        ("tower-sessions-sqlx-store", PEER_LOCK, "tower-sessions-sqlx-store"),
        ("its sqlx", PEER_LOCK, "sqlx"),
        ("our sqlx", OUR_LOCK, "sqlx"),
        ("rusqlite", OUR_LOCK, "rusqlite"),
    ];
    let said = said.map(|(label, lock, name)| format!("{label} {}", versions_of(lock, name).join(" and ")));
    Ok(said.join(", "))
}

/// The versions of a package in a lock file.
fn versions_of<'a>(lock: &'a str, name: &str) -> Vec<&'a str> {
    let begin = format!("name = \"{name}\"\nversion = \"");
    lock.split(&begin).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

fn processor() -> anyhow::Result<String> {
    let information = fs::read_to_string("/proc/cpuinfo")?;
    let model = information.lines().find(|line| line.starts_with("model name"));
    let model = model.and_then(|line| line.split_once(": "));
    Ok(model.map_or_else(|| std::env::consts::ARCH.into(), |(_, model)| model.trim().to_owned()))
}

fn memory_in_gib() -> anyhow::Result<u64> {
    let information = fs::read_to_string("/proc/meminfo")?;
    let total = information.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let total =
        total.and_then(|line| line.trim().strip_suffix(" kB")).context("the kernel hides its memory")?;
    let kib: u64 = total.trim().parse()?;
    Ok((kib + (1 << 19)) >> 20)
}

fn output(program: &str, arguments: &[&str]) -> anyhow::Result<String> {
    let answer = Command::new(program).args(arguments).output()?;
    anyhow::ensure!(answer.status.success(), "{program} failed");
    Ok(String::from_utf8(answer.stdout)?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::versions_of;

    #[test]
    fn versions_are_read_from_a_lock_file() {
        let lock = "[[package]]\nname = \"axum\"\nversion = \"0.8.9\"\n\n[[package]]\nname = \"axum-core\"\nversion = \"0.5.6\"\n";
        assert_eq!(versions_of(lock, "axum"), ["0.8.9"]);
        assert_eq!(versions_of(lock, "hyper"), [""; 0]);
    }
}
