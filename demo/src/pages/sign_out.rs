//! Leaving: the session ends, signed in or not.

use askama::Template;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use cloakroom::auth::{Audience, SignedOut};

use crate::auth::Auth;
use crate::page::{Frame, html};
use crate::problem::Failure;

#[derive(Template)]
#[template(path = "signed_out.html")]
struct SignedOutPage {
    frame: Frame,
}

pub(crate) async fn sign_out(headers: HeaderMap, auth: Auth) -> Result<Response, Failure> {
    auth.sign_out().await?;
    Ok(farewell(&headers))
}

/// The redirect goes to a page without a session: a message left there would begin a new one. What the browser kept of
/// this site goes too, so that nobody who comes after sees it with the *back* button.
pub(super) fn farewell(headers: &HeaderMap) -> Response {
    match Audience::of(headers) {
        Audience::Page => (SignedOut::ClearSite, Redirect::to("/signed-out")).into_response(),
        Audience::Program => (SignedOut::ClearSite, StatusCode::OK).into_response(),
    }
}

pub(crate) async fn signed_out() -> Response {
    html(&SignedOutPage { frame: Frame::without_session() })
}
