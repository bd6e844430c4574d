//! What a sign-in leaves of what was before.

use std::sync::Arc;
use std::time::Duration;

use cloakroom_auth::{Auth, AuthError, BoxError, Verified};
use cloakroom_conformance::{BrokenRandom, DelayingStore, Moment};
use cloakroom_core::{
    Loaded, MemoryStore, Operation, Policy, SaveError, SessionManager, Store as _, StoreKey, UserId,
};
use futures_util::future::join;
use http::{HeaderMap, StatusCode};

use crate::accounts::Account;
use crate::support::{Application, Browser};

const DAY: Duration = Duration::from_secs(86_400);

async fn note(browser: &mut Browser, application: &Application, text: &str) {
    let request = browser.request(application);
    request.loaded().await.insert("note", text).unwrap();
    browser.answer(request).await;
}

async fn noted(browser: &Browser, application: &Application) -> Option<String> {
    browser.request(application).loaded().await.get("note").unwrap()
}

#[tokio::test]
async fn asvs_7_2_4_r16_every_sign_in_changes_id_and_handle_and_the_old_ones_are_dead() {
    let application = Application::new();
    let mut browser = Browser::default();
    note(&mut browser, &application, "anonymous").await;
    let mut handles = Vec::new();
    for name in ["ann", "ann", "ben", "ann"] {
        let old = browser.clone();
        // A slow request that holds the old id from before.
        let slow = old.request(&application);
        slow.loaded().await.insert("note", "from a slow request").unwrap();
        browser.sign_in(&application, name).await;
        assert_ne!(browser.cookie, old.cookie);
        let error = old.clone().try_answer(slow, StatusCode::OK).await.unwrap_err();
        assert!(matches!(error, SaveError::Gone), "{error:?}");
        assert!(old.request(&application).loaded().await.is_new(), "the old id opens nothing");
        assert_eq!(noted(&browser, &application).await, None);
        assert_eq!(browser.user(&application).await.as_deref(), Some(name));
        let handle = browser.handle(&application).await;
        assert!(!handles.contains(&handle));
        handles.push(handle);
    }
    assert_eq!((application.live("ann").await, application.live("ben").await), (1, 0));
}

#[tokio::test]
async fn asvs_7_2_4_data_is_kept_only_by_name_and_never_that_of_another_user() {
    let application = Application::new();
    let mut browser = Browser::default();
    for (name, kept) in [("ann", true), ("ann", true), ("ben", false)] {
        note(&mut browser, &application, "before").await;
        let request = browser.request(&application);
        request.visit.sign_in(application.verified(name)).keep_data().await.unwrap();
        browser.answer(request).await;
        assert_eq!(noted(&browser, &application).await.is_some(), kept, "{name}");
    }
    note(&mut browser, &application, "of ben").await;
    browser.sign_in(&application, "ben").await;
    assert_eq!(noted(&browser, &application).await, None);
}

#[tokio::test]
async fn r21_who_is_taken_out_of_a_session_is_out() {
    let application = Application::new();
    let mut browser = Browser::default();
    browser.sign_in(&application, "ann").await;
    note(&mut browser, &application, "stays").await;
    let old = browser.clone();
    let request = browser.request(&application);
    request.visit.user().await.unwrap();
    request.loaded().await.clear_user();
    assert!(request.visit.user().await.unwrap().is_none());
    browser.answer(request).await;
    assert_eq!(browser.user(&application).await, None);
    assert_eq!(old.clone().user(&application).await, None);
    assert_eq!(browser.request(&application).loaded().await.authentication(), None);
    assert_eq!(noted(&browser, &application).await.as_deref(), Some("stays"));
    assert_eq!(application.live("ann").await, 0);
}

#[tokio::test]
async fn r49_asvs_7_4_1_a_remembered_cookie_is_dead_after_sign_out_and_after_a_rotation() {
    let application = Application::new();
    let mut browser = Browser::default();
    browser.sign_in_remembered(&application, "ann").await;
    let stolen = browser.clone();
    let request = browser.request(&application);
    request.loaded().await.rotate();
    browser.answer(request).await;
    assert_eq!(stolen.clone().user(&application).await, None);
    assert_eq!(browser.user(&application).await.as_deref(), Some("ann"));
    let replay = browser.clone();
    let request = browser.request(&application);
    request.visit.sign_out().await.unwrap();
    browser.answer(request).await;
    assert_eq!(browser.cookie, None);
    application.clock.advance(DAY);
    assert_eq!(replay.clone().user(&application).await, None);
}

#[tokio::test]
async fn r25_asvs_7_5_2_a_handle_of_another_user_or_of_nobody_ends_nothing() {
    let application = Application::new();
    let (mut ann, mut ben) = (Browser::default(), Browser::default());
    ann.sign_in(&application, "ann").await;
    ben.sign_in(&application, "ben").await;
    let foreign = ann.handle(&application).await;
    let guessed = cloakroom_core::SessionHandle::generate(&cloakroom_core::SystemRandom).unwrap();
    let request = ben.request(&application);
    let sessions = request.visit.sessions().await.unwrap();
    for handle in [foreign, guessed] {
        assert_eq!(sessions.end(handle).await.unwrap(), cloakroom_auth::Ending::Unknown);
    }
    ben.answer(request).await;
    assert_eq!(ann.user(&application).await.as_deref(), Some("ann"));
    assert_eq!(ben.user(&application).await.as_deref(), Some("ben"));
    let error = Browser::default().request(&application).visit.sessions().await.unwrap_err();
    assert!(matches!(error, AuthError::NotSignedIn));
}

