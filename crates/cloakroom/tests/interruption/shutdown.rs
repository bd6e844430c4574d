//! The runtime goes, or the store is closed, while requests are at work.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use cloakroom::sql::Gathering;
use cloakroom::{Clock as _, ErrorKind, Lifetime, Loaded, Put, Record, Store as _, StoreKey};
use futures_util::FutureExt as _;
use futures_util::future::join_all;
use http::StatusCode;
use tokio::runtime::Builder;
use tokio::sync::mpsc;

use crate::database::{PATIENCE, Reach};
use crate::site::{Site, app, ask};
use crate::support::on_every_database;
use crate::support::{Place, on_every_store};

const VISITORS: usize = 50;
/// After how many answers the end comes.
const ENOUGH: usize = 300;

on_every_store! { r43_a_runtime_that_shuts_down_loses_nothing_that_it_answered }

on_every_database! {
    a_store_that_is_closed_under_load_loses_nothing_that_it_answered
    a_store_that_is_closed_while_its_database_is_stuck_tells_everybody
}

/// One visitor and what they know: the number of the last write that was begun, and of the last that was answered.
struct Visitor {
    cookie: String,
    begun: AtomicU64,
    done: AtomicU64,
}

async fn visitors(site: &Site) -> Arc<Vec<Visitor>> {
    let mut visitors = Vec::new();
    for _ in 0..VISITORS {
        let answer = ask(&site.app, "/write/1", None).await;
        let (begun, done) = (AtomicU64::new(1), AtomicU64::new(1));
        visitors.push(Visitor { cookie: answer.cookie.unwrap(), begun, done });
    }
    Arc::new(visitors)
}

impl Visitor {
    /// Writes until an answer is no success, and returns that one.
    async fn write(&self, app: &Router, answered: &mpsc::UnboundedSender<()>) -> StatusCode {
        loop {
            let number = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
            let answer = ask(app, &format!("/write/{number}"), Some(&self.cookie)).await;
            if answer.status != StatusCode::OK {
                return answer.status;
            }
            self.done.store(number, Ordering::SeqCst);
            // Nobody listens any more when enough were answered.
            let _ = answered.send(());
            // Memory never waits, and a runtime can only end tasks that wait.
            tokio::task::yield_now().await;
        }
    }

    /// Checks that what was answered is stored, whole, and that the session can be written.
    async fn goes_on(&self, app: &Router) {
        let (begun, done) = (self.begun.load(Ordering::SeqCst), self.done.load(Ordering::SeqCst));
        let view = ask(app, "/look", Some(&self.cookie)).await.view.unwrap();
        assert!([begun, done].contains(&view.number()), "{} of {done} to {begun}", view.number());
        assert!((done..=begun).contains(&view.count()), "written {} times", view.count());
        let answer = ask(app, &format!("/write/{}", begun + 1), Some(&self.cookie)).await;
        assert_eq!(answer.status, StatusCode::OK);
        let view = ask(app, "/look", Some(&self.cookie)).await.view.unwrap();
        assert_eq!(view.number(), begun + 1);
    }
}

async fn r43_a_runtime_that_shuts_down_loses_nothing_that_it_answered(place: Place) {
    let site = Site::open(place, Gathering::default()).await;
    let visitors = visitors(&site).await;
    let doomed = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let place = site.place.clone();
    let store = doomed.spawn(async move { place.store().await }).await.unwrap();
    let (answered, mut answers) = mpsc::unbounded_channel();
    for number in 0..VISITORS {
        let (visitors, answered) = (Arc::clone(&visitors), answered.clone());
        let app = app(Arc::clone(&store), site.clock.clone());
        doomed.spawn(async move { visitors[number].write(&app, &answered).await });
    }
    drop(answered);
    for _ in 0..ENOUGH {
        answers.recv().await.unwrap();
    }
    doomed.shutdown_background();
    // Ends when every task of that runtime is gone.
    while answers.recv().await.is_some() {}

    for visitor in visitors.iter() {
        visitor.goes_on(&site.app).await;
    }
    // Whoever still has the store is told that it is of no use, or served.
    let key = StoreKey::from_bytes([0xcc; 32]);
    let told = async { (store.load(&key, site.clock.now()).await, store.delete(&key).await) };
    let (loaded, deleted) = tokio::time::timeout(PATIENCE, told).await.expect("it waits for a dead runtime");
    for error in [loaded.err(), deleted.err()].into_iter().flatten() {
        let kind = error.kind();
        assert!(matches!(kind, ErrorKind::Unavailable | ErrorKind::Unknown | ErrorKind::Closed), "{error:?}");
    }
    site.database.is_clean(&site.place).await;
    site.close().await;
}

async fn a_store_that_is_closed_under_load_loses_nothing_that_it_answered(place: Place) {
    let site = Site::open(place, Gathering::default()).await;
    let visitors = visitors(&site).await;
    let store = site.place.sql_store(Gathering::default()).await;
    let app = app(Arc::new(store.clone()), site.clock.clone());
    let (answered, mut answers) = mpsc::unbounded_channel();
    let writes: Vec<_> = (0..VISITORS)
        .map(|number| {
            let (visitors, app, answered) = (Arc::clone(&visitors), app.clone(), answered.clone());
            tokio::spawn(async move { visitors[number].write(&app, &answered).await })
        })
        .collect();
    for _ in 0..ENOUGH {
        answers.recv().await.unwrap();
    }
    tokio::time::timeout(PATIENCE, store.close()).await.expect("it never closes");
    for write in writes {
        let status = tokio::time::timeout(PATIENCE, write).await.expect("somebody waits for ever").unwrap();
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    }
    for visitor in visitors.iter() {
        visitor.goes_on(&site.app).await;
    }
    site.database.is_clean(&site.place).await;
    site.close().await;
}

/// The store's own answers: everybody who waited hears what became of their operation.
async fn a_store_that_is_closed_while_its_database_is_stuck_tells_everybody(place: Place) {
    let site = Site::open(place, Gathering::default()).await;
    let limits = Gathering::default().with_time_limit(Duration::from_millis(200));
    let store = site.place.sql_store(limits).await;
    let (now, lifetime) = (site.clock.now(), Lifetime::default());
    let record = Record::new(lifetime, now);
    let keys: Vec<_> = (0..100_u8).map(|number| StoreKey::from_bytes([number; 32])).collect();

    let lock = site.database.lock(&site.place, Reach::Writing).await;
    let mut puts = Box::pin(join_all(keys.iter().map(|key| store.put(key, Put::New, &record, now))));
    assert!((&mut puts).now_or_never().is_none());
    let (outcomes, ()) = tokio::time::timeout(PATIENCE, async { tokio::join!(puts, store.close()) })
        .await
        .expect("the store waits for ever");
    let late = store.put(&StoreKey::from_bytes([200; 32]), Put::New, &record, now).await;
    assert_eq!(late.unwrap_err().kind(), ErrorKind::Closed);
    lock.release().await;
    site.database.is_clean(&site.place).await;
    site.quiet().await;
    for (key, outcome) in keys.iter().zip(outcomes) {
        let is_there = matches!(site.store.load(key, now).await.unwrap(), Loaded::Live(_));
        match outcome.as_ref().map_err(cloakroom::StoreError::kind) {
            Ok(_) => assert!(is_there, "it was answered and is lost"),
            Err(ErrorKind::Closed | ErrorKind::Unavailable) => assert!(!is_there, "not begun and yet done"),
            Err(ErrorKind::Unknown) => {}
            Err(kind) => panic!("{kind:?}"),
        }
    }
    site.close().await;
}
