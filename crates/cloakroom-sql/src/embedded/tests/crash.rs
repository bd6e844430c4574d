//! What was answered survives the death of the process.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use super::{create, open, payload, save};

const FILE: &str = "CLOAKROOM_TEST_CRASH_FILE";

#[tokio::test]
async fn an_answered_write_survives_sigkill() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "embedded::tests::crash::a_process_that_writes_until_it_is_killed", "--nocapture"])
        .env(FILE, &path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut answered = Vec::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        if let Some(number) = line.unwrap().strip_prefix("answered ") {
            answered.push(number.parse::<u32>().unwrap());
            if answered.len() == 50 {
                child.kill().unwrap();
            }
        }
    }
    child.wait().unwrap();
    assert!(answered.len() >= 50);
    let embedded = open(&path);
    for number in answered {
        assert_eq!(
            payload(&embedded, number).await,
            Some((r#"{"kept":true}"#.to_owned(), 2)),
            "session {number}"
        );
    }
    // And it is a good database: it can be written again.
    embedded.submit(create(1_000_000, "{}")).await.unwrap();
}

/// The process that the test above kills; by itself it does nothing.
#[tokio::test]
async fn a_process_that_writes_until_it_is_killed() {
    let Some(path) = std::env::var_os(FILE) else { return };
    let embedded = open(path.as_ref());
    for number in 0..100_000 {
        embedded.submit(create(number, "{}")).await.unwrap();
        embedded.submit(save(number, 1, r#"{"kept":true}"#)).await.unwrap();
        let mut output = std::io::stdout();
        writeln!(output, "answered {number}").unwrap();
        output.flush().unwrap();
    }
}
