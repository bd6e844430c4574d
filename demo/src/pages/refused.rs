//! What somebody is told whose password was not accepted.

use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::{IntoResponse, Response};
use cloakroom::auth::{Denied, Refusal};

/// One sentence and its status.
pub(super) struct Refused {
    status: StatusCode,
    pub(super) text: String,
    /// In seconds.
    retry_after: Option<u64>,
}

impl Refused {
    /// `text` is said whatever the reason, so that nobody learns it, but for attempts that are too many.
    pub(super) fn new(refusal: Refusal, text: &str) -> Self {
        match refusal {
            Refusal::TooManyAttempts { retry_after } => {
                // Whoever came back too early would be refused again.
                let seconds = retry_after.as_secs() + 1;
                Self {
                    status: StatusCode::TOO_MANY_REQUESTS,
                    text: format!("Too many attempts. Try again in {seconds} seconds."),
                    retry_after: Some(seconds),
                }
            }
            _ => Self { status: StatusCode::UNAUTHORIZED, text: text.to_owned(), retry_after: None },
        }
    }

    pub(super) fn answer(&self, body: impl IntoResponse) -> Response {
        let mut response = (self.status, body).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            // RFC 9110, 15.5.2: a 401 says how to do better.
            response.headers_mut().extend(Denied::NotSignedIn.refusal().1);
        }
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        response
    }
}
