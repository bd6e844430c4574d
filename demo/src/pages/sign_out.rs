//! Leaving: the session ends, signed in or not.

use askama::Template;
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};

use crate::audience::Audience;
use crate::page::{Frame, html};
use crate::problem::Failure;
use crate::visit::Auth;

#[derive(Template)]
#[template(path = "signed_out.html")]
struct SignedOutPage {
    frame: Frame,
}

pub(crate) async fn sign_out(audience: Audience, auth: Auth) -> Result<Response, Failure> {
    auth.sign_out().await?;
    Ok(farewell(audience))
}

/// The redirect goes to a page without a session: a message left there would begin a new one. What the browser kept of
/// this site goes too (ASVS 14.3.1), so that nobody who comes after sees it with the *back* button.
pub(super) fn farewell(audience: Audience) -> Response {
    let clear = (HeaderName::from_static("clear-site-data"), "\"cache\", \"cookies\", \"storage\"");
    match audience {
        Audience::Browser => ([clear], Redirect::to("/signed-out")).into_response(),
        Audience::Program => ([clear], StatusCode::OK).into_response(),
    }
}

pub(crate) async fn signed_out() -> Response {
    html(&SignedOutPage { frame: Frame::without_session() })
}
