//! What clients are told when a session cannot be had or kept.

use std::sync::Arc;

use axum::Router;
use axum::middleware::map_response;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use cloakroom_core::Operation;
use cloakroom_tower::Sessions;
use cloakroom_tower::axum::{LazySession, ReadOnlySession, Session, SessionError};
use http::StatusCode;
use http::header::{CACHE_CONTROL, RETRY_AFTER, VARY};

use crate::support::{Probe, cookie, made_up_cookie};
use crate::{ask, text, wrapped};

fn routes() -> Router {
    Router::new()
        .route("/session", get(async |_: Session| "session"))
        .route("/optional", get(async |_: Option<Session>| "optional"))
        .route("/look", get(async |_: ReadOnlySession| "look"))
        .route("/lazy", get(async |_: LazySession| "lazy"))
        .route("/all", get(async |_: Sessions| "all"))
        .route("/write", get(async |session: Session| Ok::<_, SessionError>(session.insert("answer", 42)?)))
        .route(
            "/decode",
            get(async |session: Session| {
                Ok::<_, SessionError>(session.get::<String>("answer")?.unwrap_or_default())
            }),
        )
}

#[tokio::test]
async fn without_the_layer_the_text_says_where_to_add_it() {
    for path in ["/session", "/optional", "/look", "/lazy", "/all"] {
        let response = ask(&routes(), path, &[]).await;
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR, "{path}");
        let text = text(response).await;
        assert!(text.contains("add `.layer(SessionLayer::new(store)?)` to the router"), "{path}: {text}");
    }
}

#[tokio::test]
async fn asvs_16_5_2_a_store_that_is_down_lets_nobody_in() {
    let store = Probe::default();
    let app = wrapped(routes(), &store);
    store.break_down(|_| true);
    for path in ["/session", "/optional", "/look"] {
        let response = ask(&app, path, &[&made_up_cookie()]).await;
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE, "{path}");
        assert_eq!(response.headers()[RETRY_AFTER], "5", "{path}");
        assert_eq!(response.headers()[CACHE_CONTROL], "no-store", "{path}");
        assert_eq!(response.headers()[VARY], "Cookie", "{path}");
        assert!(text(response).await.contains("try again"), "{path}");
    }
    assert_eq!(text(ask(&app, "/lazy", &[&made_up_cookie()]).await).await, "lazy");
    let operations = store.take_log();
    assert!(operations.iter().all(|it| *it == Operation::Load), "a failed load leads to no write");
}

#[tokio::test]
async fn asvs_16_5_1_a_value_of_another_type_is_no_secret_told() {
    let store = Probe::default();
    let app = wrapped(routes(), &store);
    let ours = cookie(&ask(&app, "/write", &[]).await);
    let response = ask(&app, "/decode", &[&ours]).await;
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let text = text(response).await;
    assert!(!text.contains("answer") && !text.contains("42"), "{text}");
}

/// One place for the page that every refused visitor sees, whoever refused.
async fn page(response: Response) -> Response {
    match response.extensions().get::<Arc<SessionError>>() {
        Some(error) => (error.status(), format!("<p>{}</p>", error.advice())).into_response(),
        None => response,
    }
}

#[tokio::test]
async fn an_outer_layer_makes_a_page_of_every_refusal() {
    let store = Probe::default();
    let app = wrapped(routes(), &store).layer(map_response(page));
    store.break_down(|_| true);
    for (path, cookies) in [("/session", vec![made_up_cookie()]), ("/write", vec![])] {
        let cookies: Vec<&str> = cookies.iter().map(String::as_str).collect();
        let response = ask(&app, path, &cookies).await;
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE, "{path}");
        assert!(text(response).await.starts_with("<p>Your session cannot be reached"), "{path}");
    }
}
