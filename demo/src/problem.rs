//! Pages for everything that goes wrong.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use cloakroom::SessionError;

use crate::page::{App, Frame, Tab, html};

#[derive(Template)]
#[template(path = "problem.html")]
struct ProblemPage<'a> {
    frame: Frame,
    status: StatusCode,
    advice: &'a str,
}

/// Gives every error that is no page yet a page. Status and headers stay as they are.
pub(crate) async fn show(State(app): State<App>, request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let status = response.status();
    if !(status.is_client_error() || status.is_server_error()) || is_page(response.headers()) {
        return response;
    }
    let (mut parts, _) = response.into_parts();
    let session_error = parts.extensions.get::<Arc<SessionError>>().cloned();
    let advice = session_error.as_ref().map_or_else(|| advice(status), |error| error.advice());
    let page = html(&ProblemPage { frame: app.frame(Tab::None), status, advice });
    parts.headers.remove(CONTENT_LENGTH);
    parts.headers.remove(CONTENT_TYPE);
    parts.headers.extend(page.headers().clone());
    Response::from_parts(parts, page.into_body())
}

fn advice(status: StatusCode) -> &'static str {
    match status {
        StatusCode::FORBIDDEN => "This form was sent from another site, so nothing was done.",
        StatusCode::NOT_FOUND => "There is nothing here. It may have been taken back already.",
        StatusCode::METHOD_NOT_ALLOWED => "This address does not take that kind of request.",
        StatusCode::PAYLOAD_TOO_LARGE => "That was more than a form of this site holds. Nothing was changed.",
        status if status.is_client_error() => "The form did not arrive whole. Go back and send it again.",
        _ => "Something went wrong on our side. Look at what is there before you send it again.",
    }
}

fn is_page(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|content_type| content_type.as_bytes().starts_with(b"text/html"))
}
