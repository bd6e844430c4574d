//! What those are told who are not let through.

use axum::body::Body;
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::get;
use cloakroom_tower::axum::RequireUser;
use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, VARY, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};

use crate::site::{Account, Browser, GUARDED, Site, location, text};

#[tokio::test]
async fn programs_get_401_with_a_challenge_and_people_the_sign_in_page() {
    let site = Site::new();
    let mut stranger = Browser::default();
    for path in GUARDED {
        let response = stranger.fetch(&site, path).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{path}");
        assert_eq!(response.headers()[WWW_AUTHENTICATE], r#"Cookie realm="session""#, "{path}");
        assert_eq!(response.headers()[CONTENT_TYPE], "text/plain; charset=utf-8", "{path}");
        assert_eq!(
            (location(&response), &response.headers()[CACHE_CONTROL]),
            (None, &"no-store".parse().unwrap())
        );
        assert_eq!(text(response).await, "Please sign in.\n");

        let response = stranger.get(&site, path).await;
        let back = format!("/sign-in?next={}", path.replace('/', "%2F"));
        assert_eq!(location(&response), Some(&*back), "{path}");
        assert_eq!(response.status(), StatusCode::SEE_OTHER, "{path}");
        assert!(!response.headers().contains_key(WWW_AUTHENTICATE), "{path}");
        assert_eq!(response.headers()[CACHE_CONTROL], "no-store", "{path}");
        let vary = response.headers().get_all(VARY).iter().map(|it| it.to_str().unwrap());
        let vary = vary.collect::<Vec<_>>().join(", ");
        assert!(
            ["Cookie", "Accept", "Sec-Fetch-Mode"].iter().all(|name| vary.contains(name)),
            "{path}: {vary}"
        );
    }
}

#[tokio::test]
async fn a_script_in_a_page_is_a_program_whatever_it_accepts() {
    let site = Site::new();
    for (mode, status) in [("navigate", 303), ("cors", 401), ("same-origin", 401), ("websocket", 401)] {
        let request = Browser::default().request("GET", "/user").header("sec-fetch-mode", mode);
        let response = site.send(request.header(ACCEPT, "text/html").body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), status, "{mode}");
    }
}

#[tokio::test]
async fn a_post_is_not_returned_to() {
    let site = Site::new();
    for path in GUARDED {
        let response = Browser::default().post(&site, path, "").await;
        assert_eq!((response.status().as_u16(), location(&response)), (303, Some("/sign-in")), "{path}");
    }
}

/// CWE-601. Each of these paths reaches a guard.
#[tokio::test]
async fn nobody_is_led_off_this_site() {
    let site = Site::new();
    for (path, led) in [
        ("//elsewhere.example/", "/sign-in"),
        ("///elsewhere.example", "/sign-in"),
        ("/a//elsewhere.example", "/sign-in"),
        ("//elsewhere.example\\@own.example", "/sign-in"),
        ("http://elsewhere.example/user", "/sign-in?next=%2Fuser"),
        ("http://own.example//elsewhere.example/", "/sign-in"),
        ("/%5Celsewhere.example", "/sign-in?next=%2F%255Celsewhere.example"),
        ("/user?next=//elsewhere.example", "/sign-in?next=%2Fuser%3Fnext%3D%2F%2Felsewhere.example"),
    ] {
        let request = Browser::default().request("GET", path).header(ACCEPT, "text/html");
        let response = site.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(location(&response), Some(led), "{path}");
    }
}

/// ASVS 14.3.2: neither a cache nor the back button shows it to somebody else.
#[tokio::test]
async fn asvs_14_3_2_what_was_made_for_somebody_is_kept_by_no_cache() {
    let site = Site::new();
    let mut browser = Browser::signed_in(&site, "ann").await;
    for path in GUARDED.into_iter().chain(["/hello"]) {
        let response = browser.get(&site, path).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        assert_eq!(response.headers()[CACHE_CONTROL], "no-store", "{path}");
        assert_eq!(response.headers()[VARY], "Cookie", "{path}");
    }
    assert_eq!(browser.get(&site, "/own-cache").await.headers()[CACHE_CONTROL], "private, max-age=60");
    for path in ["/", "/lazy"] {
        assert_eq!(browser.get(&site, path).await.headers().get(CACHE_CONTROL), None, "{path}");
    }
    assert_eq!(Browser::default().get(&site, "/hello").await.headers().get(CACHE_CONTROL), None);
}

/// What a layer in between has said about the answer, as one for requests from other sites does.
#[tokio::test]
async fn a_redirect_keeps_what_other_layers_have_added() {
    let mut site = Site::new();
    let route =
        get(async |_: RequireUser<Account>| ()).layer(map_response(async |mut response: Response| {
            response.headers_mut().append(VARY, HeaderValue::from_static("Origin"));
            response
        }));
    site.add("/between", route);
    let response = Browser::default().get(&site, "/between").await;
    assert_eq!(location(&response), Some("/sign-in?next=%2Fbetween"));
    let vary: Vec<_> = response.headers().get_all(VARY).iter().collect();
    assert_eq!(vary, ["Cookie, Accept, Sec-Fetch-Mode", "Origin"]);
}

#[tokio::test]
async fn whoever_may_not_is_told_so_and_led_nowhere() {
    let site = Site::new();
    let mut ben = Browser::signed_in(&site, "ben").await;
    for path in ["/edit", "/layer/edit", "/everything"] {
        for response in [ben.get(&site, path).await, ben.fetch(&site, path).await] {
            assert_eq!((response.status(), location(&response)), (StatusCode::FORBIDDEN, None), "{path}");
            assert!(!response.headers().contains_key(WWW_AUTHENTICATE), "{path}");
            assert_eq!(response.headers()[CACHE_CONTROL], "no-store", "{path}");
        }
    }
    assert_eq!(ben.read(&site, "/user").await, "ben");
}

#[tokio::test]
async fn every_refused_sign_in_gets_the_same_answer() {
    let site = Site::new();
    let mut answers = Vec::new();
    for name in ["ann", "nobody"] {
        let response = Browser::default().post(&site, &format!("/sign-in/{name}/not"), "wrong").await;
        let headers = format!("{:?}", response.headers());
        answers.push((response.status(), headers, text(response).await));
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0].0, StatusCode::UNAUTHORIZED);
    assert!(answers[0].1.contains("Cookie realm"), "RFC 9110 section 15.5.2");
}
