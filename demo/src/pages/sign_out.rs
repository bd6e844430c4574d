//! Leaving: the session ends, signed in or not.

use askama::Template;
use axum::extract::State;
use axum::http::HeaderName;
use axum::response::{IntoResponse, Redirect, Response};
use cloakroom::axum::Session;

use crate::page::{App, Frame, Tab, html};

#[derive(Template)]
#[template(path = "signed_out.html")]
struct SignedOutPage {
    frame: Frame,
}

/// The redirect goes to a page without a session: a message left there would begin a new one. What the browser kept of
/// this site goes too (ASVS 14.3.1), so that nobody who comes after sees it with the *back* button.
pub(crate) async fn sign_out(session: Session) -> impl IntoResponse {
    session.destroy();
    let clear = (HeaderName::from_static("clear-site-data"), "\"cache\", \"cookies\", \"storage\"");
    ([clear], Redirect::to("/signed-out"))
}

pub(crate) async fn signed_out(State(app): State<App>) -> Response {
    html(&SignedOutPage { frame: app.frame(Tab::None) })
}
