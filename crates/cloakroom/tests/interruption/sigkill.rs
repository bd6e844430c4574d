//! The application is killed without warning, again and again: what it was told is stored is found afterwards.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};

use axum::Router;
use cloakroom_conformance::{Dice, ManualClock, effort, seed};
use futures_util::future::join_all;
use http::StatusCode;

use crate::database::PATIENCE;
use crate::kinds::View;
use crate::site::{NOW, app, ask};
use crate::support::{Backend, Place};

/// Names the place to the process that is to be killed.
const PLACE: &str = "CLOAKROOM_TEST_KILLED_PLACE";
const PROCESS: &str = "sigkill::a_process_that_is_killed_while_it_writes";
const WORKERS: usize = 8;
const KILLS: u32 = 100;

mod what_was_answered_is_found_after_a_hundred_kills {
    use crate::support::{Backend, run_on};

    #[test]
    fn sqlite() {
        run_on(Backend::Sqlite, super::kill_again_and_again);
    }

    #[test]
    fn postgres() {
        run_on(Backend::Postgres, super::kill_again_and_again);
    }

    #[test]
    fn mysql() {
        run_on(Backend::Mysql, super::kill_again_and_again);
    }
}

async fn kill_again_and_again(place: Place) {
    let mut dice = Dice::new(seed());
    let mut ledger = Ledger::default();
    let mut logs_left = 0;
    for _ in 0..KILLS * effort() {
        let enough = 10 + dice.below(40);
        tokio::task::block_in_place(|| run_until(enough, &place, &mut ledger, dice.below(1_000_000)));
        logs_left += usize::from(has_log_left(&place));
    }
    assert!(
        place.backend != Backend::Sqlite || logs_left > KILLS as usize / 2,
        "SQLite had nothing to recover"
    );
    println!("{} writes were answered, {} sessions ended", ledger.answered, ledger.ended.len());
    assert!(ledger.answered >= 10 * KILLS as usize && ledger.ended.len() > 20, "that was no load");

    let app = app(place.store().await, ManualClock::at(NOW));
    for line in &mut ledger.lines {
        if let Some(cookie) = line.cookie.clone() {
            line.found(sight(&app, &cookie).await.as_ref());
        }
    }
    for cookie in &ledger.ended {
        assert_eq!(sight(&app, cookie).await, None, "an ended session came back");
    }
    if place.backend == Backend::Sqlite {
        let file = sqlx::SqlitePool::connect(&place.url).await.unwrap();
        let verdict: String = sqlx::query_scalar("PRAGMA integrity_check").fetch_one(&file).await.unwrap();
        assert_eq!(verdict, "ok");
    }
}

/// What a visitor with this cookie sees.
async fn sight(app: &Router, cookie: &str) -> Option<View> {
    let answer = ask(app, "/look", Some(cookie)).await;
    assert_eq!(answer.status, StatusCode::OK);
    answer.view.filter(|view| !view.data.is_empty())
}

fn has_log_left(place: &Place) -> bool {
    let path = place.url.trim_start_matches("sqlite:");
    place.backend == Backend::Sqlite && fs::metadata(format!("{path}-wal")).is_ok_and(|file| file.len() > 0)
}

/// Everything that the processes have said so far.
#[derive(Default)]
struct Ledger {
    lines: [Line; WORKERS],
    /// The cookies of all sessions that were ended, or that got another cookie.
    ended: Vec<String>,
    answered: usize,
}

/// What is known of the session that one worker writes to.
#[derive(Debug, Default)]
struct Line {
    cookie: Option<String>,
    number: u64,
    /// How many writes were answered, and how many were begun.
    counts: [u64; 2],
    /// The request that was begun and not answered.
    open: Option<Wish>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Wish {
    Write(u64),
    Rotate,
    End,
}

impl Ledger {
    /// Takes note of one line of a process. Whether a request was answered.
    fn note(&mut self, text: &str) -> bool {
        let mut words = text.split(' ');
        let (Some(what), Some(worker)) = (words.next(), words.next()) else { return false };
        let Ok(worker) = worker.parse::<usize>() else { return false };
        let line = &mut self.lines[worker];
        match what {
            "begin" => {
                let wish = match words.next().unwrap() {
                    "rotate" => Wish::Rotate,
                    "end" => Wish::End,
                    number => Wish::Write(number.parse().unwrap()),
                };
                line.counts[1] += u64::from(matches!(wish, Wish::Write(_)));
                line.open = Some(wish);
            }
            "done" => {
                self.answered += 1;
                let cookie = words.next().map(str::to_owned);
                match line.open.take().expect("nothing was begun") {
                    Wish::Write(number) => {
                        line.number = number;
                        line.counts[0] += 1;
                        line.cookie = cookie.or(line.cookie.take());
                    }
                    Wish::Rotate => self.ended.extend(std::mem::replace(&mut line.cookie, cookie)),
                    Wish::End => self.ended.extend(std::mem::take(line).cookie),
                }
                return true;
            }
            "found" => {
                let json = text.splitn(3, ' ').nth(2).unwrap();
                line.found(serde_json::from_str::<Option<View>>(json).unwrap().as_ref());
            }
            "ended" => panic!("session of worker {worker} came back after it was ended"),
            "failed" => panic!("a request failed: {text}"),
            _ => {}
        }
        false
    }
}

impl Line {
    /// Compares what is stored with what was answered.
    fn found(&mut self, view: Option<&View>) {
        let open = self.open.take();
        match (view, open) {
            (None, Some(Wish::Rotate | Wish::End)) => *self = Self::default(),
            (None, _) => panic!("a session is lost: {self:?}, {open:?}"),
            (Some(view), open) => {
                let number = view.number();
                let written = number == self.number || Some(Wish::Write(number)) == open;
                let counted = (self.counts[0]..=self.counts[1]).contains(&view.count());
                assert!(written && counted, "stored: {number}, {} times; {self:?}, {open:?}", view.count());
                self.number = number;
                if matches!(open, Some(Wish::Rotate | Wish::End)) {
                    // The server may still be about to do it. Nobody can say any more what becomes of this session.
                    *self = Self::default();
                }
            }
        }
    }
}

/// Starts a process, kills it when so many of its requests were answered, and notes what it said until then.
fn run_until(enough: usize, place: &Place, ledger: &mut Ledger, seed: usize) {
    let mut child = start(place);
    tell(child.stdin.take().unwrap(), ledger, seed);
    for line in &mut ledger.lines {
        // A session that was being made when its process died is known to nobody.
        if line.cookie.is_none() {
            *line = Line::default();
        }
    }
    let mut answered = 0;
    for text in BufReader::new(child.stdout.take().unwrap()).lines() {
        answered += usize::from(ledger.note(&text.unwrap()));
        if answered == enough {
            child.kill().unwrap();
        }
    }
    let ended = child.wait().unwrap();
    assert!(was_killed(ended), "the process ended by itself: {ended:?}");
}

fn start(place: &Place) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", PROCESS, "--nocapture", "--test-threads=1"]);
    command.env(PLACE, place.describe()).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
}