#[tokio::test]
async fn r12_r29_no_record_beside_the_sessions_signs_anybody_in_or_is_listed() {
    let application = Application::new();
    let mut browser = Browser::default();
    browser.sign_in(&application, "ann").await;
    application.auth.sign_everybody_out().await.unwrap();
    let manager = application.auth.manager();
    let store = manager.store();
    for purpose in ["sign-in", "epoch"] {
        let name = if purpose == "epoch" { "" } else { "ann" };
        let key = StoreKey::reserved(manager.cookie_name(), purpose, name);
        let Loaded::Live(stored) = store.load(&key, manager.now()).await.unwrap() else {
            panic!("{purpose} is not there")
        };
        assert_eq!(stored.record.user, None);
    }
    assert_eq!(store.count(&cloakroom_core::Scope::All, manager.now()).await.unwrap(), 1);
}

#[tokio::test]
async fn asvs_7_4_2_the_mark_outlives_every_sign_in_however_rarely_somebody_signs_in() {
    let memory = Arc::new(MemoryStore::new());
    let application = Application::on(Arc::clone(&memory), Policy::default(), |builder| builder);
    let key = StoreKey::reserved(application.auth.manager().cookie_name(), "sign-in", "ann");
    let mark = async || memory.load(&key, application.auth.manager().now()).await.unwrap();
    let mut versions = Vec::new();
    for _ in 0..6 {
        Browser::default().sign_in(&application, "ann").await;
        let Loaded::Live(stored) = mark().await else { panic!("there is no mark") };
        assert!(stored.record.expires >= application.auth.manager().now().plus(15 * DAY));
        versions.push(stored.version);
        application.clock.advance(14 * DAY);
    }
    versions.dedup();
    assert_eq!(versions.len(), 1, "sign-ins stop nobody else's sign-in");
    application.clock.advance(30 * DAY);
    assert_eq!(mark().await, Loaded::Expired);
    Browser::default().sign_in(&application, "ann").await;
    assert!(matches!(mark().await, Loaded::Live(_)));
}

/// The application changes the session, and what it changed is not half there when the sign-in fails.
#[tokio::test]
async fn asvs_16_5_3_a_sign_in_for_which_no_handle_can_be_drawn_leaves_the_session_as_it_was() {
    let memory = Arc::new(MemoryStore::new());
    let application = Application::on(Arc::clone(&memory), Policy::default(), |builder| builder);
    let mut browser = Browser::default();
    note(&mut browser, &application, "kept").await;
    let builder = SessionManager::builder(memory).random(BrokenRandom);
    let manager = builder.clock(application.clock.clone()).build().unwrap();
    let accounts = application.accounts.clone();
    let auth = Auth::new(manager, move |id: UserId| {
        let found = accounts.get(id.as_str());
        async move { Ok::<_, BoxError>(found) }
    });
    let mut headers = HeaderMap::new();
    headers.extend(browser.cookie.clone().map(|cookie| (http::header::COOKIE, cookie)));
    let session = auth.manager().begin(&headers);
    let visit = auth.visit(session.clone(), &headers, None);
    let verified: Verified<Account> = application.verified("ann");
    assert!(matches!(visit.sign_in(verified).remember().await.unwrap_err(), AuthError::Random(_)));
    assert!(session.finish(StatusCode::OK).await.unwrap().set_cookie().is_none());
    assert_eq!(noted(&browser, &application).await.as_deref(), Some("kept"));
    let lifetime = browser.request(&application).loaded().await.lifetime();
    assert_eq!(lifetime, cloakroom_core::Lifetime::default());
}

/// Two sign-ins of one browser at once: the second to be stored is told that it came too late, and nobody is both.
#[tokio::test]
async fn asvs_7_2_4_two_users_who_sign_in_at_once_in_one_browser_never_share_a_session() {
    for first in ["ann", "ben"] {
        let store = DelayingStore::new(MemoryStore::new());
        let gate = store.gate();
        let application = Application::on(store, Policy::default(), |builder| builder);
        let mut browser = Browser::default();
        note(&mut browser, &application, "anonymous").await;
        let (mut one, mut other) = (browser.clone(), browser.clone());
        let (ann, ben) = (one.request(&application), other.request(&application));
        gate.park(Operation::Admit, Moment::Before);
        let signs = |request: &crate::support::Request, name| {
            let visit = request.visit.clone();
            let verified = application.verified(name);
            async move { visit.sign_in(verified).keep_data().await }
        };
        let order = async {
            let mut parked = gate.parked(2).await;
            gate.park_no_more();
            parked.remove(usize::from(first == "ben")).release();
            parked
        };
        let sign_ins = join(signs(&ann, "ann"), signs(&ben, "ben"));
        let ((one_done, other_done), ()) = join(sign_ins, async { drop(order.await) }).await;
        assert!(one_done.is_ok() != other_done.is_ok(), "{one_done:?} {other_done:?}");
        let _ = one.try_answer(ann, StatusCode::OK).await;
        let _ = other.try_answer(ben, StatusCode::OK).await;
        let names = [one.user(&application).await, other.user(&application).await];
        let who = usize::from(one_done.is_err());
        assert_eq!(names[who].as_deref(), Some(["ann", "ben"][who]));
        assert_eq!(names[1 - who], None);
        assert_eq!(application.live("ann").await + application.live("ben").await, 1);
    }
}
