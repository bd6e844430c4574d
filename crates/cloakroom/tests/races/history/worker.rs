//! What each process does.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::{env, fs};

use cloakroom_conformance::Dice;
use futures_util::future::join_all;
use tokio::runtime::Builder;

use super::{Act, CLIENTS, Client, Entry, Reply, SESSIONS, Task};
use crate::support::Place;

/// The name of the test that is a process's work.
pub(crate) const TEST: &str = "history::worker::works_when_it_is_told_to";
pub(crate) const TASK: &str = "CLOAKROOM_HISTORY_TASK";
pub(crate) const READY: &str = "ready";

/// Does nothing unless another process of this test started it.
#[test]
fn works_when_it_is_told_to() {
    let Ok(task) = env::var(TASK) else { return };
    let task: Task = serde_json::from_str(&task).unwrap();
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let lines = runtime.block_on(async {
        let store = Place::described(&task.place).store().await;
        let client = Client::new(store, &task.folder);
        writeln!(io::stdout(), "{READY}").unwrap();
        io::stdin().read_line(&mut String::new()).unwrap();
        let clients = (0..CLIENTS).map(|number| tokio::spawn(work(client.clone(), task.clone(), number)));
        let entries = join_all(clients).await.into_iter().flat_map(Result::unwrap);
        entries.map(|entry| serde_json::to_string(&entry).unwrap()).collect::<Vec<_>>()
    });
    fs::write(task.log(), lines.join("\n")).unwrap();
}

/// One client makes one request after the other. Which ones depends on the seed, and on its own keys being there.
async fn work(client: Client, task: Task, number: usize) -> Vec<Entry> {
    let number = task.process * CLIENTS + number;
    let mut dice = Dice::new(task.seed.wrapping_add(number as u64));
    let mut inserted = BTreeMap::<usize, Vec<u64>>::new();
    let mut entries = Vec::new();
    for round in 0..task.requests {
        let session = dice.below(SESSIONS);
        // Nobody else has this number.
        let own = u64::from(round) * 1_000 + number as u64 + 1;
        // Sessions end late, so that much happens to them before.
        let late = round > task.requests / 10 * 8;
        let act = match dice.below(100) {
            0..12 if late => Act::Destroy,
            0..25 => Act::Read,
            25..55 => Act::Count,
            55..70 => Act::Write(own),
            70..85 => Act::Insert(own),
            85..95 => match inserted.entry(session).or_default().pop() {
                Some(key) => Act::Remove(key),
                None => Act::Read,
            },
            _ => Act::Rotate,
        };
        let cookie = client.cookie(session);
        let entry = client.ask(session, cookie, act).await;
        if let (Act::Insert(key), Reply::Done(_)) = (act, &entry.reply) {
            inserted.entry(session).or_default().push(key);
        }
        entries.push(entry);
    }
    entries
}
