//! Many visitors at once, and connections that break at random points: nobody sees another's session, and every counter
//! agrees with what its owner was told.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cloakroom::sql::Gathering;
use cloakroom_conformance::{Dice, effort, seed};
use futures_util::future::join_all;

use crate::ambiguous::Tally;
use crate::proxy::{End, Fault};
use crate::site::{Browser, Site};
use crate::support::Place;
use crate::support::on_every_server;

const VISITORS: u64 = 20;

const FAULTS: [Fault; 8] = [
    Fault::Lost(End::Reset),
    Fault::Lost(End::Half),
    Fault::Unanswered(End::Reset),
    Fault::Unanswered(End::Close),
    Fault::Unanswered(End::Half),
    Fault::Torn(End::Reset),
    Fault::Torn(End::Close),
    Fault::LastWords,
];

/// How many connections break before the storm is over.
const BREAKS: usize = 12;

/// One visitor: reads, counts, and believes what the answers say, until the storm is over.
async fn visit(mut browser: Browser, user: String, mut dice: Dice, storm: Storm) -> (String, Tally) {
    let mut tally = Tally::default();
    for round in 0.. {
        if round >= 30 * effort() && storm.is_over() {
            break;
        }
        let path = dice.pick(&["/read", "/update", "/update", "/saved"]).unwrap();
        let reply = browser.get(path).await;
        let seen = if *path == "/read" && reply.is_ok() {
            let (whose, count) = reply.shown();
            assert_eq!(whose.as_deref(), Some(user.as_str()), "somebody else's session");
            count
        } else if *path == "/read" {
            reply.is_by_the_policy(path);
            continue;
        } else {
            tally.take(&reply);
            if !reply.is_ok() {
                continue;
            }
            reply.body.parse().unwrap()
        };
        tally.check(seen - 1, &user);
    }
    (user, tally)
}

/// Whether enough has broken. How often something breaks depends on how many requests share a statement.
#[derive(Clone, Default)]
struct Storm(Arc<AtomicBool>);

impl Storm {
    fn is_over(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn end(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

async fn r42_r43_in_a_storm_everybody_sees_their_own_and_every_success_counts(place: Place) {
    let site = Site::new(&place, Gathering::default()).await;
    let (seed, storm) = (seed(), Storm::default());
    let mut visits = Vec::new();
    for number in 0..VISITORS {
        let user = format!("user{number}");
        let browser = site.member(&user).await;
        visits.push(tokio::spawn(visit(browser, user, Dice::new(seed ^ number), storm.clone())));
    }
    let saboteur = async {
        let mut dice = Dice::new(seed);
        loop {
            let fault = *dice.pick(&FAULTS).unwrap();
            let caught = site.proxy.caught();
            site.proxy.ambush("", dice.below(12), fault);
            site.proxy.has_caught(caught + 1).await;
            if site.proxy.caught() >= BREAKS {
                storm.end();
            }
        }
    };
    let visits = async { join_all(visits).await };
    let tallies = tokio::select! {
        tallies = visits => tallies,
        () = saboteur => unreachable!("it never ends"),
    };
    site.proxy.disarm();
    let rows = site.rows().await;
    let (mut successes, mut failures) = (0, 0);
    for tally in tallies {
        let (user, tally) = tally.unwrap();
        let row = rows.iter().find(|row| row.user.as_deref() == Some(user.as_str())).unwrap();
        tally.check(row.count() - 1, &user);
        successes += tally.successes;
        failures += tally.unknown + tally.refused;
    }
    assert_eq!(rows.len() as u64, VISITORS);
    assert!(successes > 0, "nothing succeeded");
    println!("{} faults, {successes} updates, {failures} refused or unknown", site.proxy.caught());
}

on_every_server! {
    r42_r43_in_a_storm_everybody_sees_their_own_and_every_success_counts
}
