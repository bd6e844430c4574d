//! Who reads an answer, and what was asked for.

use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, Method, Uri};

use crate::return_path::ReturnPath;

const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");

/// Who reads the answer: somebody before a window, who is led to the page that helps, or a program, which is told by
/// the status. A program that is led to a page takes it for what it has asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// A browser that shows what it gets.
    Page,
    /// A script, an application, or a browser that fetches a part of a page.
    Program,
}

impl Audience {
    /// Reads it from a request's headers.
    ///
    /// Browsers say in `Sec-Fetch-Mode` whether they navigate (W3C Fetch Metadata section 2.2). Older ones do not, and
    /// none does without TLS; then it is a page if `Accept` wants HTML at least as much as JSON, and no JSON was sent.
    ///
    /// ```
    /// use cloakroom_auth::Audience;
    /// use http::header::{ACCEPT, HeaderMap, HeaderValue};
    ///
    /// let browser = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("text/html,*/*;q=0.8"))]);
    /// assert_eq!(Audience::of(&browser), Audience::Page);
    /// assert_eq!(Audience::of(&HeaderMap::new()), Audience::Program);
    /// ```
    pub fn of(headers: &HeaderMap) -> Self {
        let is_page = match headers.get(SEC_FETCH_MODE) {
            Some(mode) => mode == "navigate",
            None => wants_html(headers) && !sends_json(headers),
        };
        if is_page { Self::Page } else { Self::Program }
    }
}

/// What a request asked for, and for whom: what is needed to say no to it.
#[derive(Clone, Debug)]
pub struct Asked {
    audience: Audience,
    method: Method,
    uri: Uri,
}

impl Asked {
    /// Takes note of a request. `uri` is the address as the client sent it, before routers shorten it.
    pub fn new(method: &Method, uri: &Uri, headers: &HeaderMap) -> Self {
        Self { audience: Audience::of(headers), method: method.clone(), uri: uri.clone() }
    }

    /// Who reads the answer.
    pub const fn audience(&self) -> Audience {
        self.audience
    }

    /// Where to go back to; see [`ReturnPath::of`].
    pub fn return_path(&self) -> Option<ReturnPath> {
        ReturnPath::of(&self.method, &self.uri)
    }

    /// The path, without its query.
    pub fn path(&self) -> &str {
        self.uri.path()
    }
}

fn wants_html(headers: &HeaderMap) -> bool {
    let html = quality(headers, |range| range == "text/html" || range == "application/xhtml+xml");
    html > 0.0 && html >= quality(headers, is_json)
}

fn sends_json(headers: &HeaderMap) -> bool {
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    is_json(&media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}

fn is_json(media_type: &str) -> bool {
    media_type == "application/json" || media_type.ends_with("+json")
}

/// The highest weight that `Accept` gives to a media range of this kind (RFC 9110 section 12.5.1).
fn quality(headers: &HeaderMap, is_wanted: impl Fn(&str) -> bool) -> f32 {
    let lines = headers.get_all(ACCEPT).iter().filter_map(|line| line.to_str().ok());
    let weights = lines.flat_map(|line| line.split(',')).filter_map(|range| {
        let mut parts = range.split(';').map(|part| part.trim().to_ascii_lowercase());
        parts.next().filter(|media_type| is_wanted(media_type))?;
        let weight = parts.find_map(|part| part.strip_prefix("q=").map(|weight| weight.parse().ok()));
        weight.unwrap_or(Some(1.0))
    });
    weights.fold(0.0, f32::max)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn audience(lines: &[(&'static str, &'static str)]) -> Audience {
        let lines = lines
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        Audience::of(&lines.collect())
    }

    #[test]
    fn a_browser_that_navigates_gets_a_page_whatever_else_it_says() {
        let html = ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8");
        assert_eq!(audience(&[("sec-fetch-mode", "navigate"), html]), Audience::Page);
        assert_eq!(audience(&[("sec-fetch-mode", "navigate")]), Audience::Page);
        for mode in ["cors", "no-cors", "same-origin", "websocket", "", "Navigate"] {
            assert_eq!(audience(&[("sec-fetch-mode", mode), html]), Audience::Program, "{mode}");
        }
    }

    #[test]
    fn where_the_browser_does_not_say_html_has_to_be_wanted() {
        for (accept, wanted) in [
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", Audience::Page),
            ("Text/HTML", Audience::Page),
            ("application/xhtml+xml", Audience::Page),
            ("text/html;level=1;q=0.7", Audience::Page),
            ("text/html, application/json", Audience::Page),
            ("application/json;q=0.5, text/html;q=0.9", Audience::Page),
            ("application/json, text/html;q=0.9", Audience::Program),
            ("application/problem+json, text/html;q=0.9", Audience::Program),
            ("application/json, text/plain, */*", Audience::Program),
            ("text/html;q=0", Audience::Program),
            ("text/html;q=NaN", Audience::Program),
            ("text/html;q=", Audience::Program),
            ("text/htmlx", Audience::Program),
            ("*/*", Audience::Program),
            ("", Audience::Program),
        ] {
            assert_eq!(audience(&[("accept", accept)]), wanted, "{accept:?}");
        }
        let json = ("content-type", "application/json; charset=utf-8");
        assert_eq!(audience(&[("accept", "text/html"), json]), Audience::Program);
        let form = ("content-type", "application/x-www-form-urlencoded");
        assert_eq!(audience(&[("accept", "text/html"), form]), Audience::Page);
    }
}
