//! Whether a form was sent from one of our own pages.
//!
//! The session cookie is `SameSite=Lax`, which keeps it from forms on other sites. Other subdomains and other ports of
//! localhost are the *same site*, though, so the browser is asked for more (ASVS 3.5.1).

use axum::extract::Request;
use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::Response;

/// Refuses requests that change something and come from another origin. Wrap it around all routes.
///
/// # Errors
/// 403 for those.
pub(crate) async fn require(request: Request, next: Next) -> Result<Response, StatusCode> {
    if request.method().is_safe() || is_same_origin(request.headers()) {
        Ok(next.run(request).await)
    } else {
        Err(StatusCode::FORBIDDEN)
    }
}

/// Browsers since 2023 send `Sec-Fetch-Site` (on localhost too), older ones `Origin`. What sends neither is no browser,
/// so nobody can have lured it here.
fn is_same_origin(headers: &HeaderMap) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return site == "same-origin" || site == "none";
    }
    let Some(origin) = headers.get(ORIGIN) else { return true };
    let origin = origin.to_str().ok().and_then(|origin| origin.parse::<Uri>().ok());
    let authority = origin.as_ref().and_then(Uri::authority).map(|authority| authority.as_str().as_bytes());
    let host = headers.get(HOST).map(HeaderValue::as_bytes);
    authority.zip(host).is_some_and(|(authority, host)| authority.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderName;

    use super::*;

    #[test]
    fn asvs_3_5_1_only_our_own_pages_may_send_forms() {
        for (headers, accepted) in [
            ("", true),
            ("sec-fetch-site: same-origin", true),
            ("sec-fetch-site: none", true),
            ("sec-fetch-site: same-site", false),
            ("sec-fetch-site: cross-site", false),
            ("sec-fetch-site: ", false),
            // The newer header decides.
            ("sec-fetch-site: cross-site, origin: http://localhost:3000", false),
            ("origin: http://localhost:3000", true),
            ("origin: http://LOCALHOST:3000", true),
            ("origin: http://localhost:4000", false),
            ("origin: http://localhost", false),
            ("origin: https://elsewhere.example", false),
            ("origin: null", false),
            ("origin: ", false),
        ] {
            let mut map = HeaderMap::from_iter([(HOST, HeaderValue::from_static("localhost:3000"))]);
            for (name, value) in headers.split(", ").filter_map(|header| header.split_once(": ")) {
                let name: HeaderName = name.parse().unwrap();
                map.insert(name, value.parse().unwrap());
            }
            assert_eq!(is_same_origin(&map), accepted, "{headers}");
        }
    }
}
