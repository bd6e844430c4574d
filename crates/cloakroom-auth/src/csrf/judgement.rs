//! What the headers of a request say about its sender.

use http::header::ORIGIN;
use http::{HeaderMap, HeaderValue, Method, Uri};

use super::origin::{Origin, Origins};

/// From where a request was sent, as far as its method and headers say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// Its method changes nothing.
    Safe,
    /// From one of our own pages, or by the visitor without any page.
    SameOrigin,
    /// From a page that is trusted by name.
    Trusted,
    /// From anybody else's page.
    Foreign,
    /// It does not say: an old browser, or no browser.
    Unknown,
}

/// Judges a request by its method, its address and its headers. Nothing else is looked at, and nothing is changed.
///
/// What is malformed or there twice is [`Judgement::Foreign`]: no browser sends it.
///
/// ```
/// use cloakroom_auth::csrf::{Judgement, Origins, judge};
/// use http::{Method, Request};
///
/// let request = Request::post("/sign-out")
///     .header("host", "shop.example")
///     .header("origin", "https://elsewhere.example")
///     .body(())?;
/// let judgement = judge(request.method(), request.uri(), request.headers(), &Origins::default());
/// assert_eq!(judgement, Judgement::Foreign);
/// # Ok::<(), http::Error>(())
/// ```
pub fn judge(method: &Method, uri: &Uri, headers: &HeaderMap, origins: &Origins) -> Judgement {
    if is_safe(method) {
        return Judgement::Safe;
    }
    let origin = match Header::of(headers, ORIGIN.as_str()) {
        Header::One(value) => Some(value.to_str().ok().and_then(|text| text.parse::<Origin>().ok())),
        Header::None => None,
        Header::Many => return Judgement::Foreign,
    };
    if let Some(Some(origin)) = &origin
        && origins.is_trusted(origin)
    {
        return Judgement::Trusted;
    }
    match Header::of(headers, "sec-fetch-site") {
        Header::One(site) if site == "same-origin" || site == "none" => Judgement::SameOrigin,
        // A same-site page is another subdomain or another port; what is unknown is no permission.
        Header::One(_) | Header::Many => Judgement::Foreign,
        Header::None => match &origin {
            None => Judgement::Unknown,
            Some(Some(origin)) if origins.is_own(origin, uri, headers) => Judgement::SameOrigin,
            // Also `null`: a sandboxed frame, a file, a redirect through another site.
            Some(_) => Judgement::Foreign,
        },
    }
}

/// Spelled out, because `Method::is_safe` names more methods with every version of `http`, and what applications do with
/// those is not known.
fn is_safe(method: &Method) -> bool {
    [Method::GET, Method::HEAD, Method::OPTIONS, Method::TRACE].contains(method)
}

/// What stands under one name.
enum Header<'a> {
    None,
    One(&'a HeaderValue),
    Many,
}

