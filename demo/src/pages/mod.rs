//! The pages, one module for each.

mod assets;
mod devices;
mod password;
mod profile;
mod refused;
mod session;
mod sign_in;
mod sign_out;
mod sign_up;
mod things;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware::{from_fn, from_fn_with_state, map_response};
use axum::routing::{get, post};
use cloakroom::auth::AuthLayer;
use cloakroom::auth::csrf::{Cookieless, CsrfGuard, Origins};
use cloakroom::csrf::CsrfLayer;

use crate::page::App;
use crate::{headers, problem, transport};

/// The longest form, in bytes: many times what the fields may hold, so that a visitor who typed too much gets it back.
const LONGEST_FORM: usize = 64 * 1024;

/// The whole application.
pub(crate) fn router(app: App) -> Router {
    // Programs send no cookie when they sign in. A browser that says from where it sends is believed, cookie or not.
    let own = app.public_origin.iter().map(|origin| origin.page().clone());
    let csrf = CsrfGuard::default().origins(Origins::default().own(own)).cookieless(Cookieless::Pass);
    let proxies = app.proxies.clone();
    let sign_in = AuthLayer::new(app.auth.clone())
        .client_address(move |headers, extensions| proxies.client(headers, extensions));
    Router::new()
        .route("/", get(things::show))
        .route("/things", post(things::hand_in))
        .route("/things/{number}", get(things::show_one).post(things::change))
        .route("/things/{number}/take-back", post(things::take_back))
        .route("/session", get(session::show))
        .route("/sign-up", get(sign_up::show).post(sign_up::sign_up))
        .route("/sign-in", get(sign_in::show).post(sign_in::sign_in))
        .route("/profile", get(profile::show).post(profile::change))
        .route("/password", get(password::show).post(password::change))
        .route("/confirm", get(password::ask).post(password::confirm))
        .route("/devices", get(devices::show))
        .route("/devices/{handle}/sign-out", post(devices::sign_out))
        .route("/devices/sign-out-others", post(devices::sign_out_others))
        .route("/devices/sign-out-all", post(devices::sign_out_all))
        .route("/sign-out", post(sign_out::sign_out))
        .layer(CsrfLayer::new(csrf))
        .layer(sign_in)
        .route("/signed-out", get(sign_out::signed_out))
        .route("/style.css", get(assets::style))
        .route("/icon.svg", get(assets::icon))
        .fallback(async || StatusCode::NOT_FOUND)
        .layer(DefaultBodyLimit::max(LONGEST_FORM))
        .layer(from_fn(problem::show))
        .layer(map_response(headers::secure))
        .layer(from_fn_with_state(app.clone(), transport::require_https))
        .with_state(app)
}
