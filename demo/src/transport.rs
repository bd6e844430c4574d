//! No fallback to HTTP (NIST SP 800-63B-4, 5.1): what a proxy received in the clear is answered with the way to HTTPS.

use axum::extract::{Request, State};
use axum::http::header::STRICT_TRANSPORT_SECURITY;
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};

use crate::page::App;

/// One year, for this host alone: what its subdomains do is not for it to say.
const HTTPS_ONLY: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// Serves nothing that a trusted proxy received over HTTP, and reads no cookie of it. Wrap it around everything.
pub(crate) async fn require_https(State(app): State<App>, request: Request, next: Next) -> Response {
    let https = app.public_origin.as_deref().filter(|origin| origin.is_https());
    if app.proxies.received_http(request.headers(), request.extensions()) {
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        return match https {
            // What was sent with a form has gone over the wire already; it is not asked for again.
            Some(origin) if request.method().is_safe() => {
                Redirect::permanent(&format!("{origin}{path}")).into_response()
            }
            _ => StatusCode::FORBIDDEN.into_response(),
        };
    }
    let mut response = next.run(request).await;
    if https.is_some() {
        response.headers_mut().insert(STRICT_TRANSPORT_SECURITY, HTTPS_ONLY);
    }
    response
}
