//! The pages, one module for each.

mod assets;
mod session;
mod sign_out;
mod things;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware::{from_fn, from_fn_with_state, map_response};
use axum::routing::{get, post};
use cloakroom::SessionLayer;

use crate::page::App;
use crate::{headers, problem, same_origin, transport};

/// The longest form, in bytes: many times what the fields may hold, so that a visitor who typed too much gets it back.
const LONGEST_FORM: usize = 64 * 1024;

/// The whole application.
pub(crate) fn router(app: App) -> Router {
    let proxies = app.proxies.clone();
    let sessions = SessionLayer::from(app.manager.clone())
        .client_address(move |headers, extensions| proxies.client(headers, extensions));
    Router::new()
        .route("/", get(things::show))
        .route("/things", post(things::hand_in))
        .route("/things/{number}", get(things::show_one).post(things::change))
        .route("/things/{number}/take-back", post(things::take_back))
        .route("/session", get(session::show))
        .route("/sign-out", post(sign_out::sign_out))
        .layer(sessions)
        .route("/signed-out", get(sign_out::signed_out))
        .route("/style.css", get(assets::style))
        .route("/icon.svg", get(assets::icon))
        .fallback(async || StatusCode::NOT_FOUND)
        .layer(DefaultBodyLimit::max(LONGEST_FORM))
        .layer(from_fn(same_origin::require))
        .layer(from_fn_with_state(app.clone(), problem::show))
        .layer(map_response(headers::secure))
        .layer(from_fn_with_state(app.clone(), transport::require_https))
        .with_state(app)
}
