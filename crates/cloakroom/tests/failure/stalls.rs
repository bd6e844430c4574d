//! The whole database goes: it refuses, accepts and says nothing, or hears everything and answers nothing.

use std::num::NonZeroUsize;

use cloakroom::Outcome;
use futures_util::future::join_all;
use http::StatusCode;

use crate::cuts::{DEEDS, Deed, judge_afterwards, short};
use crate::site::{Browser, Site};
use crate::support::Place;
use crate::support::on_every_server;

/// The ways of a database to be away.
#[derive(Clone, Copy, Debug)]
enum Outage {
    Refusing,
    Silent,
    Mute,
}

const OUTAGES: [Outage; 3] = [Outage::Refusing, Outage::Silent, Outage::Mute];

impl Outage {
    async fn begin(self, site: &mut Site) {
        match self {
            Self::Refusing => site.proxy.refuse().await,
            Self::Silent => site.proxy.silence(),
            Self::Mute => site.proxy.mute(),
        }
    }
}

async fn asvs_16_5_2_an_outage_lets_nobody_in_and_signs_nobody_out(place: Place) {
    let mut site = Site::new(&place, short()).await;
    for outage in OUTAGES {
        for deed in DEEDS {
            let case = format!("{deed:?}, {outage:?}");
            let (mut browser, before) = deed.visitor(&site).await;
            outage.begin(&mut site).await;
            let reply = browser.get(deed.path()).await;
            reply.is_by_the_policy(&case);
            let written = if deed == Deed::First { reply.outcome } else { Some(Outcome::NotWritten) };
            assert_eq!(reply.outcome, written, "{case}");
            // Whoever has no session needs no database to see the page of nobody.
            assert_eq!(site.browser().get("/read").await.shown(), (None, 0), "{case}");
            site.proxy.mend();
            let next = browser.get_patiently("/read").await;
            let after = site.row().await;
            if deed == Deed::First {
                assert_eq!(next.shown(), (None, 0), "{case}");
            } else {
                assert_eq!(
                    after.clone().map(|row| (row.user, row.data)),
                    before.map(|row| (row.user, row.data))
                );
                judge_afterwards(deed, &reply, &next, after.as_ref(), &case);
            }
        }
    }
}

/// A store that accepts and never answers holds up neither an unbounded number of requests nor of connections.
async fn asvs_13_2_6_a_silent_database_piles_up_nothing(place: Place) {
    let gathering = short().with_queue(NonZeroUsize::new(16).unwrap());
    let mut site = Site::new(&place, gathering).await;
    let mut browser = site.browser();
    assert_eq!(browser.get_patiently("/update").await.status, StatusCode::OK);
    let row = site.row().await.unwrap();
    site.proxy.silence();
    let accepted = site.proxy.accepted();
    for path in ["/read", "/update"] {
        let mut browsers: Vec<Browser> = std::iter::repeat_n(browser.clone(), 200).collect();
        let replies = join_all(browsers.iter_mut().map(|browser| browser.get(path))).await;
        for reply in replies {
            reply.is_by_the_policy(path);
            assert_eq!(reply.outcome, Some(Outcome::NotWritten));
        }
    }
    // 400 requests, in two waves of which most were refused at once.
    let opened = site.proxy.accepted() - accepted;
    assert!(opened <= 32, "{opened} connections");
    site.proxy.mend();
    assert!(browser.get_patiently("/read").await.is_ok());
    assert_eq!(site.row().await, Some(row));
}

on_every_server! {
    asvs_16_5_2_an_outage_lets_nobody_in_and_signs_nobody_out
    asvs_13_2_6_a_silent_database_piles_up_nothing
}