impl<'a> Header<'a> {
    fn of(headers: &'a HeaderMap, name: &str) -> Self {
        let mut values = headers.get_all(name).iter();
        match (values.next(), values.next()) {
            (None, _) => Self::None,
            (Some(value), None) => Self::One(value),
            (Some(_), Some(_)) => Self::Many,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Judgement::*;
    use super::*;

    fn headers(text: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in text.split(" | ").filter_map(|header| header.split_once(": ")) {
            let name: http::HeaderName = name.parse().unwrap();
            headers.append(name, value.parse().unwrap());
        }
        headers
    }

    fn post(text: &str, origins: &Origins) -> Judgement {
        judge(&Method::POST, &Uri::from_static("/"), &headers(text), origins)
    }

    #[test]
    fn asvs_3_5_1_nist_5_1_forged_only_our_own_pages_pass() {
        for (text, judgement) in [
            ("", Unknown),
            ("host: shop.example", Unknown),
            ("sec-fetch-site: same-origin", SameOrigin),
            ("sec-fetch-site: none", SameOrigin),
            ("sec-fetch-site: same-site", Foreign),
            ("sec-fetch-site: cross-site", Foreign),
            ("sec-fetch-site: Same-Origin", Foreign),
            ("sec-fetch-site: same-origin, cross-site", Foreign),
            ("sec-fetch-site: ", Foreign),
            ("sec-fetch-site: what-comes-next", Foreign),
            ("sec-fetch-site: same-origin | sec-fetch-site: same-origin", Foreign),
            ("sec-fetch-site: same-origin | sec-fetch-site: cross-site", Foreign),
            // The newer header decides: it is right behind every proxy.
            ("sec-fetch-site: cross-site | host: shop.example | origin: https://shop.example", Foreign),
            ("sec-fetch-site: same-origin | host: inner:8080 | origin: https://shop.example", SameOrigin),
            ("host: shop.example | origin: https://shop.example", SameOrigin),
            ("host: SHOP.example | origin: https://shop.EXAMPLE", SameOrigin),
            ("host: shop.example:443 | origin: https://shop.example", SameOrigin),
            ("host: localhost:3000 | origin: http://localhost:3000", SameOrigin),
            ("host: [::1]:3000 | origin: http://[::1]:3000", SameOrigin),
            ("host: localhost:3000 | origin: http://localhost:4000", Foreign),
            ("host: localhost:3000 | origin: http://localhost", Foreign),
            ("host: shop.example:80 | origin: https://shop.example", Foreign),
            ("host: shop.example | origin: https://elsewhere.example", Foreign),
            ("host: shop.example | origin: https://shop.example.elsewhere.example", Foreign),
            ("host: shop.example | origin: https://other.shop.example", Foreign),
            ("host: other.shop.example | origin: https://shop.example", Foreign),
            ("host: shop.example | origin: https://elsewhere.example/shop.example", Foreign),
            ("host: shop.example | origin: https://shop.example@elsewhere.example", Foreign),
            ("host: shop.example | origin: https://shop.example/", Foreign),
            ("host: shop.example | origin: null", Foreign),
            ("host: null | origin: null", Foreign),
            ("host: shop.example | origin: ", Foreign),
            ("host:  | origin: https://", Foreign),
            ("origin: https://shop.example", Foreign),
            ("host: shop.example | origin: https://shop.example | origin: https://shop.example", Foreign),
            ("host: shop.example | host: elsewhere.example | origin: https://shop.example", Foreign),
        ] {
            assert_eq!(post(text, &Origins::default()), judgement, "{text}");
        }
        let mut odd = headers("host: shop.example");
        odd.insert(ORIGIN, HeaderValue::from_bytes(b"https://shop.example\xff").unwrap());
        assert_eq!(judge(&Method::POST, &Uri::from_static("/"), &odd, &Origins::default()), Foreign);
    }

    #[test]
    fn in_http_2_the_host_is_in_the_address() {
        let uri = Uri::from_static("https://shop.example/basket");
        for (text, judgement) in [
            ("origin: https://shop.example", SameOrigin),
            ("origin: https://elsewhere.example", Foreign),
            ("origin: https://elsewhere.example | host: elsewhere.example", Foreign),
        ] {
            assert_eq!(judge(&Method::POST, &uri, &headers(text), &Origins::default()), judgement, "{text}");
        }
    }

    #[test]
    fn asvs_3_5_3_only_the_four_safe_methods_pass_unseen() {
        let foreign = headers("sec-fetch-site: cross-site | origin: https://elsewhere.example");
        for (method, judgement) in [
            ("GET", Safe),
            ("HEAD", Safe),
            ("OPTIONS", Safe),
            ("TRACE", Safe),
            ("POST", Foreign),
            ("PUT", Foreign),
            ("PATCH", Foreign),
            ("DELETE", Foreign),
            ("CONNECT", Foreign),
            ("QUERY", Foreign),
            ("get", Foreign),
            ("GETX", Foreign),
        ] {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let judged = judge(&method, &Uri::from_static("/"), &foreign, &Origins::default());
            assert_eq!(judged, judgement, "{method}");
        }
    }

    #[test]
    fn origins_that_were_named_count_instead_of_the_host() {
        let origin = |text: &str| text.parse::<Origin>().unwrap();
        let origins = Origins::default()
            .own([origin("https://shop.example")])
            .trust([origin("https://partner.example"), origin("https://app.shop.example")]);
        for (text, judgement) in [
            ("host: inner:8080 | origin: https://shop.example", SameOrigin),
            ("host: inner:8080 | origin: https://shop.example:443", SameOrigin),
            ("host: shop.example | origin: http://shop.example", Foreign),
            ("host: inner:8080 | origin: http://inner:8080", Foreign),
            ("host: inner:8080 | origin: https://partner.example", Trusted),
            ("sec-fetch-site: cross-site | origin: https://partner.example", Trusted),
            ("sec-fetch-site: same-site | origin: https://app.shop.example", Trusted),
            ("sec-fetch-site: cross-site | origin: http://partner.example", Foreign),
            ("sec-fetch-site: cross-site | origin: https://partner.example:8443", Foreign),
            ("sec-fetch-site: cross-site | origin: https://elsewhere.example", Foreign),
            // Being one of our own is for browsers that send the one header only.
            ("sec-fetch-site: cross-site | origin: https://shop.example", Foreign),
            ("sec-fetch-site: cross-site", Foreign),
            ("", Unknown),
        ] {
            assert_eq!(post(text, &origins), judgement, "{text}");
        }
    }
}
