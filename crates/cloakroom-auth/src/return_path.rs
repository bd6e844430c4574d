//! Where a visitor goes after sign-in.

use std::fmt;

use http::{Method, Uri};

/// The longest path that is taken along, in bytes: what every browser and proxy passes on in an address, with room
/// for writing it as a parameter.
const LONGEST: usize = 2_000;
/// The name of the parameter.
const PARAMETER: &str = "next";

/// A path of this site, to which a visitor may be sent.
///
/// Sending visitors wherever a parameter says makes the site's good name an attacker's tool (CWE-601). A value of this
/// type leads nowhere else, however a browser reads it: it begins with one `/`, and holds nothing that browsers leave
/// out, turn around or join. What is not understood is refused and never mended.
///
/// Which page of the site it is, is not looked at: pages decide themselves who may see them, and `GET` changes nothing.
///
/// ```
/// use cloakroom_auth::return_path::ReturnPath;
///
/// let path = ReturnPath::new("/notes?page=2").unwrap();
/// let location = path.sign_in_location("/sign-in");
/// assert_eq!(location, "/sign-in?next=%2Fnotes%3Fpage%3D2");
/// assert_eq!(ReturnPath::from_query("next=%2Fnotes%3Fpage%3D2"), Some(path));
/// assert_eq!(ReturnPath::new("//elsewhere.example"), None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ReturnPath(String);

impl ReturnPath {
    /// Takes a path with its query, if it is one of this site for every browser:
    /// * 2,000 bytes at most, of visible ASCII, as paths are written in requests: browsers leave out tabs and line
    ///   breaks, so that `/<tab>/elsewhere.example` would be `//elsewhere.example`;
    /// * with `/` at the beginning, and never two of them in the path, because what follows two is a host;
    /// * without `\`, which browsers read as `/`.
    pub fn new(text: &str) -> Option<Self> {
        let path = text.split(['?', '#']).next().unwrap_or_default();
        let is_ours = text.len() <= LONGEST
            && path.starts_with('/')
            && !path.contains("//")
            && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
        is_ours.then(|| Self(text.to_owned()))
    }

    /// The page that a request asks for, if it can be asked for again: only `GET` and `HEAD` come back by a redirect.
    ///
    /// `uri` is the address as the client sent it, before routers shorten it.
    pub fn of(method: &Method, uri: &Uri) -> Option<Self> {
        let is_repeatable = *method == Method::GET || *method == Method::HEAD;
        uri.path_and_query().filter(|_| is_repeatable).and_then(|path| Self::new(path.as_str()))
    }

    /// Reads back what [`ReturnPath::sign_in_location`] wrote into a query, without its `?`.
    pub fn from_query(query: &str) -> Option<Self> {
        let mut parameters = form_urlencoded::parse(query.as_bytes());
        parameters
            .find_map(|(name, value)| (name == PARAMETER).then_some(value))
            .and_then(|path| Self::new(&path))
    }

    /// The address of the sign-in page that leads back here: `sign_in_path` with the parameter `next`.
    pub fn sign_in_location(&self, sign_in_path: &str) -> String {
        let joint = if sign_in_path.contains('?') { '&' } else { '?' };
        let path: String = form_urlencoded::byte_serialize(self.0.as_bytes()).collect();
        format!("{sign_in_path}{joint}{PARAMETER}={path}")
    }

    /// The path, for `Location`. It is no HTML: templates escape it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ReturnPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::strategy::ValueTree as _;
    use url::Url;

    use super::*;

    #[test]
    fn only_paths_of_this_site_are_taken() {
        for path in [
            "/",
            "/notes",
            "/notes/7?page=2&sort=up#end",
            "/search?from=https://elsewhere.example//x",
            "/a#//b",
            "/@elsewhere.example",
            "/a:b@c",
            "/javascript:alert(1)",
            "/%5Celsewhere.example",
            "/%2F%2Felsewhere.example",
            "/%09/elsewhere.example",
            "/../a",
            "/.",
        ] {
            assert_eq!(ReturnPath::new(path).as_ref().map(ReturnPath::as_str), Some(path));
        }
        for other in [
            "",
            "notes",
            "?next=/",
            "#/",
            "//",
            "//elsewhere.example",
            "///elsewhere.example",
            "/a//elsewhere.example",
            "/..//elsewhere.example",
            "/.//elsewhere.example",
            "/\\elsewhere.example",
            "\\/elsewhere.example",
            "\\\\elsewhere.example",
            "/a?\\",
            "/\t/elsewhere.example",
            "/\n/elsewhere.example",
            "/\r/elsewhere.example",
            "\t//elsewhere.example",
            " /notes",
            "/notes ",
            "/a b",
            "/\0",
            "/\u{7f}",
            "/\u{85}",
            "/é",
            "/\u{2028}",
            "/\u{ff0f}elsewhere.example",
            "/a\r\nSet-Cookie: a=b",
            "https://own.example/notes",
            "https:/notes",
            "https:notes",
            "javascript:alert(1)",
            "data:text/html,hello",
            "@elsewhere.example",
            ".elsewhere.example",
            ":443/",
        ] {
            assert_eq!(ReturnPath::new(other), None, "{other:?}");
        }
        assert!(ReturnPath::new(&format!("/{}", "a".repeat(LONGEST - 1))).is_some());
        assert!(ReturnPath::new(&format!("/{}", "a".repeat(LONGEST))).is_none());
    }

