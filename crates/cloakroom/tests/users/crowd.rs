//! Many sign-ins of one user at once.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cloakroom::auth::{AuthError, EndedBy, History};
use cloakroom::{SessionLimit, UserId, WhenFull};
use futures_util::future::join_all;
use http::StatusCode;
use tokio::sync::Barrier;

use crate::site::{Browser, Node, Site, plain};
use crate::support::{Place, on_every_store};

on_every_store! {
    asvs_7_1_2_of_thirty_two_at_once_the_oldest_end
    asvs_7_1_2_of_thirty_two_at_once_the_least_recently_seen_end
    asvs_7_1_2_of_thirty_two_at_once_the_last_are_refused
}

const CROWD: usize = 32;
const MOST: u32 = 5;

async fn asvs_7_1_2_of_thirty_two_at_once_the_oldest_end(place: Place) {
    crowd(place, WhenFull::EndOldest).await;
}

async fn asvs_7_1_2_of_thirty_two_at_once_the_least_recently_seen_end(place: Place) {
    crowd(place, WhenFull::EndLeastRecentlySeen).await;
}

async fn asvs_7_1_2_of_thirty_two_at_once_the_last_are_refused(place: Place) {
    crowd(place, WhenFull::Refuse).await;
}

async fn crowd(place: Place, when_full: WhenFull) {
    let site = Site::open(place);
    let limit = SessionLimit { most: NonZeroU32::new(MOST).unwrap(), when_full };
    let entries = NonZeroU32::new(100).unwrap();
    let history = History::Kept { entries, time: Duration::from_hours(24) };
    let limited = |builder| plain(builder).session_limit(limit).history(history);
    let nodes = [site.node(limited).await, site.node(limited).await];
    let reader = site.node(plain).await;
    let done = Arc::new(AtomicBool::new(false));
    let watched = tokio::spawn(watch(reader.clone(), Arc::clone(&done)));

    let barrier = Arc::new(Barrier::new(CROWD));
    let sign_ins = (0..CROWD).map(|number| {
        let (node, barrier) = (nodes[number % 2].clone(), Arc::clone(&barrier));
        tokio::spawn(async move {
            barrier.wait().await;
            let mut browser = Browser::default();
            let request = browser.request(&node);
            let signed = request.visit.sign_in(node.verified("ann")).await;
            let status = signed.as_ref().map_or_else(AuthError::status, |()| StatusCode::OK);
            browser.answer(request, status).await.unwrap();
            (browser, signed)
        })
    });
    let sign_ins = join_all(sign_ins.collect::<Vec<_>>()).await;
    done.store(true, Ordering::SeqCst);
    let seen = watched.await.unwrap();
    assert!(seen <= u64::from(MOST), "{seen} live sessions were seen");

    let (mut succeeded, mut live) = (0, 0);
    for done in sign_ins {
        let (mut browser, signed) = done.unwrap();
        match signed {
            Ok(()) => succeeded += 1,
            Err(error) => assert!(matches!(error, AuthError::SessionLimit), "{error:?}"),
        }
        live += u64::from(browser.user(&reader).await.is_some());
    }
    let (most, crowd) = (u64::from(MOST), CROWD as u64);
    assert_eq!((live, reader.live("ann").await), (most, most));
    let told = site.events.take();
    let history = nodes[0].auth.sessions_of(UserId::new("ann").unwrap()).history().await.unwrap();
    assert!(history.iter().all(|it| it.by == EndedBy::Limit && it.handle.is_some()));
    let (expected, made_room) = if when_full == WhenFull::Refuse { (most, 0) } else { (crowd, crowd - most) };
    assert_eq!((succeeded, told.signed_in, told.made_room), (expected, expected, made_room));
    assert_eq!((told.limit_reached, history.len() as u64), (crowd - most, made_room));
}

/// The most that anybody saw while it was under way.
async fn watch(reader: Node, done: Arc<AtomicBool>) -> u64 {
    let mut most = 0;
    while !done.load(Ordering::SeqCst) {
        most = most.max(reader.live("ann").await);
        tokio::task::yield_now().await;
    }
    most
}
