//! Several layers in one application.

use cloakroom_core::{CookieConfig, Operation, SessionManager};
use cloakroom_tower::{SessionError, SessionLayer, Sessions};
use http::{Request, Response, StatusCode};
use tower::{Layer as _, ServiceExt as _, service_fn};

use crate::support::{Probe, cookies, get};
use crate::{Body, session};

fn layer(store: &Probe, cookie: &str) -> SessionLayer {
    let manager = SessionManager::builder(store.clone()).cookie(CookieConfig::new(cookie));
    SessionLayer::from(manager.build().unwrap())
}

/// Counts in the innermost session and in the one called `__Host-visitor`, and answers with both counts.
async fn count(request: Request<Body>) -> Result<Response<Body>, SessionError> {
    let innermost = session(&request).await?;
    let sessions = request.extensions().get::<Sessions>().ok_or(SessionError::MissingLayer)?;
    let visitor = sessions.named("__Host-visitor").ok_or(SessionError::MissingLayer)?.load().await?;
    assert!(sessions.named("__Host-nobody").is_none());
    let count = |count: Option<u32>| count.unwrap_or(0) + 1;
    let response = Response::builder()
        .header("innermost", innermost.update("innermost", count)?)
        .header("visitor", visitor.update("visitor", count)?);
    Ok(response.body(Body::default()).unwrap())
}

#[tokio::test]
async fn two_cookies_make_two_sessions_and_the_innermost_is_the_session() {
    let store = Probe::default();
    let service =
        layer(&store, "__Host-visitor").layer(layer(&store, "__Host-staff").layer(service_fn(count)));
    let response = service.clone().oneshot(get("/", &[])).await.unwrap();
    let ours = cookies(response.headers());
    assert_eq!(ours.len(), 2);
    assert!(ours[0].starts_with("__Host-staff=") && ours[1].starts_with("__Host-visitor="));
    assert_eq!(store.sessions().await, 2);

    let only_visitor = service.clone().oneshot(get("/", &[&ours[1]])).await.unwrap();
    assert_eq!(
        (&only_visitor.headers()["innermost"], &only_visitor.headers()["visitor"]),
        (&1.into(), &2.into())
    );
    let both = service.oneshot(get("/", &[&ours[0], &ours[1]])).await.unwrap();
    assert_eq!((&both.headers()["innermost"], &both.headers()["visitor"]), (&2.into(), &3.into()));
}

#[tokio::test]
async fn r28_the_value_of_one_cookie_is_nobody_under_the_name_of_another() {
    let store = Probe::default();
    let visitors = layer(&store, "__Host-visitor");
    let who = async |request: Request<Body>| {
        let session = session(&request).await?;
        let status = if session.is_new() { StatusCode::UNAUTHORIZED } else { StatusCode::OK };
        session.insert("known", true)?;
        Ok::<_, SessionError>(Response::builder().status(status).body(Body::default()).unwrap())
    };
    let response = visitors.layer(service_fn(who)).oneshot(get("/", &[])).await.unwrap();
    let visitor = cookies(response.headers()).pop().unwrap();
    let as_staff = visitor.replace("__Host-visitor", "__Host-staff");

    let again = visitors.layer(service_fn(who)).oneshot(get("/", &[&visitor])).await.unwrap();
    assert_eq!(again.status(), StatusCode::OK);
    let staff = layer(&store, "__Host-staff").layer(service_fn(who));
    let response = staff.oneshot(get("/", &[&as_staff])).await.unwrap();
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn one_cookie_in_two_layers_is_one_session() {
    let store = Probe::default();
    let visitors = layer(&store, "__Host-visitor");
    let handler = visitors.layer(service_fn(count));
    // What stands between the layers sees the same session as the handler.
    let middle = service_fn(move |request: Request<Body>| {
        let handler = handler.clone();
        async move {
            let session = session(&request).await?;
            let response = handler.oneshot(request).await?;
            assert!(session.contains("visitor"), "what the handler did");
            session.insert("middle", true)?;
            Ok::<_, SessionError>(response)
        }
    });
    let service = visitors.layer(middle);
    let response = service.clone().oneshot(get("/", &[])).await.unwrap();
    let ours = cookies(response.headers());
    assert_eq!(ours.len(), 1, "one session, one cookie");
    assert_eq!(store.take_log(), [Operation::Create]);
    service.oneshot(get("/", &[&ours[0]])).await.unwrap();
    assert_eq!(store.take_log(), [Operation::Load, Operation::Save]);
}

#[tokio::test]
async fn one_cookie_with_two_stores_is_kept_by_the_outer_layer() {
    let (outer, inner) = (Probe::default(), Probe::default());
    let service =
        layer(&outer, "__Host-visitor").layer(layer(&inner, "__Host-visitor").layer(service_fn(count)));
    assert_eq!(cookies(service.oneshot(get("/", &[])).await.unwrap().headers()).len(), 1);
    assert_eq!((outer.sessions().await, inner.sessions().await), (1, 0));
}

/// As one with staff between visitors: the extensions give the session of the layer that is nearest.
#[tokio::test]
async fn a_layer_that_leaves_its_cookie_to_an_outer_one_is_still_the_nearest() {
    let store = Probe::default();
    let (visitors, staff) = (layer(&store, "__Host-visitor"), layer(&store, "__Host-staff"));
    let service = visitors.layer(staff.layer(visitors.layer(service_fn(count))));
    let response = service.oneshot(get("/", &[])).await.unwrap();
    let ours = cookies(response.headers());
    assert_eq!(ours.len(), 1);
    assert!(ours[0].starts_with("__Host-visitor="));
}