    #[test]
    fn what_a_redirect_cannot_ask_for_again_is_not_taken_along() {
        let page = Uri::from_static("/notes?page=2");
        for (method, taken) in
            [("GET", true), ("HEAD", true), ("POST", false), ("DELETE", false), ("OPTIONS", false)]
        {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            assert_eq!(ReturnPath::of(&method, &page), ReturnPath::new("/notes?page=2").filter(|_| taken));
        }
        // In HTTP/2 and behind some proxies the address is whole.
        let whole = Uri::from_static("https://own.example/notes?page=2");
        assert_eq!(ReturnPath::of(&Method::GET, &whole), ReturnPath::new("/notes?page=2"));
        assert_eq!(ReturnPath::of(&Method::GET, &Uri::from_static("//elsewhere.example/")), None);
        assert_eq!(ReturnPath::of(&Method::GET, &Uri::from_static("*")), None);
    }

    #[test]
    fn only_the_parameter_that_was_written_is_read_and_it_is_checked_again() {
        let notes = ReturnPath::new("/notes").unwrap();
        assert_eq!(notes.sign_in_location("/sign-in?lang=de"), "/sign-in?lang=de&next=%2Fnotes");
        for (query, path) in [
            ("next=/notes", Some("/notes")),
            ("lang=de&next=%2Fnotes", Some("/notes")),
            ("next=//elsewhere.example", None),
            ("next=%2F%2Felsewhere.example", None),
            ("next=%2F%5Celsewhere.example", None),
            ("next=%2F%09%2Felsewhere.example", None),
            ("next=https://elsewhere.example", None),
            ("next=%ff", None),
            // Somebody has put another one behind it, or before it.
            ("next=/notes&next=//elsewhere.example", Some("/notes")),
            ("next=//elsewhere.example&next=/notes", None),
            ("next", None),
            ("", None),
            ("nextt=/notes", None),
        ] {
            assert_eq!(ReturnPath::from_query(query), path.and_then(ReturnPath::new), "{query}");
        }
    }

    /// Pieces of which the tricks are made, and anything else.
    fn tricky() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            8 => prop::sample::select(vec![
                "/", "//", "\\", "\t", "\r", "\n", "\0", " ", "@", ":", ".", "..", "%2e", "%2F", "%5c", "%09", "?", "#",
                "https:", "https://", "javascript:", "elsewhere.example", "own.example", "[::1]", "a", ";", "é", "／",
            ])
            .prop_map(str::to_owned),
            1 => any::<String>(),
        ];
        let text = prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat());
        prop_oneof![text.clone(), text.prop_map(|text| format!("/{text}"))]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 10_000, failure_persistence: None, ..ProptestConfig::default() })]

        /// Read by a browser's rules, once and once more from where it led.
        #[test]
        fn whatever_passes_stays_on_this_site(text in tricky()) {
            let Some(path) = ReturnPath::new(&text) else { return Ok(()) };
            let own = Url::parse("https://own.example/sign-in").unwrap();
            let led = own.join(path.as_str()).unwrap();
            prop_assert_eq!(led.origin(), own.origin(), "{:?}", text);
            prop_assert_eq!((led.username(), led.password()), ("", None));
            // What a program that joins the resolved path again would read.
            let again = own.join(led.path()).unwrap();
            prop_assert_eq!(again.origin(), own.origin(), "{:?}", text);
            prop_assert!(http::HeaderValue::from_str(path.as_str()).is_ok());

            let location = path.sign_in_location("/sign-in");
            prop_assert_eq!(ReturnPath::from_query(location.split_once('?').unwrap().1), Some(path));
        }
    }

    #[test]
    fn the_tricks_of_the_property_test_reach_both_answers() {
        let mut runner = proptest::test_runner::TestRunner::deterministic();
        let taken = (0..2_000)
            .filter(|_| {
                let text = tricky().new_tree(&mut runner).unwrap().current();
                ReturnPath::new(&text).is_some()
            })
            .count();
        assert!((100..1_900).contains(&taken), "{taken} of 2,000");
    }
}
