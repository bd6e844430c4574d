//! The server is killed with SIGKILL under load and comes back on the same data: every success is there.

use std::sync::Arc;
use std::time::Duration;

use cloakroom::sql::Gathering;
use cloakroom::{Loaded, Page, Scope, Store as _, Timestamp};
use cloakroom_conformance::{ManualClock, effort};
use tokio::sync::watch;

use crate::ambiguous::Tally;
use crate::server::Server;
use crate::site::{Browser, PATIENCE, application};
use crate::support::Place;
use crate::support::on_every_server;

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);
const WRITERS: u32 = 8;

/// How far all writers have come together.
#[derive(Clone, Copy, Default)]
struct Progress {
    successes: u64,
    failures: u64,
    over: bool,
}

/// Counts until it is told to stop, and looks every now and then whether it sees what it was told.
async fn write(
    mut browser: Browser,
    user: String,
    progress: Arc<watch::Sender<Progress>>,
) -> (String, Tally) {
    let mut tally = Tally::default();
    while !progress.borrow().over {
        let reply = browser.get("/update").await;
        tally.take(&reply);
        progress.send_modify(|progress| {
            progress.successes += u64::from(reply.is_ok());
            progress.failures += u64::from(!reply.is_ok());
        });
        let page = browser.get("/read").await;
        if page.is_ok() {
            let (whose, count) = page.shown();
            assert_eq!(whose.as_deref(), Some(user.as_str()));
            tally.check(count - 1, &user);
        } else {
            page.is_by_the_policy("/read");
        }
    }
    (user, tally)
}

async fn r43_asvs_16_5_2_every_success_outlives_a_killed_server(place: Place) {
    let mut server = Server::new(place.backend);
    let place = place.by(&server.url());
    let store = place.sql_store(Gathering::default().with_time_limit(Duration::from_secs(1))).await;
    let app = application(store, ManualClock::at(NOW));
    let progress = Arc::new(watch::Sender::new(Progress::default()));
    let mut writers = Vec::new();
    for number in 0..WRITERS {
        let (mut browser, user) = (Browser::new(app.clone()), format!("user{number}"));
        for path in ["/update", &format!("/login/{user}")] {
            assert!(browser.get_patiently(path).await.is_ok());
        }
        writers.push(tokio::spawn(write(browser, user, Arc::clone(&progress))));
    }
    let mut seen = progress.subscribe();
    let mut comes_to = async |what: fn(&Progress) -> u64, more: u64| {
        let goal = what(&progress.borrow()) + more;
        let reached = tokio::time::timeout(PATIENCE, seen.wait_for(|progress| what(progress) >= goal)).await;
        assert!(reached.is_ok(), "the application does not recover");
    };
    let mut gone = Vec::new();
    for _ in 0..3 * effort() {
        comes_to(|progress| progress.successes, 50).await;
        let mut visitor = Browser::new(app.clone());
        assert!(visitor.get_patiently("/login/eve").await.is_ok());
        let left = visitor.clone();
        if visitor.get("/logout").await.is_ok() {
            gone.push(left);
        }
        server.kill();
        comes_to(|progress| progress.failures, u64::from(WRITERS)).await;
        server.start();
    }
    comes_to(|progress| progress.successes, 50).await;
    progress.send_modify(|progress| progress.over = true);

    // Killed once more, so that what is looked at is on the disk.
    let mut tallies = Vec::new();
    for writer in writers {
        tallies.push(writer.await.unwrap());
    }
    server.kill();
    server.start();
    let rows = rows(&place).await;
    for (user, tally) in &tallies {
        let count = rows.iter().find(|(owner, _)| owner == user).map(|(_, count)| *count);
        tally.check(count.unwrap() - 1, user);
    }
    for mut browser in gone {
        let page = browser.get_patiently("/read").await;
        assert_eq!(page.shown(), (None, 0), "a session that was ended has come back");
    }
    println!("{tallies:?}");
}

/// User and count of every session.
async fn rows(place: &Place) -> Vec<(String, u64)> {
    let witness = place.sql_store(Gathering::default()).await;
    let page = Page { after: None, limit: std::num::NonZeroU32::MAX };
    let mut rows = Vec::new();
    for summary in witness.list(&Scope::All, page, NOW).await.unwrap() {
        if let Loaded::Live(stored) = witness.load(&summary.key, NOW).await.unwrap() {
            let user = stored.record.user.unwrap().as_str().to_owned();
            rows.push((user, stored.record.data["count"].as_u64().unwrap_or(0)));
        }
    }
    rows
}

on_every_server! {
    r43_asvs_16_5_2_every_success_outlives_a_killed_server
}
