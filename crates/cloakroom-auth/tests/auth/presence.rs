//! Who was there, when, and for how long that is believed.

use std::time::Duration;

use cloakroom_auth::AuthError;
use cloakroom_core::{Lifetime, MemoryStore, Policy, Presence, TouchPolicy};

use crate::support::{Application, Browser, Told};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

async fn recent(
    browser: &mut Browser,
    application: &Application,
    max_age: Duration,
) -> Result<(), AuthError> {
    let request = browser.request(application);
    let outcome = request.visit.require_recent(max_age).await.map(drop);
    browser.answer(request).await;
    outcome
}

async fn prove_again(browser: &mut Browser, application: &Application) {
    let request = browser.request(application);
    request.visit.reauthenticate(application.verified("ann")).await.unwrap();
    browser.answer(request).await;
}

#[tokio::test]
async fn asvs_7_5_1_asvs_7_5_3_activity_does_not_make_an_authentication_recent() {
    let application = Application::new();
    let mut browser = Browser::default();
    assert!(matches!(recent(&mut browser, &application, MINUTE).await, Err(AuthError::NotSignedIn)));
    browser.sign_in(&application, "ann").await;
    for _ in 0..10 {
        recent(&mut browser, &application, 10 * MINUTE).await.unwrap();
        application.clock.advance(MINUTE);
        let request = browser.request(&application);
        request.loaded().await.update("visits", |visits: Option<u32>| visits.unwrap_or(0) + 1).unwrap();
        browser.answer(request).await;
    }
    recent(&mut browser, &application, 10 * MINUTE).await.unwrap();
    application.clock.advance(Duration::from_millis(1));
    application.events.take();
    let refused = recent(&mut browser, &application, 10 * MINUTE).await;
    assert!(matches!(refused, Err(AuthError::RecentRequired)));
    assert_eq!(application.events.take(), [Told::RecentRequired("ann".to_owned())]);

    let old = browser.clone();
    prove_again(&mut browser, &application).await;
    assert_eq!(application.events.take(), [Told::Confirmed("ann".to_owned())]);
    assert_ne!(browser.cookie, old.cookie, "the id changes (ASVS 7.2.4)");
    assert_eq!(old.clone().user(&application).await, None);
    recent(&mut browser, &application, Duration::ZERO).await.unwrap();
}

#[tokio::test]
async fn asvs_7_5_1_nist_5_1_restart_a_browser_that_is_remembered_is_nobody_present() {
    let application = Application::new();
    let mut browser = Browser::default();
    browser.sign_in_remembered(&application, "ann").await;
    assert!(browser.line.contains("; Max-Age=1209600"), "{}", browser.line);
    assert_eq!(browser.user(&application).await.as_deref(), Some("ann"));
    let refused = recent(&mut browser, &application, DAY).await;
    assert!(matches!(refused, Err(AuthError::RecentRequired)), "not even at first");
    prove_again(&mut browser, &application).await;
    recent(&mut browser, &application, MINUTE).await.unwrap();
    application.clock.advance(2 * MINUTE);
    assert!(recent(&mut browser, &application, MINUTE).await.is_err());
}

#[tokio::test]
async fn nist_5_1_restart_who_is_not_remembered_is_gone_with_the_browser_whatever_was_before() {
    let by_data = Policy::default().lifetime_of(|_| Lifetime::aal3());
    for policy in [Policy::default().lifetime(Lifetime::aal3()), by_data] {
        let application = Application::on(MemoryStore::new(), policy, |builder| builder);
        let mut browser = Browser::default();
        browser.sign_in_remembered(&application, "ann").await;
        browser.sign_in(&application, "ann").await;
        assert!(!browser.line.contains("Max-Age"), "{}", browser.line);
        let session = browser.request(&application).loaded().await;
        assert_eq!(session.lifetime(), Lifetime::aal3());
        assert_eq!(session.authentication().unwrap().presence, Presence::Present);
    }
}

#[tokio::test]
async fn asvs_7_5_1_the_proof_of_another_user_confirms_nothing() {
    let application = Application::new();
    let mut browser = Browser::default();
    browser.sign_in(&application, "ann").await;
    application.clock.advance(HOUR / 2);
    let request = browser.request(&application);
    let error = request.visit.reauthenticate(application.verified("ben")).await.unwrap_err();
    assert!(matches!(error, AuthError::AnotherUser));
    browser.answer(request).await;
    assert!(recent(&mut browser, &application, MINUTE).await.is_err());
    assert_eq!(browser.user(&application).await.as_deref(), Some("ann"));
    let error =
        Browser::default().request(&application).visit.reauthenticate(application.verified("ann")).await;
    assert!(matches!(error, Err(AuthError::NotSignedIn)));
}

#[tokio::test]
async fn asvs_7_5_1_an_old_password_confirms_nothing() {
    let application = Application::new();
    let mut browser = Browser::default();
    browser.sign_in(&application, "ann").await;
    // Verified, and before it is used the password changes, in this very browser.
    let proof = application.verified("ann");
    let request = browser.request(&application);
    let changed = application.accounts.set("ann", "another hash");
    request.visit.credentials_changed(&changed).await.unwrap();
    let error = request.visit.reauthenticate(proof).await.unwrap_err();
    assert!(matches!(error, AuthError::Superseded));
}

