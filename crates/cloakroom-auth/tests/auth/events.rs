//! Who is told, and what happens when whoever is told panics.

use cloakroom_auth::{AuthEvent, AuthObserver, EndedBy};
use cloakroom_core::UserId;

use crate::support::{Application, Browser, Told};

#[derive(Debug)]
struct Panics;

impl AuthObserver for Panics {
    fn observe(&self, _: &AuthEvent<'_>) {
        panic!("an observer that panics");
    }
}

#[tokio::test]
async fn r22_an_observer_that_panics_keeps_no_session_from_ending() {
    let application = Application::with(|builder| builder.observer(Panics));
    let (mut desk, mut phone, mut tablet) = (Browser::default(), Browser::default(), Browser::default());
    for browser in [&mut desk, &mut phone, &mut tablet] {
        browser.sign_in(&application, "ann").await;
        assert_eq!(browser.user(&application).await.as_deref(), Some("ann"));
    }
    let request = desk.request(&application);
    request.visit.sign_out().await.unwrap();
    desk.answer(request).await;
    assert_eq!((desk.user(&application).await, desk.cookie), (None, None));
    let request = phone.request(&application);
    assert_eq!(request.visit.sessions().await.unwrap().end_others().await.unwrap(), 1);
    phone.answer(request).await;
    assert_eq!(tablet.user(&application).await, None);
    application.accounts.set("ann", "another hash");
    assert_eq!(phone.user(&application).await, None);
    application.auth.sign_everybody_out().await.unwrap();
    assert_eq!(application.live("ann").await, 0);
}

#[tokio::test]
async fn asvs_16_3_1_owasp_simultaneous_each_thing_is_told_once_and_to_the_right_name() {
    let application = Application::new();
    let (mut desk, mut phone) = (Browser::default(), Browser::default());
    desk.sign_in(&application, "ann").await;
    phone.sign_in(&application, "ann").await;
    let ann = || "ann".to_owned();
    assert_eq!(application.events.take(), [Told::SignedIn(ann()), Told::SignedIn(ann())]);

    // Somebody else takes the seat.
    desk.sign_in(&application, "ben").await;
    let told = [Told::SignedIn("ben".to_owned()), Told::Ended(ann(), EndedBy::SignIn, 1)];
    assert_eq!(application.events.take(), told);

    let request = phone.request(&application);
    request.visit.sign_out().await.unwrap();
    request.visit.sign_out().await.unwrap();
    phone.answer(request).await;
    assert_eq!(application.events.take(), [Told::Ended(ann(), EndedBy::SignOut, 1)]);

    let sessions = application.auth.sessions_of(UserId::new("ben").unwrap());
    assert_eq!(sessions.end_all().await.unwrap(), 1);
    assert_eq!(sessions.end_all().await.unwrap(), 0);
    let told = [Told::Ended("ben".to_owned(), EndedBy::Application, 1)];
    assert_eq!(application.events.take(), told, "what ended nothing is told to nobody");
    application.auth.sign_everybody_out().await.unwrap();
    assert_eq!(application.events.take(), [Told::EverybodyOut]);
}
