//! Signing everybody out.

use std::time::Duration;

use cloakroom_conformance::SpyStore;
use futures_util::future::join_all;

use crate::site::{Browser, Site, plain};
use crate::support::{Place, on_every_store};

on_every_store! { asvs_7_4_5_signing_everybody_out_costs_the_same_for_ten_and_for_a_thousand }

async fn asvs_7_4_5_signing_everybody_out_costs_the_same_for_ten_and_for_a_thousand(place: Place) {
    let site = Site::open(place);
    let spy = SpyStore::new(site.place.store().await);
    let log = spy.log();
    let (here, there) = (site.over(spy, plain), site.node(plain).await);
    // The first time there is nothing yet to count on.
    here.auth.sign_everybody_out().await.unwrap();
    let mut costs = Vec::new();
    for number in [10, 1_000] {
        let mut browsers = Vec::new();
        let names: Vec<_> = (0..number).map(|user| format!("user {user}")).collect();
        for names in names.chunks(100) {
            for name in names {
                site.accounts.set(name, "hash");
            }
            browsers.extend(join_all(names.iter().map(|name| Browser::signed_in(&there, name))).await);
        }
        log.take_operations();
        here.auth.sign_everybody_out().await.unwrap();
        costs.push(log.take_operations());
        // The other node hears of it within a second.
        site.clock.advance(Duration::from_secs(1));
        for browsers in browsers.chunks_mut(100) {
            let users = browsers.iter_mut().enumerate().map(|(number, browser)| {
                let node = [&here, &there][number % 2];
                browser.user(node)
            });
            assert!(join_all(users).await.iter().all(Option::is_none));
        }
    }
    assert_eq!(costs[0], costs[1]);
    let mut browser = Browser::signed_in(&there, "ann").await;
    assert_eq!(browser.user(&here).await.as_deref(), Some("ann"));
}
