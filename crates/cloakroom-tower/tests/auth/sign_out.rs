//! After sign-out, and after the response has left.

use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::response::IntoResponse as _;
use axum::routing::get;
use cloakroom_auth::{Verified, Visit};
use cloakroom_core::Method;
use cloakroom_tower::auth::SignedOut;
use cloakroom_tower::axum::{Auth, Session};
use http::StatusCode;

use crate::site::{Account, Browser, Site};

#[tokio::test]
async fn asvs_14_3_1_sign_out_asks_the_browser_to_forget_the_site() {
    let site = Site::new();
    let mut browser = Browser::signed_in(&site, "ann").await;
    let copy = browser.clone();
    let response = browser.post(&site, "/sign-out", "").await;
    assert_eq!(response.headers()["clear-site-data"], r#""cache", "storage""#);
    assert_eq!(browser.cookie, None);
    assert_eq!({ copy }.read(&site, "/hello").await, "stranger");

    let everything = SignedOut::ClearDomain.into_response();
    assert_eq!(everything.headers()["clear-site-data"], r#""cache", "cookies", "storage""#);
}

#[tokio::test]
async fn a_visit_and_a_handler_see_the_same_session() {
    let mut site = Site::new();
    let both = async |session: Session, auth: Auth<Account>| {
        session.insert("colour", "green").unwrap();
        auth.session().await.unwrap().get::<String>("colour").unwrap()
    };
    let route = get(async move |session: Session, auth: Auth<Account>| both(session, auth).await.unwrap());
    site.add("/both", route);
    assert_eq!(Browser::default().read(&site, "/both").await, "green");
}

/// The cookie would have nowhere to go, so nobody would hold the session that a row stands for.
#[tokio::test]
async fn nobody_is_signed_in_after_the_response_has_left() {
    let mut site = Site::new();
    let kept: Arc<Mutex<Option<Visit<Account>>>> = Arc::default();
    let keep = Arc::clone(&kept);
    let stream = async move |auth: Auth<Account>| {
        *keep.lock().unwrap() = Some(Visit::clone(&auth));
        StatusCode::OK
    };
    site.add("/stream", get(stream));
    let request = Browser::default().request("GET", "/stream").body(Body::empty()).unwrap();
    assert_eq!(site.send(request).await.status(), StatusCode::OK);

    let visit = kept.lock().unwrap().take().unwrap();
    let ann = Account { name: "ann".to_owned(), is_editor: true };
    let error = visit.sign_in(Verified::vouched(ann, Method::password())).await.unwrap_err();
    assert_eq!(error.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert!(visit.user().await.unwrap().is_none(), "and the visit does not say otherwise");
    assert_eq!(site.store.sessions().await, 0);
    assert_eq!(site.ear.take(), Vec::<String>::new());

    // Over a session that was there before, too: its id would change, and the browser keep the old one.
    let mut browser = Browser::signed_in(&site, "ben").await;
    site.ear.take();
    assert_eq!(browser.fetch(&site, "/stream").await.status(), StatusCode::OK);
    let visit = kept.lock().unwrap().take().unwrap();
    let ann = Account { name: "ann".to_owned(), is_editor: true };
    assert!(visit.sign_in(Verified::vouched(ann, Method::password())).await.is_err());
    assert_eq!(browser.read(&site, "/user").await, "ben");
    assert_eq!(site.ear.take(), Vec::<String>::new());
}
