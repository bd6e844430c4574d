//! Where browsers find the application.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use axum::http::Uri;
use axum::http::uri::Scheme;
use cloakroom::auth::csrf;
use serde::Deserialize;

/// Scheme, host and port, as in an address bar: `https://shop.example`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Origin {
    text: String,
    scheme: Scheme,
    host: String,
    /// The same, as the guard against forged requests compares it.
    page: csrf::Origin,
}

impl Origin {
    /// Whose pages may send forms.
    pub(crate) const fn page(&self) -> &csrf::Origin {
        &self.page
    }

    pub(crate) fn is_https(&self) -> bool {
        self.scheme == Scheme::HTTPS
    }

    /// Whether it is found from this machine only.
    pub(crate) fn is_this_machine(&self) -> bool {
        let host = self.host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
    }
}

impl FromStr for Origin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || "write scheme and host, such as https://shop.example, and nothing more".to_owned();
        let text = text.trim().trim_end_matches('/').to_ascii_lowercase();
        let uri: Uri = text.parse().map_err(|_| wrong())?;
        let page = text.parse().map_err(|_| wrong())?;
        let scheme = uri.scheme().filter(|scheme| [Scheme::HTTP, Scheme::HTTPS].contains(scheme));
        let host = uri.host().filter(|host| !host.is_empty());
        match (scheme, host) {
            // A path of `/` is what a bare origin has.
            (Some(scheme), Some(host))
                if uri.path() == "/" && uri.query().is_none() && !text.contains('@') =>
            {
                Ok(Self { scheme: scheme.clone(), host: host.to_owned(), text, page })
            }
            _ => Err(wrong()),
        }
    }
}

impl TryFrom<String> for Origin {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_read_as_browsers_write_them() {
        for (text, origin, https, here) in [
            ("https://Shop.example/", "https://shop.example", true, false),
            ("https://shop.example:8443", "https://shop.example:8443", true, false),
            ("http://localhost:3000", "http://localhost:3000", false, true),
            ("http://127.0.0.1:3000", "http://127.0.0.1:3000", false, true),
            ("http://[::1]:3000", "http://[::1]:3000", false, true),
            ("http://localhost.example", "http://localhost.example", false, false),
        ] {
            let parsed: Origin = text.parse().unwrap();
            assert_eq!(
                (&*parsed.to_string(), parsed.is_https(), parsed.is_this_machine()),
                (origin, https, here)
            );
        }
    }

    #[test]
    fn what_is_no_origin_says_how_to_write_one() {
        for text in [
            "",
            "shop.example",
            "ftp://shop.example",
            "https://",
            "https://shop.example/app",
            "https://a@shop.example",
            "https://shop.example?x",
        ] {
            assert!(text.parse::<Origin>().unwrap_err().contains("https://shop.example"), "{text}");
        }
    }
}
