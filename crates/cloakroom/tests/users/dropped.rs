//! Sign-ins that nobody waits for any more, after their first poll, their second, and so on.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use cloakroom::{Operation, SessionLimit, Store, UserId, WhenFull};
use cloakroom_conformance::{DelayingStore, Gate, Moment as Side};
use http::StatusCode;

use crate::drops::{Moment, drop_at};
use crate::site::{Browser, Node, Site, plain};
use crate::support::{Place, on_every_store};

on_every_store! { r43_asvs_7_1_2_a_sign_in_that_is_dropped_at_any_poll_leaves_list_and_limit_right }

/// No sign-in needs as many polls; one that does never ends.
const MOST: usize = 300;

/// What becomes of the request whose sign-in was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Request {
    /// Its client has gone as well.
    Gone,
    /// Its handler does something else and answers.
    GoesOn,
}

async fn r43_asvs_7_1_2_a_sign_in_that_is_dropped_at_any_poll_leaves_list_and_limit_right(place: Place) {
    let site = Site::open(place);
    let most = NonZeroU32::new(2).unwrap();
    let limit = SessionLimit { most, when_full: WhenFull::EndOldest };
    let limited = |builder| plain(builder).session_limit(limit);
    let slow = site.over(hesitant(site.place.store().await), limited);
    let other = site.node(limited).await;
    for request in [Request::Gone, Request::GoesOn] {
        for moment in [Moment::Waiting, Moment::Woken] {
            let mut polls = 0;
            while !dropped(&site, [&slow, &other], request, (polls, moment)).await {
                polls += 1;
                assert!(polls < MOST, "a sign-in never ends");
            }
        }
    }
}

/// Drops one sign-in and looks at what is left. Whether it had come to its end before.
async fn dropped(
    site: &Site,
    [slow, other]: [&Node; 2],
    becomes: Request,
    (polls, moment): (usize, Moment),
) -> bool {
    let told = format!("{becomes:?} {moment:?} {polls}");
    site.clock.advance(Duration::from_secs(1));
    let mut desk = Browser::signed_in(other, "ann").await;
    let mut browser = Browser::default();
    let request = browser.request(other);
    request.visit.session().await.unwrap().insert("basket", 1).unwrap();
    browser.answer(request, StatusCode::OK).await.unwrap();
    let before = browser.clone();

    let request = browser.request(slow);
    let ended = drop_at(polls, moment, request.visit.sign_in(slow.verified("ann")).into_future()).await;
    if let Some(signed) = &ended {
        assert!(signed.is_ok(), "{told}: {signed:?}");
    }
    let live = match becomes {
        Request::Gone => {
            drop(request);
            None
        }
        Request::GoesOn => {
            browser.answer(request, StatusCode::OK).await.unwrap();
            let signed_in = browser.user(other).await.is_some();
            assert!(signed_in || ended.is_none(), "{told}");
            let session = browser.request(other).visit.session().await.unwrap();
            // Signed in with nothing of what was before, or not at all.
            assert_eq!(session.contains("basket"), !signed_in, "{told}");
            let old = before.request(other).visit.session().await.unwrap();
            assert_eq!(old.is_new(), signed_in, "{told}: the old id");
            Some(1 + u64::from(signed_in))
        }
    };
    let listed = other.auth.sessions_of(UserId::new("ann").unwrap()).list().await.unwrap().len() as u64;
    assert!(live.is_none_or(|live| live == listed) && (1..=2).contains(&listed), "{told}: {listed}");
    assert_eq!(desk.user(other).await.as_deref(), Some("ann"), "{told}");
    for _ in 0..2 {
        Browser::signed_in(other, "ann").await;
        assert!(other.live("ann").await <= 2, "{told}");
    }
    // Even a write of the dropped one that is still under way comes too late now.
    other.end_all("ann").await;
    assert_eq!((other.live("ann").await, browser.user(other).await), (0, None), "{told}");
    ended.is_some()
}

/// Each of whose verbs waits twice: before and after it has taken effect.
fn hesitant(store: Arc<dyn Store>) -> DelayingStore {
    let store = DelayingStore::new(store);
    let gate = store.gate();
    for verb in [Operation::Load, Operation::Create, Operation::Save, Operation::Admit, Operation::Touch] {
        gate.park(verb, Side::Before);
        gate.park(verb, Side::After);
    }
    tokio::spawn(release_each(gate));
    store
}

/// Runs as long as the runtime does.
async fn release_each(gate: Gate) {
    loop {
        for parked in gate.parked(1).await {
            parked.release();
        }
    }
}
