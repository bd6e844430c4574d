//! A request that is dropped while its statement is under way in the database, held up by a lock.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use cloakroom::sql::Gathering;
use cloakroom::{Clock as _, ErrorKind, StoreKey};
use cloakroom_conformance::SpyStore;
use futures_util::FutureExt as _;
use futures_util::future::join_all;
use http::StatusCode;
use tower::ServiceExt as _;

use crate::crowd::crowd;
use crate::database::{PATIENCE, Reach, until};
use crate::drops::drive_until;
use crate::kinds::{Kind, View};
use crate::site::{Found, Site, answer, app, ask, request};
use crate::support::{Backend, Place, on_every_database};

/// How many requests may wait for one connection of the node.
const PLACES: usize = 8;

on_every_database! {
    r43_a_request_dropped_during_its_statement_is_done_or_not_done
    r48_requests_that_went_away_leave_their_places_to_others
    r43_a_statement_given_up_leaves_no_connection_in_doubt
}

async fn r43_a_request_dropped_during_its_statement_is_done_or_not_done(place: Place) {
    // With a single place in the queue, whoever finds it free knows that the operation before is under way.
    let site = Site::open(place, Gathering::default().with_queue(NonZeroUsize::MIN)).await;
    for kind in Kind::ALL {
        let reach = if kind == Kind::Read { Reach::ReadingAndWriting } else { Reach::Writing };
        if kind == Kind::Read && site.place.backend == Backend::Sqlite {
            // Nothing holds up a load: it is over at its first poll.
            continue;
        }
        let found = dropped_during_its_statement(&site, kind, reach).await;
        assert_ne!(found, Found::Old, "{kind:?}: what was begun is carried out");
        site.database.is_clean(&site.place).await;
        site.clear().await;
    }
    crowd(&roomy(&site).await, 5).await;
    site.close().await;
}

async fn dropped_during_its_statement(site: &Site, kind: Kind, reach: Reach) -> Found {
    let spy = SpyStore::new(Arc::clone(&site.store));
    let log = spy.log();
    let app = app(Arc::new(spy), site.clock.clone());
    let (old, cookie) = match kind {
        Kind::Create => (None, None),
        _ => Some(site.visitor().await).unzip(),
    };
    site.clock.advance(kind.later());
    let lock = site.database.lock(&site.place, reach).await;
    let mut service = Box::pin(app.oneshot(request(kind.path(), cookie.as_deref())));
    let verbs = if kind == Kind::Read { &[cloakroom::Operation::Load] } else { kind.writes() };
    drive_until(&mut service, || log.take_operations().iter().any(|verb| verbs.contains(verb))).await;
    if kind != Kind::Read {
        until("the operation is not begun", async || has_a_free_place(site)).await;
    }
    until("no statement arrived", async || site.database.somebody_waits(&site.place).await).await;
    drop(service);
    lock.release().await;
    site.old_or_new(kind, old.as_ref(), cookie.as_deref()).await
}

/// Whether another write could wait. It does not.
fn has_a_free_place(site: &Site) -> bool {
    match site.store.delete(&StoreKey::from_bytes([0xdd; 32])).now_or_never() {
        None => true,
        Some(Err(error)) if error.kind() == ErrorKind::Overloaded => false,
        Some(other) => panic!("the lock holds nobody up: {other:?}"),
    }
}

/// The same node's connections with room for everybody.
async fn roomy(site: &Site) -> Site {
    Site::open(site.place.clone(), Gathering::default()).await
}

