//! The application that the README shows, as it is printed there, visited by two browsers.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

#[allow(dead_code, reason = "nobody calls its main here")]
#[path = "../examples/sign_in.rs"]
mod example;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use cloakroom::sql::SqlStore;
use http::header::{COOKIE, LOCATION, SET_COOKIE};
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

/// A browser that keeps one cookie, and says what browsers say.
#[derive(Default)]
struct Browser {
    name: &'static str,
    cookie: String,
}

impl Browser {
    async fn send(&mut self, app: &Router, method: &str, path: &str, form: &'static str) -> Response {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("user-agent", self.name)
            .header("sec-fetch-mode", "navigate")
            .header("sec-fetch-site", "same-origin")
            .header("content-type", "application/x-www-form-urlencoded")
            .header(COOKIE, &self.cookie);
        let response = app.clone().oneshot(request.body(Body::from(form)).unwrap()).await.unwrap();
        for line in response.headers().get_all(SET_COOKIE) {
            let line = line.to_str().unwrap();
            let is_removal = line.contains("Max-Age=0");
            self.cookie = String::from(if is_removal { "" } else { line.split(';').next().unwrap() });
        }
        response
    }

    /// The devices that the page lists, or where it leads.
    async fn devices(&mut self, app: &Router) -> Result<String, String> {
        let response = self.send(app, "GET", "/", "").await;
        if let Some(location) = response.headers().get(LOCATION) {
            return Err(location.to_str().unwrap().to_owned());
        }
        Ok(String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap())
    }
}

const RIGHT: &str = "name=ann&password=correct+horse+battery+staple";

#[tokio::test]
async fn the_printed_application_signs_in_shows_devices_and_signs_out_everywhere() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("sessions.db").display());
    let app = example::app(SqlStore::open(&url).await.unwrap()).unwrap();
    let mut desk = Browser { name: "Desk/1", ..Browser::default() };
    let mut phone = Browser { name: "Phone/1", ..Browser::default() };
    let to_sign_in = Err("/sign-in?next=%2F".to_owned());

    assert_eq!(desk.devices(&app).await, to_sign_in);
    assert_eq!(desk.send(&app, "GET", "/sign-in", "").await.status(), StatusCode::OK);
    for wrong in ["name=ann&password=wrong", "name=nobody&password=wrong", "name=&password=wrong"] {
        let response = desk.send(&app, "POST", "/sign-in", wrong).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{wrong}");
        assert_eq!(desk.cookie, "", "{wrong}");
    }
    for browser in [&mut desk, &mut phone] {
        let response = browser.send(&app, "POST", "/sign-in", RIGHT).await;
        assert_eq!(
            (response.status(), &response.headers()[LOCATION]),
            (StatusCode::SEE_OTHER, &"/".parse().unwrap())
        );
    }
    let devices = desk.devices(&app).await.unwrap();
    let place = |name| devices.lines().find(|line| line.contains(name)).unwrap().split(':').next().unwrap();
    assert_eq!((place("Desk/1"), place("Phone/1"), devices.lines().count()), ("Here", "Elsewhere", 2));

    let replayed = Browser { cookie: phone.cookie.clone(), ..Browser::default() };
    assert_eq!(phone.send(&app, "POST", "/sign-out", "").await.status(), StatusCode::SEE_OTHER);
    assert_eq!(phone.cookie, "");
    assert_eq!({ replayed }.devices(&app).await, to_sign_in, "the server has forgotten it too");
    assert_eq!(desk.devices(&app).await.unwrap().lines().count(), 1);

    phone.send(&app, "POST", "/sign-in", RIGHT).await;
    assert_eq!(desk.send(&app, "POST", "/sign-out-everywhere", "").await.status(), StatusCode::SEE_OTHER);
    for browser in [&mut desk, &mut phone] {
        assert_eq!(browser.devices(&app).await, to_sign_in);
    }
}