#[tokio::test]
async fn a_clock_that_was_set_back_makes_nothing_recent_and_one_that_is_a_little_slow_nothing_old() {
    let application = Application::new();
    let mut browser = Browser::default();
    browser.sign_in(&application, "ann").await;
    let signed_in = application.auth.manager().now();
    // Another node, whose clock is a little behind.
    application.clock.set(cloakroom_core::Timestamp::from_millis(signed_in.as_millis() - 500));
    recent(&mut browser, &application, 10 * MINUTE).await.unwrap();
    application.clock.set(cloakroom_core::Timestamp::from_millis(signed_in.as_millis() - 61_000));
    assert!(recent(&mut browser, &application, 10 * MINUTE).await.is_err());
}

/// To the minute, because no touch is left out.
fn exact(lifetime: Lifetime) -> Application {
    let policy = Policy::default().touch(TouchPolicy::Always);
    Application::on(MemoryStore::new(), policy, |builder| builder.lifetime(lifetime))
}

/// One request a minute, for so many.
async fn busy(browser: &mut Browser, application: &Application, minutes: u32) -> Option<String> {
    for _ in 0..minutes {
        application.clock.advance(MINUTE);
        browser.user(application).await.as_ref()?;
    }
    browser.user(application).await
}

#[tokio::test]
async fn asvs_7_3_2_nist_5_2_levels_the_overall_limit_counts_from_authentication() {
    for (lifetime, minutes) in [(Lifetime::aal2(), 24 * 60), (Lifetime::aal3(), 12 * 60)] {
        let application = exact(lifetime);
        let mut browser = Browser::default();
        // Long before anybody signs in there is a basket.
        let request = browser.request(&application);
        request.loaded().await.insert("basket", 1).unwrap();
        browser.answer(request).await;
        application.clock.advance(HOUR / 2);
        browser.sign_in(&application, "ann").await;
        assert!(busy(&mut browser, &application, minutes - 1).await.is_some());
        let request = browser.request(&application);
        request.loaded().await.rotate();
        browser.answer(request).await;
        application.clock.advance(MINUTE);
        assert_eq!(browser.user(&application).await, None, "a rotation does not put it off");
    }
}

#[tokio::test]
async fn nist_5_2_timeouts_a_step_up_starts_both_limits_afresh() {
    let application = exact(Lifetime::aal3());
    let mut browser = Browser::default();
    browser.sign_in(&application, "ann").await;
    assert!(busy(&mut browser, &application, 11 * 60).await.is_some());
    prove_again(&mut browser, &application).await;
    assert!(busy(&mut browser, &application, 12 * 60 - 1).await.is_some());
    application.clock.advance(MINUTE);
    assert_eq!(browser.user(&application).await, None);
    browser.sign_in(&application, "ann").await;
    application.clock.advance(15 * MINUTE);
    assert_eq!(browser.user(&application).await, None, "the idle limit of AAL3");
}

#[tokio::test]
async fn r49_a_remembered_session_has_limits_of_its_own() {
    let lifetime = Lifetime::idle(2 * DAY).with_absolute(5 * DAY);
    let application = Application::with(|builder| builder.remembered(lifetime));
    let mut browser = Browser::default();
    browser.sign_in_remembered(&application, "ann").await;
    for _ in 0..4 {
        application.clock.advance(DAY);
        assert!(browser.user(&application).await.is_some());
    }
    application.clock.advance(DAY);
    assert_eq!(browser.user(&application).await, None, "the overall limit");
    browser.sign_in_remembered(&application, "ann").await;
    application.clock.advance(2 * DAY);
    assert_eq!(browser.user(&application).await, None, "the idle limit");
}

#[tokio::test]
async fn nist_5_2_warning_asking_for_the_time_left_is_no_activity() {
    let application = Application::with(|builder| builder.lifetime(Lifetime::aal3()));
    let mut browser = Browser::default();
    assert_eq!(browser.request(&application).visit.time_left().await.unwrap(), None);
    browser.sign_in(&application, "ann").await;
    for minute in 0..15 {
        let request = browser.request(&application);
        let left = request.visit.time_left().await.unwrap().unwrap();
        assert_eq!(left.unless_used, (15 - minute) * MINUTE);
        assert_eq!(left.at_most, Some((12 * 60 - minute) * MINUTE));
        browser.answer(request).await;
        application.clock.advance(MINUTE);
    }
    assert_eq!(browser.user(&application).await, None);
}

#[tokio::test]
async fn asvs_7_5_1_whoever_was_signed_out_with_everybody_is_not_recent_on_a_node_that_has_not_heard_yet() {
    let memory = std::sync::Arc::new(MemoryStore::new());
    let here = Application::on(std::sync::Arc::clone(&memory), Policy::default(), |builder| builder);
    let there = Application::on(memory, Policy::default(), |builder| builder);
    let mut browser = Browser::default();
    browser.sign_in(&here, "ann").await;
    assert_eq!(browser.user(&there).await.as_deref(), Some("ann"));
    here.auth.sign_everybody_out().await.unwrap();
    assert_eq!(
        browser.user(&there).await.as_deref(),
        Some("ann"),
        "within the second that the policy allows"
    );
    let request = browser.request(&there);
    assert!(matches!(request.visit.require_recent(HOUR).await, Err(AuthError::NotSignedIn)));
    browser.answer(request).await;
    assert_eq!(browser.cookie, None);
    // And without that, after a second.
    let mut browser = Browser::default();
    browser.sign_in(&here, "ann").await;
    assert_eq!(browser.user(&there).await.as_deref(), Some("ann"));
    here.auth.sign_everybody_out().await.unwrap();
    there.clock.advance(Duration::from_secs(1));
    assert_eq!(browser.user(&there).await, None);
}