/// Hands over the sessions to go on with, and those that must not be there.
fn tell(mut stdin: ChildStdin, ledger: &Ledger, seed: usize) {
    writeln!(stdin, "seed {seed}").unwrap();
    for (worker, line) in ledger.lines.iter().enumerate() {
        if let Some(cookie) = &line.cookie {
            let doubtful = matches!(line.open, Some(Wish::Rotate | Wish::End));
            writeln!(stdin, "{} {worker} {cookie}", if doubtful { "leave" } else { "keep" }).unwrap();
        }
    }
    // The others were looked for by earlier processes, and are again at the end.
    for cookie in ledger.ended.iter().rev().take(WORKERS) {
        writeln!(stdin, "ended 0 {cookie}").unwrap();
    }
}

#[cfg(unix)]
fn was_killed(status: ExitStatus) -> bool {
    std::os::unix::process::ExitStatusExt::signal(&status) == Some(9)
}

#[cfg(not(unix))]
fn was_killed(status: ExitStatus) -> bool {
    !status.success()
}

/// The process that the tests above kill; by itself it does nothing.
#[test]
fn a_process_that_is_killed_while_it_writes() {
    let Ok(place) = std::env::var(PLACE) else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let write = async {
        let app = app(Place::described(&place).store().await, ManualClock::at(NOW));
        let workers = orders(&app).await.into_iter().map(|worker| worker.run(app.clone()));
        join_all(workers).await;
    };
    // Whoever started this process may have gone.
    runtime.block_on(async { tokio::time::timeout(4 * PATIENCE, write).await }).unwrap();
}

struct Worker {
    name: usize,
    cookie: Option<String>,
    number: u64,
    dice: Dice,
}

/// Reads which sessions there are, says what is found of them, and makes the workers.
async fn orders(app: &Router) -> Vec<Worker> {
    say("");
    let mut workers: Vec<Worker> = Vec::new();
    for order in std::io::stdin().lines() {
        let order = order.unwrap();
        let mut words = order.split(' ');
        match (words.next().unwrap(), words.next().unwrap(), words.next()) {
            ("seed", seed, _) => {
                let seed: u64 = seed.parse().unwrap();
                let worker = |name| Worker { name, cookie: None, number: 0, dice: dice(seed, name) };
                workers = (0..WORKERS).map(worker).collect();
            }
            ("ended", name, cookie) => {
                if sight(app, cookie.unwrap()).await.is_some() {
                    say(&format!("ended {name}"));
                }
            }
            (order, name, cookie) => {
                let cookie = cookie.unwrap();
                let view = sight(app, cookie).await;
                say(&format!("found {name} {}", serde_json::to_string(&view).unwrap()));
                let worker = &mut workers[name.parse::<usize>().unwrap()];
                if let Some(view) = view.filter(|_| order == "keep") {
                    (worker.cookie, worker.number) = (Some(cookie.to_owned()), view.number());
                }
            }
        }
    }
    workers
}

fn dice(seed: u64, name: usize) -> Dice {
    Dice::new(seed.wrapping_mul(WORKERS as u64).wrapping_add(name as u64))
}

impl Worker {
    async fn run(mut self, app: Router) {
        let name = self.name;
        loop {
            let (wish, path) = match (self.dice.below(100), &self.cookie) {
                (0..8, Some(_)) => ("rotate".to_owned(), "/rotate".to_owned()),
                (8..12, Some(_)) => ("end".to_owned(), "/destroy".to_owned()),
                _ => ((self.number + 1).to_string(), format!("/write/{}", self.number + 1)),
            };
            say(&format!("begin {name} {wish}"));
            let answer = ask(&app, &path, self.cookie.as_deref()).await;
            if answer.status != StatusCode::OK {
                say(&format!("failed {name} {path} {}", answer.status));
                return;
            }
            let cookie = answer.cookie.filter(|cookie| !cookie.is_empty());
            say(format!("done {name} {}", cookie.as_deref().unwrap_or_default()).trim_end());
            match wish.as_str() {
                "rotate" => self.cookie = cookie,
                "end" => (self.cookie, self.number) = (None, 0),
                _ => {
                    self.number += 1;
                    self.cookie = cookie.or(self.cookie);
                }
            }
        }
    }
}

/// Writes one line at once, so that it is read whole or not at all.
fn say(line: &str) {
    let mut output = std::io::stdout().lock();
    writeln!(output, "{line}").unwrap();
    output.flush().unwrap();
}
