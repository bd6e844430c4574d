//! A request that is dropped after its first poll, its second, and so on: every await there is.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use cloakroom::sql::Gathering;
use cloakroom::{Operation, Policy, Rotation, Store};
use cloakroom_conformance::{DelayingStore, Gate, Moment as Side};
use http::StatusCode;
use tower::ServiceExt as _;

use crate::drops::{Moment, drop_at};
use crate::kinds::Kind;
use crate::site::{Found, Site, app, ask, governed, request};
use crate::support::{Place, on_every_store};

/// No request needs as many polls; one that does never ends.
const MOST: usize = 1_000;

on_every_store! { r09_a_visitor_whose_periodic_rotation_was_dropped_stays_signed_in }

/// The id was replaced and the browser never heard of it.
async fn r09_a_visitor_whose_periodic_rotation_was_dropped_stays_signed_in(place: Place) {
    let site = Site::open(place, Gathering::default()).await;
    let age = Duration::from_mins(30);
    let policy = || Policy::default().rotation(Rotation::every(age));
    let plain = governed(policy(), Arc::clone(&site.store), site.clock.clone());
    let slow = governed(policy(), hesitant(&site), site.clock.clone());
    for app in [&plain, &slow] {
        for moment in [Moment::Waiting, Moment::Woken] {
            for polls in 0..MOST {
                let (old, cookie) = site.visitor().await;
                site.clock.advance(age);
                let ended =
                    drop_at(polls, moment, app.clone().oneshot(request("/look", Some(&cookie)))).await;
                site.quiet().await;
                let again = ask(app, "/update", Some(&cookie)).await;
                assert_eq!((again.status, again.view.as_ref().unwrap().count()), (StatusCode::OK, 2));
                assert_eq!(again.view.unwrap().user, old.user);
                let new = again.cookie.expect("the browser is not told its new id");
                assert_eq!(ask(app, "/look", Some(&new)).await.view.unwrap().user, old.user);
                site.clear().await;
                if ended.is_some() {
                    break;
                }
            }
        }
    }
    site.database.is_clean(&site.place).await;
    site.close().await;
}

/// Drops every kind of request at every poll, on the site's node and on one that also waits before and after each verb,
/// and checks what is left.
pub(crate) async fn at_every_poll(site: &Site) {
    let slow = app(hesitant(site), site.clock.clone());
    for app in [&site.app, &slow] {
        for kind in Kind::ALL {
            for moment in [Moment::Waiting, Moment::Woken] {
                let mut polls = 0;
                while !dropped(site, app, kind, polls, moment).await {
                    polls += 1;
                    assert!(polls < MOST, "{kind:?} never ends");
                }
            }
        }
        site.database.is_clean(&site.place).await;
    }
}

/// Drops one request and checks what is left. Whether it had come to its end before.
async fn dropped(site: &Site, app: &Router, kind: Kind, polls: usize, moment: Moment) -> bool {
    let (old, cookie) = match kind {
        Kind::Create => (None, None),
        _ => Some(site.visitor().await).unzip(),
    };
    site.clock.advance(kind.later());
    let service = app.clone().oneshot(request(kind.path(), cookie.as_deref()));
    let ended = drop_at(polls, moment, service).await;
    let found = site.old_or_new(kind, old.as_ref(), cookie.as_deref()).await;
    match &ended {
        Some(response) => {
            assert_eq!(response.as_ref().unwrap().status(), StatusCode::OK, "{kind:?}");
            assert_ne!(found, Found::Old, "{kind:?} was answered and is not stored");
        }
        None if polls == 0 => assert_ne!(found, Found::New, "{kind:?} was never begun"),
        None => {}
    }
    site.clear().await;
    ended.is_some()
}

/// The site's node, each of whose verbs waits twice: before and after it has taken effect.
pub(crate) fn hesitant(site: &Site) -> Arc<dyn Store> {
    let store = DelayingStore::new(Arc::clone(&site.store));
    let gate = store.gate();
    for verb in VERBS {
        gate.park(verb, Side::Before);
        gate.park(verb, Side::After);
    }
    tokio::spawn(release_each(gate));
    Arc::new(store)
}

/// The verbs of requests.
const VERBS: [Operation; 6] = [
    Operation::Load,
    Operation::Create,
    Operation::Save,
    Operation::Touch,
    Operation::Rename,
    Operation::Delete,
];

/// Runs as long as the runtime does.
async fn release_each(gate: Gate) {
    loop {
        for parked in gate.parked(1).await {
            parked.release();
        }
    }
}
