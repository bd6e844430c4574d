//! What is stored before the response leaves, and what the response carries.

use cloakroom_core::Operation;
use cloakroom_tower::SessionError;
use http::header::{CACHE_CONTROL, LOCATION, SET_COOKIE, VARY};
use http::{Request, Response, StatusCode};
use tower::{Layer as _, ServiceExt as _, service_fn};

use crate::support::{Probe, cookie, cookies, get};
use crate::{Body, layer, session};

/// `/write` counts, `/read` looks, every other path leaves the session alone.
async fn handle(request: Request<Body>) -> Result<Response<Body>, SessionError> {
    match request.uri().path() {
        "/write" => {
            session(&request).await?.update("visits", |visits: Option<u32>| visits.unwrap_or(0) + 1)?;
        }
        "/read" => drop(session(&request).await?.get::<u32>("visits")?),
        _ => {}
    }
    let response = Response::builder()
        .status(StatusCode::SEE_OTHER)
        .header(LOCATION, "/elsewhere")
        .header(SET_COOKIE, "theme=dark; Path=/")
        .header(SET_COOKIE, "language=eo; Path=/");
    Ok(response.body(Body::default()).unwrap())
}

#[tokio::test]
async fn a_redirect_leaves_only_after_the_row_is_there() {
    let store = Probe::default();
    let service = layer(&store).layer(service_fn(handle));
    store.close();
    let response = tokio::spawn(service.oneshot(get("/write", &[])));
    store.arrival().await;
    tokio::task::yield_now().await;
    assert!(!response.is_finished(), "the response left before the store had answered");
    store.open();
    assert_eq!(response.await.unwrap().unwrap().status(), StatusCode::SEE_OTHER);
    assert_eq!(store.sessions().await, 1);
}

#[tokio::test]
async fn r46_other_cookies_of_the_response_survive() {
    let service = layer(&Probe::default()).layer(service_fn(handle));
    let response = service.oneshot(get("/write", &[])).await.unwrap();
    let names: Vec<_> =
        cookies(response.headers()).iter().map(|it| it.split('=').next().unwrap().to_owned()).collect();
    assert_eq!(names, ["theme", "language", "__Host-id"]);
}

#[tokio::test]
async fn asvs_14_2_2_responses_that_depend_on_the_session_say_so_to_caches() {
    let service = layer(&Probe::default()).layer(service_fn(handle));
    let written = service.clone().oneshot(get("/write", &[])).await.unwrap();
    assert_eq!(written.headers()[CACHE_CONTROL], "no-store");
    assert_eq!(written.headers()[VARY], "Cookie");
    let read = service.clone().oneshot(get("/read", &[])).await.unwrap();
    assert_eq!(read.headers()[VARY], "Cookie");
    let untouched = service.oneshot(get("/", &[])).await.unwrap();
    assert!(!untouched.headers().contains_key(VARY) && !untouched.headers().contains_key(CACHE_CONTROL));
}

#[tokio::test]
async fn each_kind_of_request_costs_its_round_trips_and_no_more() {
    let store = Probe::default();
    let service = layer(&store).layer(service_fn(handle));
    let first = service.clone().oneshot(get("/write", &[])).await.unwrap();
    assert_eq!(store.take_log(), [Operation::Create]);
    let ours = cookies(first.headers()).pop().unwrap();
    for (path, operations) in
        [("/", [].as_slice()), ("/read", &[Operation::Load]), ("/write", &[Operation::Load, Operation::Save])]
    {
        let response = service.clone().oneshot(get(path, &[&ours])).await.unwrap();
        assert_eq!(store.take_log(), operations, "{path}");
        assert_eq!(cookies(response.headers()).len(), 2, "{path} sets no cookie of ours");
    }
}

#[tokio::test]
async fn a_session_is_found_again_by_its_cookie() {
    let service = layer(&Probe::default()).layer(service_fn(async |request: Request<Body>| {
        let visits =
            session(&request).await?.update("visits", |visits: Option<u32>| visits.unwrap_or(0) + 1)?;
        Ok::<_, SessionError>(Response::builder().header("visits", visits).body(Body::default()).unwrap())
    }));
    let first = service.clone().oneshot(get("/", &[])).await.unwrap();
    let second = service.oneshot(get("/", &[&cookie(&first)])).await.unwrap();
    assert_eq!(
        (&first.headers()["visits"], &second.headers()["visits"]),
        (&"1".parse().unwrap(), &"2".parse().unwrap())
    );
}
