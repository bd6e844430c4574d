//! Credentials that change, and users that go.

use std::time::Duration;

use cloakroom_auth::{AuthError, EndedBy, Verified};
use cloakroom_conformance::{DelayingStore, Moment};
use cloakroom_core::{LoadError, MemoryStore, Method, Operation, Policy, Presence, SaveError, UserId};
use futures_util::future::join;
use http::StatusCode;

use crate::accounts::Account;
use crate::support::{Application, Browser, Told};

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn asvs_7_4_3_r23_a_change_keeps_this_session_under_a_new_id_and_ends_the_others() {
    let application = Application::new();
    let (mut desk, mut phone) = (Browser::default(), Browser::default());
    desk.sign_in(&application, "ann").await;
    phone.sign_in_remembered(&application, "ann").await;
    let old = desk.clone();
    let handle = desk.handle(&application).await;
    application.events.take();

    let request = desk.request(&application);
    let changed = application.accounts.set("ann", "another hash");
    request.visit.credentials_changed(&changed).await.unwrap();
    assert_eq!(application.live("ann").await, 1, "before anybody asks");
    desk.answer(request).await;

    assert_eq!(application.events.take(), [Told::Ended("ann".to_owned(), EndedBy::Credentials, 1)]);
    assert_ne!(desk.cookie, old.cookie);
    assert_eq!(old.clone().user(&application).await, None, "the old id is dead");
    assert_eq!(phone.user(&application).await, None);
    assert_eq!(desk.user(&application).await.as_deref(), Some("ann"));
    assert_eq!(desk.handle(&application).await, handle, "it is the same session");
}

#[tokio::test]
async fn asvs_7_5_3_a_change_of_credentials_is_no_proof() {
    let application = Application::new();
    let mut browser = Browser::default();
    browser.sign_in_remembered(&application, "ann").await;
    let before = browser.request(&application).loaded().await;
    application.clock.advance(MINUTE);
    let request = browser.request(&application);
    let changed = application.accounts.set("ann", "another hash");
    request.visit.credentials_changed(&changed).await.unwrap();
    browser.answer(request).await;

    let request = browser.request(&application);
    let after = request.loaded().await;
    let (old, new) = (before.authentication().unwrap(), after.authentication().unwrap());
    assert_eq!((new.at, new.presence), (old.at, Presence::Remembered));
    assert_eq!(after.deadline(), before.deadline(), "nor does it put the absolute limit off");
    let error = request.visit.require_recent(10 * MINUTE).await.unwrap_err();
    assert!(matches!(error, AuthError::RecentRequired));
}

#[tokio::test]
async fn r23_the_others_end_though_this_session_ended_during_the_change() {
    let application = Application::new();
    let (mut desk, mut phone) = (Browser::default(), Browser::default());
    desk.sign_in(&application, "ann").await;
    phone.sign_in(&application, "ann").await;
    let request = desk.request(&application);
    request.visit.user().await.unwrap();
    let changed = application.accounts.set("ann", "another hash");
    // Another request of the same browser meets the new password before it is in the session.
    assert_eq!(desk.clone().user(&application).await, None);
    let error = request.visit.credentials_changed(&changed).await.unwrap_err();
    assert!(matches!(error, AuthError::Save(SaveError::Gone)), "{error:?}");
    assert_eq!(application.live("ann").await, 0);
    assert!(request.visit.user().await.unwrap().is_none());
    desk.answer(request).await;
    assert_eq!(desk.user(&application).await, None);
}

#[tokio::test]
async fn asvs_7_4_3_a_request_from_before_the_change_does_not_end_the_session_that_was_kept() {
    let application = Application::new();
    let mut desk = Browser::default();
    desk.sign_in(&application, "ann").await;
    let mut sibling = desk.clone();
    let slow = sibling.request(&application);
    slow.loaded().await.insert("note", "of a slow request").unwrap();

    let request = desk.request(&application);
    let changed = application.accounts.set("ann", "another hash");
    request.visit.credentials_changed(&changed).await.unwrap();
    desk.answer(request).await;
    let error = slow.visit.user().await.unwrap_err();
    assert!(matches!(error, AuthError::Load(LoadError::Gone)), "{error:?}");
    assert!(slow.visit.user().await.unwrap().is_none(), "whoever asks again");
    sibling.line.clear();
    sibling.try_answer(slow, error.status()).await.unwrap();
    assert_eq!(sibling.line, "", "the browser keeps the cookie that the other response has brought");
    assert_eq!(desk.user(&application).await.as_deref(), Some("ann"));
}

#[tokio::test]
async fn the_change_of_somebody_else_is_refused() {
    let application = Application::new();
    let (mut ann, nobody) = (Browser::default(), Browser::default());
    ann.sign_in(&application, "ann").await;
    let ben = application.accounts.get("ben").unwrap();
    for browser in [&ann, &nobody] {
        let error = browser.request(&application).visit.credentials_changed(&ben).await.unwrap_err();
        assert!(matches!(error, AuthError::AnotherUser));
    }
    assert_eq!(ann.user(&application).await.as_deref(), Some("ann"));
}

