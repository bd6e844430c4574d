//! How many sessions a user may have, one after the other; at once see the facade's tests.

use std::num::NonZeroU32;
use std::time::Duration;

use cloakroom_auth::{AuthError, EndedBy};
use cloakroom_core::{SessionLimit, WhenFull};

use crate::support::{Application, Browser, Told};

const MINUTE: Duration = Duration::from_secs(60);

fn application(when_full: WhenFull) -> Application {
    let most = NonZeroU32::new(2).unwrap();
    Application::with(|builder| builder.session_limit(SessionLimit { most, when_full }))
}

/// Two browsers that signed in in this order, and were used in the other.
async fn two(application: &Application) -> [Browser; 2] {
    let mut browsers = [Browser::default(), Browser::default()];
    for browser in &mut browsers {
        application.clock.advance(MINUTE);
        browser.sign_in(application, "ann").await;
    }
    for browser in browsers.iter_mut().rev() {
        // Long enough for a touch.
        application.clock.advance(20 * MINUTE);
        browser.user(application).await.unwrap();
    }
    application.events.take();
    browsers
}

#[tokio::test]
async fn asvs_7_1_2_the_session_that_makes_room_is_the_one_that_was_named() {
    for (when_full, ends) in [(WhenFull::EndOldest, 0), (WhenFull::EndLeastRecentlySeen, 1)] {
        let application = application(when_full);
        let mut browsers = two(&application).await;
        let mut third = Browser::default();
        third.sign_in(&application, "ann").await;
        assert_eq!(browsers[ends].user(&application).await, None, "{when_full:?}");
        assert!(browsers[1 - ends].user(&application).await.is_some());
        assert!(third.user(&application).await.is_some());
        let ann = || "ann".to_owned();
        let told = [Told::SignedIn(ann()), Told::LimitReached(ann()), Told::Ended(ann(), EndedBy::Limit, 1)];
        assert_eq!(application.events.take(), told);
    }
}

#[tokio::test]
async fn asvs_7_1_2_who_is_refused_is_told_why_and_keeps_what_they_had() {
    let application = application(WhenFull::Refuse);
    let mut browsers = two(&application).await;
    let mut third = Browser::default();
    let request = third.request(&application);
    request.loaded().await.insert("basket", 1).unwrap();
    third.answer(request).await;
    let before = third.clone();

    let request = third.request(&application);
    let error = request.visit.sign_in(application.verified("ann")).remember().await.unwrap_err();
    assert!(matches!(error, AuthError::SessionLimit));
    assert!(request.visit.user().await.unwrap().is_none());
    third.answer(request).await;
    assert_eq!(application.events.take(), [Told::LimitReached("ann".to_owned())]);
    assert_eq!(third.cookie, before.cookie);
    assert_eq!(third.request(&application).loaded().await.get::<u32>("basket").unwrap(), Some(1));

    // Over a session of their own there is room, and once another has ended.
    browsers[0].sign_in(&application, "ann").await;
    let request = browsers[0].request(&application);
    request.visit.sign_out().await.unwrap();
    browsers[0].answer(request).await;
    third.sign_in(&application, "ann").await;
    assert_eq!(application.live("ann").await, 2);
    let mut ben = Browser::default();
    ben.sign_in(&application, "ben").await;
}
