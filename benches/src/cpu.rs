//! Processor time of processes, from `/proc`.

use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::Context as _;

/// The fields of `/proc/<pid>/stat` behind the name that are needed here, see proc(5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stat {
    parent: u32,
    /// User and system time of the process, in clock ticks.
    own: u64,
    /// The same of its children that have ended and were waited for.
    children: u64,
}

/// Reads processor times.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Meter {
    ticks_per_second: u64,
}

impl Meter {
    pub(crate) fn new() -> anyhow::Result<Self> {
        let answer = Command::new("getconf").arg("CLK_TCK").output().context("getconf is not there")?;
        let ticks_per_second: u64 = String::from_utf8(answer.stdout)?.trim().parse()?;
        anyhow::ensure!(ticks_per_second > 0, "the kernel's clock does not tick");
        Ok(Self { ticks_per_second })
    }

    /// User and system time of all threads of `process` since it began.
    pub(crate) fn of_process(self, process: u32) -> anyhow::Result<Duration> {
        let stat = read(process).context("the server has ended")?;
        Ok(self.duration(stat.own))
    }

    /// The same of all processes of a database: of the one server `postmaster`, or of every one on this machine.
    ///
    /// A connection that closes takes its process with it; its time is then the postmaster's children's.
    pub(crate) fn of_postgres(self, postmaster: Option<u32>) -> anyhow::Result<Duration> {
        let mut ticks = 0;
        for entry in fs::read_dir("/proc")? {
            let Some(process) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else {
                continue;
            };
            // A process may end between the listing and the reading.
            let Some(stat) = read(process) else { continue };
            let counts = match postmaster {
                Some(postmaster) => process == postmaster || stat.parent == postmaster,
                None => {
                    fs::read_to_string(format!("/proc/{process}/comm")).is_ok_and(|name| name == "postgres\n")
                }
            };
            if counts {
                ticks += stat.own + stat.children;
            }
        }
        Ok(self.duration(ticks))
    }

    fn duration(self, ticks: u64) -> Duration {
        Duration::from_micros(ticks * 1_000_000 / self.ticks_per_second)
    }
}

fn read(process: u32) -> Option<Stat> {
    parse(&fs::read_to_string(format!("/proc/{process}/stat")).ok()?)
}

fn parse(line: &str) -> Option<Stat> {
    // The name stands in parentheses and may itself contain spaces and parentheses.
    let (_, rest) = line.rsplit_once(") ")?;
    let fields: Vec<&str> = rest.split(' ').collect();
    let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
    Some(Stat {
        parent: u32::try_from(number(1)?).ok()?,
        own: number(11)? + number(12)?,
        children: number(13)? + number(14)?,
    })
}

#[cfg(test)]
mod tests {
    use super::{Meter, Stat, parse};

    #[test]
    fn times_are_found_behind_any_name() {
        let line = "42 (a (b) c) S 7 42 42 0 -1 4194560 2 0 0 0 100 20 3 4 20 0 1 0 9 0 0";
        assert_eq!(parse(line), Some(Stat { parent: 7, own: 120, children: 7 }));
    }

    #[test]
    fn this_process_has_a_time() -> anyhow::Result<()> {
        Meter::new()?.of_process(std::process::id()).map(drop)
    }
}
