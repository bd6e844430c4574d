//! Who is to read the answer: somebody in a browser, or a program.

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::request::Parts;

/// A browser's form gets pages and redirects; anything else gets the status and at most one line of text.
///
/// Browsers name `text/html` in `Accept` when a form is sent, and programs do not unless told to. What came as JSON came
/// from a program, or from a script that reads the status itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Audience {
    Browser,
    Program,
}

impl Audience {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let has = |name, part: &str| {
            headers
                .get_all(name)
                .iter()
                .any(|value| value.to_str().is_ok_and(|value| value.to_ascii_lowercase().contains(part)))
        };
        if has(ACCEPT, "text/html") && !has(CONTENT_TYPE, "json") { Self::Browser } else { Self::Program }
    }
}

impl<S: Sync> FromRequestParts<S> for Audience {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self::of(&parts.headers))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_asks_for_html_and_sends_forms() {
        for (accept, content_type, audience) in [
            (
                "text/html,application/xhtml+xml,*/*;q=0.8",
                "application/x-www-form-urlencoded",
                Audience::Browser,
            ),
            ("Text/HTML", "", Audience::Browser),
            ("*/*", "application/x-www-form-urlencoded", Audience::Program),
            ("application/json", "application/json", Audience::Program),
            ("text/html", "application/json", Audience::Program),
            ("", "", Audience::Program),
        ] {
            let headers = HeaderMap::from_iter([
                (ACCEPT, accept.parse().unwrap()),
                (CONTENT_TYPE, content_type.parse().unwrap()),
            ]);
            assert_eq!(Audience::of(&headers), audience, "{accept} {content_type}");
        }
    }
}
