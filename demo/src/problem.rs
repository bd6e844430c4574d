//! What goes wrong, and the pages for it.

use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::extract::Request;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use cloakroom::auth::Audience;
use cloakroom::auth::csrf::CsrfRefusal;
use cloakroom::auth::password::PasswordError;
use cloakroom::axum::AuthError;
use cloakroom::{DecodeError, EncodeError, SessionError, ValueError};

use crate::page::{Frame, html};
use crate::users::UsersError;

/// When a database that cannot be reached is worth another try.
const RETRY: Duration = Duration::from_secs(5);

#[derive(Template)]
#[template(path = "problem.html")]
struct ProblemPage<'a> {
    frame: Frame,
    status: StatusCode,
    advice: &'a str,
}

/// What a handler could not do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// Something of the session or of sign-in; the library says what.
    #[error(transparent)]
    Auth(AuthError),
    #[error(transparent)]
    Users(#[from] UsersError),
    #[error(transparent)]
    Password(#[from] PasswordError),
}

/// Whatever the library's errors are made of.
macro_rules! from_the_library {
    ($($error:ty),+) => {
        $(impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::Auth(error.into())
            }
        })+
    };
}

from_the_library!(AuthError, cloakroom::auth::AuthError, DecodeError, EncodeError, ValueError);

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let (status, retry_after) = match self {
            // The library tells the log about these itself.
            Self::Auth(error) => return error.into_response(),
            Self::Users(UsersError::Database(_)) => (StatusCode::SERVICE_UNAVAILABLE, Some(RETRY)),
            Self::Users(_) => (StatusCode::INTERNAL_SERVER_ERROR, None),
            Self::Password(ref error) => (error.status(), error.retry_after()),
        };
        tracing::error!(error = %self, "a request failed");
        let mut response = status.into_response();
        if let Some(after) = retry_after {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(after.as_secs().max(1)));
        }
        response
    }
}

/// Gives every error that is no page yet a page, for people. Status and headers stay as they are.
pub(crate) async fn show(request: Request, next: Next) -> Response {
    let audience = Audience::of(request.headers());
    let mut response = next.run(request).await;
    users_out_of_reach(&mut response);
    let status = response.status();
    let is_error = status.is_client_error() || status.is_server_error();
    if !is_error || audience == Audience::Program || is_page(response.headers()) {
        return response;
    }
    let (mut parts, _) = response.into_parts();
    let known = &parts.extensions;
    let advice = (known.get::<Arc<SessionError>>().map(|error| error.advice()))
        .or_else(|| known.get::<Arc<AuthError>>().map(|error| error.advice()))
        .or_else(|| known.get::<CsrfRefusal>().map(CsrfRefusal::advice))
        .unwrap_or_else(|| advice(status));
    let page = html(&ProblemPage { frame: Frame::without_session(), status, advice });
    parts.headers.remove(CONTENT_LENGTH);
    parts.headers.remove(CONTENT_TYPE);
    parts.headers.extend(page.headers().clone());
    Response::from_parts(parts, page.into_body())
}

/// The library cannot know that this application's users will be found again, and says 500.
fn users_out_of_reach(response: &mut Response) {
    let error = response.extensions().get::<Arc<AuthError>>();
    if let Some(AuthError::Auth(cloakroom::auth::AuthError::Users(source))) = error.map(|error| &**error)
        && let Some(UsersError::Database(_)) = source.downcast_ref()
    {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(RETRY.as_secs()));
    }
}

fn advice(status: StatusCode) -> &'static str {
    match status {
        StatusCode::NOT_FOUND => "There is nothing here. It may have been taken back or signed out already.",
        StatusCode::METHOD_NOT_ALLOWED => "This address does not take that kind of request.",
        StatusCode::PAYLOAD_TOO_LARGE => "That was more than a form of this site holds. Nothing was changed.",
        StatusCode::SERVICE_UNAVAILABLE => "This cannot be done at the moment. Please try again shortly.",
        status if status.is_client_error() => "The form did not arrive whole. Go back and send it again.",
        _ => "Something went wrong on our side. Look at what is there before you send it again.",
    }
}

fn is_page(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|content_type| content_type.as_bytes().starts_with(b"text/html"))
}
