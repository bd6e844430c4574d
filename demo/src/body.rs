//! Bodies of forms and of programs, read alike.

use axum::Form;
use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;

/// What was sent as `application/json` or as `application/x-www-form-urlencoded`.
///
/// A request without any body is one without any fields: what they mean is for the handler to say.
pub(crate) struct Body<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Response;

    /// # Errors
    /// 400 for what cannot be parsed, 413 for too much, 415 for another kind of body. None quotes what was sent.
    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let content_type = request.headers().get(CONTENT_TYPE);
        let content_type = content_type.map(|value| value.to_str().unwrap_or_default().to_ascii_lowercase());
        let kind = content_type.as_deref().map(|value| value.split(';').next().unwrap_or_default().trim());
        if kind == Some("application/x-www-form-urlencoded") {
            return match Form::from_request(request, state).await {
                Ok(Form(fields)) => Ok(Self(fields)),
                Err(rejection) => Err(match rejection.into_response().status() {
                    status @ StatusCode::PAYLOAD_TOO_LARGE => status.into_response(),
                    _ => StatusCode::BAD_REQUEST.into_response(),
                }),
            };
        }
        let is_json = kind == Some("application/json");
        let bytes = Bytes::from_request(request, state).await.map_err(IntoResponse::into_response)?;
        let text = match bytes.trim_ascii() {
            [] => b"{}",
            _ if !is_json => return Err(StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response()),
            text => text,
        };
        // A list would be read as the fields in their order.
        let fields = text.starts_with(b"{").then(|| serde_json::from_slice(text).ok()).flatten();
        fields.map(Self).ok_or_else(|| StatusCode::BAD_REQUEST.into_response())
    }
}