#[tokio::test]
async fn asvs_7_4_2_r24_the_session_of_a_user_who_is_gone_ends_with_its_next_use() {
    let application = Application::new();
    let mut browser = Browser::default();
    browser.sign_in(&application, "ann").await;
    let replay = browser.clone();
    application.accounts.remove("ann");
    let request = browser.request(&application);
    request.loaded().await.insert("note", "of somebody who is gone").unwrap();
    assert!(request.visit.user().await.unwrap().is_none());
    assert!(request.loaded().await.is_empty(), "what was put into it goes with it");
    request.loaded().await.insert("flash", "your account is closed").unwrap();
    browser.answer(request).await;

    assert_eq!(application.live("ann").await, 0);
    application.accounts.set("ann", "hash of ann");
    assert_eq!(replay.clone().user(&application).await, None, "the cookie of before is dead");
    let session = browser.request(&application).loaded().await;
    assert_eq!(session.user(), None);
    let told = session.get::<String>("flash").unwrap();
    assert_eq!(told.as_deref(), Some("your account is closed"));
}

#[tokio::test]
async fn r24_whoever_gets_the_id_of_a_deleted_user_gets_neither_their_sessions_nor_their_history() {
    let entries = std::num::NonZeroU32::new(10).unwrap();
    let kept = cloakroom_auth::History::Kept { entries, time: 1_000 * MINUTE };
    let application = Application::with(|builder| builder.history(kept));
    let (mut desk, mut phone) = (Browser::default(), Browser::default());
    desk.sign_in(&application, "ann").await;
    phone.sign_in(&application, "ann").await;
    let sessions = application
        .auth
        .sessions_of(application.accounts.get("ann").map(|it| cloakroom_auth::User::id(&it)).unwrap());
    sessions.end(desk.handle(&application).await).await.unwrap();
    assert_eq!(sessions.history().await.unwrap().len(), 1);
    // Deleted without a word to anybody, and another person gets the id.
    application.accounts.set("ann", "hash of the next ann");
    sessions.forget_history().await.unwrap();
    assert_eq!(sessions.history().await.unwrap(), []);
    assert_eq!(phone.user(&application).await, None);
}

#[tokio::test]
async fn r42_the_account_of_somebody_else_is_never_taken_for_the_users() {
    let application = Application::new();
    let mut browser = Browser::default();
    browser.sign_in(&application, "ann").await;
    // As by a look-up that takes upper and lower case for the same where the ids do not.
    application.accounts.mix_up("ann", "ben");
    let request = browser.request(&application);
    assert!(request.visit.user().await.unwrap().is_none());
    let verified = Verified::vouched(
        Account { name: "ann".to_owned(), hash: "hash of ann".to_owned() },
        Method::password(),
    );
    let error = request.visit.sign_in(verified).await.unwrap_err();
    assert!(matches!(error, AuthError::UserGone));

    // Nor where nothing but the id says whose session it is, because another part of the application opened it.
    let request = browser.request(&application);
    request.loaded().await.set_user(UserId::new("ann").unwrap());
    assert!(request.visit.user().await.unwrap().is_none());
}

#[tokio::test]
async fn r01_asvs_7_4_2_a_request_under_way_brings_no_session_back_and_a_flash_begins_another() {
    let application = Application::new();
    let (mut desk, mut phone) = (Browser::default(), Browser::default());
    desk.sign_in(&application, "ann").await;
    phone.sign_in(&application, "ann").await;
    let mut under_way = [desk.clone(), phone.clone()];
    let requests = under_way.each_ref().map(|browser| browser.request(&application));
    for request in &requests {
        request.loaded().await.insert("note", "too late").unwrap();
    }
    let old = desk.cookie.clone();
    let request = desk.request(&application);
    assert_eq!(request.visit.sessions().await.unwrap().end_all().await.unwrap(), 2);
    assert!(request.visit.user().await.unwrap().is_none());
    desk.answer(request).await;
    assert_eq!(desk.cookie, None, "its cookie is removed");
    for (browser, request) in under_way.iter_mut().zip(requests) {
        let error = browser.try_answer(request, StatusCode::OK).await.unwrap_err();
        assert!(matches!(error, SaveError::Gone), "{error:?}");
    }
    assert_eq!(application.live("ann").await, 0);

    desk.sign_in(&application, "ann").await;
    let request = desk.request(&application);
    request.visit.sessions().await.unwrap().end_all().await.unwrap();
    request.loaded().await.insert("flash", "you are signed out everywhere").unwrap();
    desk.answer(request).await;
    assert!(desk.cookie.is_some() && desk.cookie != old);
    let session = desk.request(&application).loaded().await;
    assert_eq!((session.user(), session.len()), (None, 1));
}

#[tokio::test]
async fn asvs_7_4_3_another_request_that_rotates_the_session_meanwhile_is_not_undone() {
    let store = DelayingStore::new(MemoryStore::new());
    let gate = store.gate();
    let application = Application::on(store, Policy::default(), |builder| builder);
    let (mut desk, mut phone) = (Browser::default(), Browser::default());
    desk.sign_in(&application, "ann").await;
    phone.sign_in(&application, "ann").await;

    let mut other = desk.clone();
    let request = desk.request(&application);
    let sessions = request.visit.sessions().await.unwrap();
    gate.park(Operation::End, Moment::After);
    let rotates = async {
        let parked = gate.parked(1).await;
        gate.park_no_more();
        let request = other.request(&application);
        request.loaded().await.rotate();
        other.answer(request).await;
        drop(parked);
    };
    let (ended, ()) = join(sessions.end_others(), rotates).await;
    assert_eq!(ended.unwrap(), 1);
    // This request's id is dead by now, so it can change nothing more, and says so.
    let error = desk.try_answer(request, StatusCode::OK).await.unwrap_err();
    assert!(matches!(error, SaveError::Gone));
    assert_eq!(other.user(&application).await.as_deref(), Some("ann"), "the session itself was kept");
    assert_eq!(phone.user(&application).await, None);
}
