//! Where pages are from.

use std::fmt;
use std::str::FromStr;

use http::header::HOST;
use http::uri::Authority;
use http::{HeaderMap, Uri};

/// Scheme, host and port of a page, as browsers write them in `Origin` (RFC 6454 section 6.2).
///
/// ```
/// use cloakroom_auth::csrf::Origin;
///
/// let origin: Origin = "https://Shop.example:443".parse()?;
/// assert_eq!(origin.to_string(), "https://shop.example");
/// assert!("https://shop.example/basket".parse::<Origin>().is_err());
/// # Ok::<(), cloakroom_auth::csrf::OriginError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    scheme: String,
    host: String,
    /// `None` for the scheme's own.
    port: Option<u16>,
}

impl Origin {
    /// Whether a page of this origin is what a request for `host` asks for. A host does not say its scheme.
    fn is_served_at(&self, host: &str) -> bool {
        let Some((host, port)) = host_and_port(host) else { return false };
        let port = port.filter(|port| Some(*port) != default_port(&self.scheme));
        self.host == host && self.port == port
    }
}

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (scheme, authority) = text.split_once("://").ok_or(OriginError)?;
        let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
        let (host, port) = host_and_port(authority).filter(|_| is_scheme).ok_or(OriginError)?;
        let scheme = scheme.to_ascii_lowercase();
        let port = port.filter(|port| Some(*port) != default_port(&scheme));
        Ok(Self { scheme, host, port })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}://{}", self.scheme, self.host)?;
        self.port.map_or(Ok(()), |port| write!(formatter, ":{port}"))
    }
}

/// The text is no origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "this is no origin: write scheme and host, and the port if it is not the scheme's own, with nothing behind, as in `https://shop.example`"
)]
pub struct OriginError;

/// Which pages may send requests that change something.
///
/// # Default
/// Those of the host that the request asks for. Why: it needs no setting. Its limit: a request does not say whether it
/// came by `https`, so a page that somebody on the network put at `http://` of the same host counts as our own in
/// browsers that send no `Sec-Fetch-Site`. Name the own origins to close that, or send `Strict-Transport-Security`.
#[derive(Clone, Debug, Default)]
pub struct Origins {
    /// Empty for the host of the request.
    own: Vec<Origin>,
    trusted: Vec<Origin>,
}

impl Origins {
    /// Compares with these instead of with the host of the request: for proxies that change `Host`, and to tell
    /// `http` from `https`.
    #[must_use]
    pub fn own(mut self, origins: impl IntoIterator<Item = Origin>) -> Self {
        self.own.extend(origins);
        self
    }

    /// Lets the pages of another origin send such requests too. Every page there can then act for the visitor.
    #[must_use]
    pub fn trust(mut self, origins: impl IntoIterator<Item = Origin>) -> Self {
        self.trusted.extend(origins);
        self
    }

    pub(super) fn is_trusted(&self, origin: &Origin) -> bool {
        self.trusted.contains(origin)
    }

    pub(super) fn is_own(&self, origin: &Origin, uri: &Uri, headers: &HeaderMap) -> bool {
        if self.own.is_empty() {
            host(uri, headers).is_some_and(|host| origin.is_served_at(host))
        } else {
            self.own.contains(origin)
        }
    }
}

/// The host that a request asks for. In HTTP/2 it is part of the address; where both are there, the address counts (RFC
/// 9112 section 3.2.2, RFC 9113 section 8.3.1).
fn host<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
    if let Some(authority) = uri.authority() {
        return Some(authority.as_str());
    }
    let mut hosts = headers.get_all(HOST).iter();
    let host = hosts.next()?.to_str().ok()?;
    hosts.next().is_none().then_some(host)
}

/// `None` for what browsers do not write: a name before the host, or a port that is none.
fn host_and_port(text: &str) -> Option<(String, Option<u16>)> {
    let authority: Authority = text.parse().ok()?;
    let (host, port) = (authority.host(), authority.port_u16());
    let is_whole = match port {
        Some(_) => !text.contains('@'),
        None => host.len() == text.len(),
    };
    (is_whole && !host.is_empty()).then(|| (host.to_ascii_lowercase(), port))
}

fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_browsers_write_is_an_origin() {
        for (text, origin) in [
            ("https://shop.example", Some("https://shop.example")),
            ("HTTPS://SHOP.example:443", Some("https://shop.example")),
            ("http://shop.example:443", Some("http://shop.example:443")),
            ("http://localhost:3000", Some("http://localhost:3000")),
            ("https://[::1]:3000", Some("https://[::1]:3000")),
            ("https://[::1]", Some("https://[::1]")),
            ("capacitor://localhost", Some("capacitor://localhost")),
            ("null", None),
            ("", None),
            ("https://", None),
            ("://shop.example", None),
            ("shop.example", None),
            ("https:shop.example", None),
            ("https://shop.example/", None),
            ("https://shop.example/basket", None),
            ("https://shop.example?", None),
            ("https://shop.example#", None),
            ("https://shop.example:", None),
            ("https://shop.example:70000", None),
            ("https://shop.example:44x", None),
            ("https://ann@shop.example", None),
            ("https://ann@shop.example:443", None),
            ("https://shop.example https://other.example", None),
            ("https://shop.example,https://other.example", None),
            (" https://shop.example", None),
            ("https://shop.example\n", None),
        ] {
            let parsed = text.parse::<Origin>().ok();
            assert_eq!(parsed.as_ref().map(Origin::to_string).as_deref(), origin, "{text:?}");
            assert!(parsed.is_none_or(|parsed| parsed.to_string().parse() == Ok(parsed)), "{text:?}");
        }
    }
}
