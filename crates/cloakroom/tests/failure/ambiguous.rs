//! Commits of which the application cannot know: the connection dies after the statement was sent, and the database
//! carried it out or never heard of it.

use std::time::Duration;

use cloakroom::Outcome;
use cloakroom::sql::Gathering;
use http::StatusCode;

use crate::proxy::{End, Fault};
use crate::site::{Browser, Reply, Site};
use crate::support::on_every_server;
use crate::support::{Backend, Place};

/// A client that repeats its `update` until that succeeds counts each success once. What it was told is unknown may have
/// counted too, and nothing else has.
async fn r43_a_client_that_tries_again_counts_no_more_than_it_was_told(place: Place) {
    let site = Site::new(&place, Gathering::default()).await;
    for fault in [Fault::Lost(End::Reset), Fault::Unanswered(End::Reset), Fault::Torn(End::Close)] {
        site.forget().await;
        let mut browser = site.member("ann").await;
        let mut tally = Tally::default();
        for _ in 0..5 {
            let key = site.row().await.unwrap().key;
            site.proxy.ambush(key.as_bytes(), 1, fault);
            loop {
                let reply = browser.get("/update").await;
                tally.take(&reply);
                if reply.is_ok() {
                    break;
                }
            }
            assert!(!site.proxy.disarm());
        }
        tally.check(site.row().await.unwrap().count() - 1, &format!("{fault:?}"));
        assert!(tally.successes >= 5);
    }
}

/// What a client was told of its updates.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) successes: u64,
    pub(crate) unknown: u64,
    pub(crate) refused: u64,
}

impl Tally {
    pub(crate) fn take(&mut self, reply: &Reply) {
        match reply.outcome {
            None if reply.is_ok() => self.successes += 1,
            Some(Outcome::Unknown) => self.unknown += 1,
            Some(Outcome::NotWritten) => self.refused += 1,
            None => panic!("neither a success nor an error of the session: {reply:?}"),
        }
        if !reply.is_ok() {
            reply.is_by_the_policy("an update");
        }
    }

    /// That so many updates in the table agree with what the client was told.
    pub(crate) fn check(&self, updates: u64, case: &str) {
        assert!(updates >= self.successes, "{case}: {updates} of {self:?}: a success is lost");
        assert!(updates <= self.successes + self.unknown, "{case}: {updates} of {self:?}: one counted twice");
    }
}

/// Many visitors' writes in one batch, which ends with one COMMIT or is one statement: all of them or none, and none of
/// them is denied when all of them are there.
async fn r43_a_batch_whose_commit_has_no_answer_is_counted_once(place: Place) {
    let site = Site::new(&place, Gathering::default()).await;
    for fault in [Fault::Unanswered(End::Reset), Fault::Lost(End::Reset), Fault::Unanswered(End::Close)] {
        let mut browsers = Vec::new();
        site.forget().await;
        for number in 0..16 {
            browsers.push(site.member(&format!("user{number}")).await);
        }
        // The batch of PostgreSQL is one statement, which commits by itself.
        let needle = match place.backend {
            Backend::Mysql => b"COMMIT".to_vec(),
            _ => site.rows().await[11].key.as_bytes().to_vec(),
        };
        let passing = usize::from(place.backend != Backend::Mysql);
        let mut tallies: Vec<_> = browsers.iter().map(|_| Tally::default()).collect();
        site.proxy.ambush(needle, passing, fault);
        loop {
            let requests =
                browsers.iter_mut().map(async |browser: &mut Browser| browser.get("/update").await);
            let replies = futures_util::future::join_all(requests).await;
            replies.iter().zip(&mut tallies).for_each(|(reply, tally)| tally.take(reply));
            // The first write runs alone, and the others gather behind it, unless all of them are slower than it is.
            if site.proxy.caught() > 0 && !site.proxy.disarm() {
                break;
            }
        }
        for row in site.rows().await {
            let number: usize = row.user.as_deref().unwrap().trim_start_matches("user").parse().unwrap();
            tallies[number].check(row.count() - 1, &format!("{fault:?}, {row:?}"));
        }
        for browser in &mut browsers {
            assert!(browser.get("/read").await.is_ok());
        }
    }
}

/// A handler that saves by itself and ignores that it failed: the save when the response is ready finds out what became
/// of the first one, and counts once.
async fn r43_a_save_in_doubt_is_settled_before_the_response(place: Place) {
    let site = Site::new(&place, Gathering::default()).await;
    for fault in [Fault::Lost(End::Reset), Fault::Unanswered(End::Reset), Fault::Torn(End::Half)] {
        site.forget().await;
        let mut browser = site.member("ann").await;
        let key = site.row().await.unwrap().key;
        site.proxy.ambush(key.as_bytes(), 1, fault);
        let reply = browser.get("/saved").await;
        assert!(!site.proxy.disarm());
        assert_eq!((reply.status, reply.body.as_str()), (StatusCode::OK, "2"), "{fault:?}: {reply:?}");
        assert_eq!(site.row().await.unwrap().count(), 2, "{fault:?}");
    }
}

/// The database has done it and is then gone for good: whoever was not told of a success is not told of a failure either.
async fn r43_what_was_done_before_the_database_went_away_is_not_denied(place: Place) {
    let gathering = Gathering::default().with_time_limit(Duration::from_millis(500));
    let mut site = Site::new(&place, gathering).await;
    for path in ["/update", "/saved", "/insert/x", "/login/bea", "/logout"] {
        site.forget().await;
        let mut browser = site.member("ann").await;
        let row = site.row().await.unwrap();
        site.proxy.ambush(row.key.as_bytes(), 1, Fault::Collapse);
        let reply = browser.get(path).await;
        assert!(!site.proxy.disarm(), "{path}");
        reply.is_by_the_policy(path);
        assert_ne!(site.row().await, Some(row), "{path}: the database has done it");
        assert_eq!(reply.outcome, Some(Outcome::Unknown), "{path}");
        browser.get("/read").await.is_by_the_policy(path);
        site.proxy.mend();
        assert!(browser.get_patiently("/read").await.is_ok(), "{path}");
    }
}

on_every_server! {
    r43_a_client_that_tries_again_counts_no_more_than_it_was_told
    r43_a_batch_whose_commit_has_no_answer_is_counted_once
    r43_a_save_in_doubt_is_settled_before_the_response
    r43_what_was_done_before_the_database_went_away_is_not_denied
}