/// Far more requests than there are places come and go while the database is stuck. When it works again so do all.
async fn r48_requests_that_went_away_leave_their_places_to_others(place: Place) {
    let gathering = Gathering::default().with_queue(NonZeroUsize::new(PLACES).unwrap());
    let site = Site::open(place, gathering.with_time_limit(PATIENCE)).await;
    let lock = site.database.lock(&site.place, Reach::Writing).await;
    // One more than there are places, because one of them is under way.
    let nobody = StoreKey::from_bytes([0xdd; 32]);
    let mut first = site.store.delete(&nobody);
    assert!((&mut first).now_or_never().is_none());
    let begin = || Box::pin(site.app.clone().oneshot(request("/begin", None)));
    until("the worker takes nothing", async || {
        let mut waiting: Vec<_> = (0..PLACES).map(|_| site.store.delete(&nobody)).collect();
        waiting.iter_mut().all(|delete| delete.now_or_never().is_none())
    })
    .await;
    for _ in 0..10 {
        let mut waiting: Vec<_> = (0..PLACES).map(|_| begin()).collect();
        for request in &mut waiting {
            assert!(request.now_or_never().is_none(), "a place is taken by nobody");
        }
        let refused = ask(&site.app, "/begin", None).await;
        assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE, "the queue has no bound");
    }
    let waiting: Vec<_> = (0..PLACES).map(|_| begin()).collect();
    let (answers, ()) = tokio::join!(join_all(waiting), async {
        tokio::task::yield_now().await;
        lock.release().await;
    });
    first.await.unwrap();
    for response in answers {
        assert_eq!(answer(response.unwrap()).await.status, StatusCode::OK);
    }
    assert_eq!(site.stored().await.len(), PLACES, "those who went away began no session");
    site.database.is_clean(&site.place).await;
    site.close().await;
}

/// The database does not answer within the time limit: the statement is given up, with whatever it was doing.
async fn r43_a_statement_given_up_leaves_no_connection_in_doubt(place: Place) {
    let site = Site::open(place, Gathering::default()).await;
    // Another node on the same connections, because even small limits are met now and then on a busy machine.
    let limits = Gathering::default().with_time_limit(Duration::from_millis(200));
    let hasty = site.database.store(&site.place, limits).await;
    let impatient = app(Arc::clone(&hasty), site.clock.clone());
    for kind in [Kind::Update, Kind::SignIn, Kind::DestroyThenInsert] {
        let mut visitors = Vec::new();
        for _ in 0..PLACES {
            visitors.push(site.visitor().await);
        }
        let lock = site.database.lock(&site.place, Reach::Rows).await;
        let request = |(_, cookie): &(View, String)| {
            let (app, cookie) = (impatient.clone(), cookie.clone());
            tokio::spawn(async move { ask(&app, kind.path(), Some(&cookie)).await })
        };
        // Those who come while one is stuck make a batch, which is one transaction.
        let (first, others) = visitors.split_first().unwrap();
        let first = request(first);
        let stuck = async || first.is_finished() || site.database.somebody_waits(&site.place).await;
        until("no statement arrived", stuck).await;
        let mut requests = vec![first];
        requests.extend(others.iter().map(request));
        for answer in join_all(requests).await {
            assert_eq!(answer.unwrap().status, StatusCode::SERVICE_UNAVAILABLE, "{kind:?}");
        }
        let nobody = StoreKey::from_bytes([0xdd; 32]);
        if site.place.backend != Backend::Sqlite {
            // Nobody's row is not locked: as soon as the node is done with the stuck ones, it gets here.
            until("the node is stuck", async || hasty.delete(&nobody).await.is_ok()).await;
        }
        lock.release().await;
        until("the node does not recover", async || hasty.delete(&nobody).await.is_ok()).await;
        site.database.is_clean(&site.place).await;
        for (old, cookie) in &visitors {
            let new = kind.after(Some(old), site.clock.now()).filter(|_| kind.keeps_the_cookie());
            let seen = ask(&site.app, "/look", Some(cookie)).await;
            assert_eq!(seen.status, StatusCode::OK);
            let seen = seen.view.filter(|view| !view.data.is_empty());
            assert!(seen.as_ref() == Some(old) || seen == new, "{kind:?}: {seen:?}");
            let again = ask(&site.app, "/update", Some(cookie)).await;
            assert_eq!(again.view.unwrap().count(), seen.map_or(0, |view| view.count()) + 1, "{kind:?}");
        }
        site.clear().await;
    }
    crowd(&site, 5).await;
    site.close().await;
}
