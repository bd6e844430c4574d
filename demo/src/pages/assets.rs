//! What every visitor gets alike.

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName};
use axum::response::IntoResponse;

/// Short, because the address stays the same when the file changes.
const CACHING: (HeaderName, &str) = (CACHE_CONTROL, "public, max-age=60");

pub(crate) async fn style() -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/css; charset=utf-8"), CACHING], include_str!("../../assets/style.css"))
}

pub(crate) async fn icon() -> impl IntoResponse {
    ([(CONTENT_TYPE, "image/svg+xml"), CACHING], include_str!("../../assets/icon.svg"))
}
