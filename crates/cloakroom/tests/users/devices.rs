//! A user and their devices.

use cloakroom::auth::{AuthError, Ending, Place as Where};
use cloakroom::{SessionHandle, SystemRandom};
use http::StatusCode;

use crate::site::{Browser, Site, plain};
use crate::support::{Place, on_every_store};

on_every_store! {
    asvs_7_5_2_owasp_simultaneous_a_user_sees_their_devices_and_ends_one_of_them
    r25_asvs_7_5_2_the_handle_of_somebody_else_ends_nothing
    r16_r49_asvs_7_2_4_no_earlier_cookie_of_a_remembered_browser_opens_anything
    r23_asvs_7_4_3_a_new_password_ends_all_sessions_but_this_one
}

async fn asvs_7_5_2_owasp_simultaneous_a_user_sees_their_devices_and_ends_one_of_them(place: Place) {
    let site = Site::open(place);
    let (here, there) = (site.node(plain).await, site.node(plain).await);
    let mut desk = Browser::signed_in(&here, "ann").await;
    let mut phone = Browser::signed_in(&there, "ann").await;
    let mut ben = Browser::signed_in(&there, "ben").await;
    let request = desk.request(&here);
    let sessions = request.visit.sessions().await.unwrap();
    let list = sessions.list().await.unwrap();
    assert_eq!(list.len(), 2);
    for session in &list {
        let device = session.device.as_ref().unwrap();
        assert_eq!((device.user_agent(), device.address()), (Some("Test/1"), Some("203.0.113.0")));
        assert_eq!(session.authenticated, Some(here.auth.manager().now()));
    }
    let place = |place| list.iter().find(|it| it.place == place).unwrap().handle.unwrap();
    assert_eq!(Some(place(Where::Here)), desk.handle(&here).await);
    assert_eq!(Some(place(Where::Elsewhere)), phone.handle(&here).await);
    assert_eq!(sessions.end(place(Where::Elsewhere)).await.unwrap(), Ending::Ended);
    assert_eq!(sessions.end(place(Where::Elsewhere)).await.unwrap(), Ending::Unknown);
    desk.answer(request, StatusCode::OK).await.unwrap();
    assert_eq!(phone.user(&there).await, None);
    assert_eq!(desk.user(&there).await.as_deref(), Some("ann"));
    assert_eq!(ben.user(&here).await.as_deref(), Some("ben"));

    // And their own.
    let request = desk.request(&here);
    let sessions = request.visit.sessions().await.unwrap();
    assert_eq!(sessions.end(place(Where::Here)).await.unwrap(), Ending::Ended);
    desk.answer(request, StatusCode::OK).await.unwrap();
    assert_eq!((desk.user(&there).await, desk.cookie), (None, None));
}

async fn r25_asvs_7_5_2_the_handle_of_somebody_else_ends_nothing(place: Place) {
    let site = Site::open(place);
    let node = site.node(plain).await;
    let ann = Browser::signed_in(&node, "ann").await;
    let mut ben = Browser::signed_in(&node, "ben").await;
    let request = ben.request(&node);
    let sessions = request.visit.sessions().await.unwrap();
    let foreign = ann.handle(&node).await.unwrap();
    for handle in [foreign, SessionHandle::generate(&SystemRandom).unwrap()] {
        assert_eq!(sessions.end(handle).await.unwrap(), Ending::Unknown);
    }
    ben.answer(request, StatusCode::OK).await.unwrap();
    assert_eq!((node.live("ann").await, node.live("ben").await), (1, 1));
    // Nobody ends anything without being signed in, whatever their cookie looks like.
    for cookie in ["__Host-id=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "__Host-id=x"] {
        let forger = Browser { cookie: Some(cookie.parse().unwrap()) };
        let request = forger.request(&node);
        assert!(matches!(request.visit.sessions().await, Err(AuthError::NotSignedIn)));
        request.visit.sign_out().await.unwrap();
        drop(request);
    }
    assert_eq!((node.live("ann").await, node.live("ben").await), (1, 1));
}

async fn r16_r49_asvs_7_2_4_no_earlier_cookie_of_a_remembered_browser_opens_anything(place: Place) {
    let site = Site::open(place);
    let (here, there) = (site.node(plain).await, site.node(plain).await);
    let mut browser = Browser::default();
    let mut earlier = Vec::new();
    for name in ["ann", "ann", "ben"] {
        let request = browser.request(&here);
        request.visit.sign_in(here.verified(name)).remember().await.unwrap();
        earlier.push(browser.clone());
        browser.answer(request, StatusCode::OK).await.unwrap();
        assert_eq!(browser.user(&there).await.as_deref(), Some(name));
    }
    earlier.push(browser.clone());
    let request = browser.request(&there);
    request.visit.session().await.unwrap().rotate();
    browser.answer(request, StatusCode::OK).await.unwrap();
    assert_eq!(browser.user(&here).await.as_deref(), Some("ben"));
    earlier.push(browser.clone());
    let request = browser.request(&here);
    request.visit.sign_out().await.unwrap();
    browser.answer(request, StatusCode::OK).await.unwrap();
    assert_eq!(browser.cookie, None);
    for mut browser in earlier {
        assert_eq!(browser.user(&there).await, None);
    }
    assert_eq!((here.live("ann").await, here.live("ben").await), (0, 0));
}

async fn r23_asvs_7_4_3_a_new_password_ends_all_sessions_but_this_one(place: Place) {
    let site = Site::open(place);
    let (here, there) = (site.node(plain).await, site.node(plain).await);
    let mut desk = Browser::signed_in(&here, "ann").await;
    let mut phone = Browser::signed_in(&there, "ann").await;
    let old = desk.clone();
    let request = desk.request(&here);
    let changed = site.accounts.set("ann", "another hash");
    request.visit.credentials_changed(&changed).await.unwrap();
    assert_eq!(there.live("ann").await, 1);
    desk.answer(request, StatusCode::OK).await.unwrap();
    assert_ne!(desk.cookie, old.cookie);
    assert_eq!(old.clone().user(&there).await, None);
    assert_eq!(phone.user(&there).await, None);
    assert_eq!(desk.user(&there).await.as_deref(), Some("ann"));

    // Nobody calls anything, and they end nevertheless.
    phone.sign_in(&there, "ann").await;
    site.accounts.set("ann", "a third hash");
    for browser in [&mut desk, &mut phone] {
        assert_eq!(browser.user(&there).await, None);
    }
    assert_eq!(there.live("ann").await, 0);
}
