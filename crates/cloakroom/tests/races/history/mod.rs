//! Several processes work on the same sessions of one database, write down what they did and saw, and a checker says
//! whether that can be explained.

mod checker;
mod client;
mod judgements;
mod worker;

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::{env, fs};

use cloakroom_conformance::{effort, seed};
use serde::{Deserialize, Serialize};

use crate::support::{Backend, Place, run_on};
use checker::check;
use client::Client;

/// How many processes work at once, each with several requests under way.
const PROCESSES: usize = 3;
const CLIENTS: usize = 4;
/// On how few sessions they work, so that they meet.
const SESSIONS: usize = 4;

#[test]
fn r01_r06_asvs_15_4_2_what_processes_see_on_sqlite_can_be_explained() {
    run_on(Backend::Sqlite, story);
}

#[test]
fn r01_r06_asvs_15_4_2_what_processes_see_on_postgres_can_be_explained() {
    run_on(Backend::Postgres, story);
}

#[test]
fn r01_r06_asvs_15_4_2_what_processes_see_on_mysql_can_be_explained() {
    run_on(Backend::Mysql, story);
}

/// One request, as its client knows it: a line of a process's log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// Which session it was about.
    pub(crate) session: usize,
    /// The cookie that it came with, and the one that its response set.
    pub(crate) cookie: String,
    pub(crate) issued: Option<String>,
    pub(crate) act: Act,
    /// When it began and when its response was there: nanoseconds of the clock that all processes of a machine share.
    pub(crate) begun: u64,
    pub(crate) ended: u64,
    pub(crate) reply: Reply,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Act {
    Read,
    /// Adds one to the counter.
    Count,
    /// Writes a value that nobody else writes.
    Write(u64),
    /// Inserts a key that nobody else inserts.
    Insert(u64),
    /// Removes a key that was inserted.
    Remove(u64),
    Rotate,
    Destroy,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Reply {
    /// It was done, and this is what the session then held, or held when it was read or ended.
    Done(Seen),
    /// The cookie named no session.
    Stranger,
    /// The session had ended or had another cookie: nothing was done.
    Gone,
    /// Others wrote first, every time: nothing was done.
    Contended,
    /// Nobody knows whether it was done.
    Unknown,
}

/// What is in a session.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Seen {
    pub(crate) count: u64,
    /// The value that was written last; 0 at first.
    pub(crate) written: u64,
    pub(crate) keys: Vec<u64>,
}

/// What a process is told to do, as JSON in an environment variable.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Task {
    place: String,
    process: usize,
    seed: u64,
    /// How many requests each of its clients makes.
    requests: u32,
    /// Where the processes find the cookies and leave their logs.
    folder: PathBuf,
}

async fn story(place: Place) {
    let folder = tempfile::tempdir().unwrap();
    let client = Client::new(place.store().await, folder.path());
    for session in 0..SESSIONS {
        client.begin(session).await;
    }
    let seed = seed();
    let mut processes: Vec<_> = (0..PROCESSES)
        .map(|process| {
            let folder = folder.path().to_owned();
            Process::start(&Task { place: place.describe(), process, seed, requests: 40 * effort(), folder })
        })
        .collect();
    processes.iter_mut().for_each(Process::wait_until_ready);
    processes.iter_mut().for_each(Process::begin);
    let mut entries: Vec<_> = processes.into_iter().flat_map(Process::finish).collect();

    // What is there in the end is what one more reader sees with every cookie that there was.
    let came = entries.iter().map(|entry| (entry.session, entry.cookie.clone()));
    let issued = entries.iter().filter_map(|entry| Some((entry.session, entry.issued.clone()?)));
    for (session, cookie) in came.chain(issued).collect::<BTreeSet<_>>() {
        entries.push(client.ask(session, cookie, Act::Read).await);
    }
    let lines: Vec<_> = entries.iter().map(|entry| serde_json::to_string(entry).unwrap()).collect();
    let reasons = check(&entries);
    if !reasons.is_empty() {
        let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("history-{seed}.jsonl"));
        fs::write(&file, lines.join("\n")).unwrap();
        let first: Vec<_> = reasons.iter().take(10).collect();
        panic!(
            "seed {seed}: {} things in {} lines cannot be explained, such as {first:#?}; the lines are in {}",
            reasons.len(),
            entries.len(),
            file.display()
        );
    }
    assert_interesting(&entries);
}

/// That the processes met: a history in which everybody was alone proves nothing.
fn assert_interesting(entries: &[Entry]) {
    let done = |wanted: fn(&Act) -> bool| {
        entries.iter().filter(|entry| wanted(&entry.act) && matches!(entry.reply, Reply::Done(_))).count()
    };
    let overlapping = entries.iter().enumerate().filter(|(index, entry)| {
        let mut earlier = entries[..*index].iter();
        earlier.any(|other| {
            other.session == entry.session && other.begun < entry.ended && entry.begun < other.ended
        })
    });
    let counts = [
        done(|act| matches!(act, Act::Count)),
        done(|act| matches!(act, Act::Rotate)),
        done(|act| matches!(act, Act::Destroy)),
        overlapping.count(),
    ];
    assert!(counts.iter().all(|count| *count > 0), "too little happened: {counts:?}");
}

/// One of the processes: this test binary, started once more.
struct Process {
    child: Child,
    stdin: Option<ChildStdin>,
    log: PathBuf,
}

impl Process {
    fn start(task: &Task) -> Self {
        let mut child = Command::new(env::current_exe().unwrap())
            .args([worker::TEST, "--exact", "--nocapture", "--test-threads=1"])
            .env(worker::TASK, serde_json::to_string(task).unwrap())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self { stdin: child.stdin.take(), child, log: task.log() }
    }

    fn wait_until_ready(&mut self) {
        let output = BufReader::new(self.child.stdout.as_mut().unwrap());
        // The test harness may have written on the same line.
        let ready = output.lines().any(|line| line.unwrap().ends_with(worker::READY));
        assert!(ready, "a process ended before it was ready; what it said is above");
    }

    fn begin(&mut self) {
        self.stdin.take().unwrap().write_all(b"go\n").unwrap();
    }

    fn finish(mut self) -> Vec<Entry> {
        assert!(self.child.wait().unwrap().success(), "a process failed; what it said is above");
        let lines = fs::read_to_string(&self.log).unwrap();
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Nothing to do for one that has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Task {
    fn log(&self) -> PathBuf {
        self.folder.join(format!("{}.jsonl", self.process))
    }
}
