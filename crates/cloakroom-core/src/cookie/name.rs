//! The cookie's name and the promises that its prefix makes.

use super::error::CookieConfigError;

/// A name that is a token and spells its prefix, if it has one, as browsers and servers both read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CookieName {
    text: String,
    prefix: Option<Prefix>,
}

/// The prefixes whose rules browsers enforce: RFC 6265bis section 4.1.3 and the draft on layered cookies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Prefix {
    HostHttp,
    Host,
    Http,
    Secure,
}

impl CookieName {
    pub(super) fn parse(text: &str) -> Result<Self, CookieConfigError> {
        let prefix = Prefix::of(text)?;
        let rest = text.get(prefix.map_or(0, |prefix| prefix.text().len())..).unwrap_or_default();
        if rest.is_empty() || !text.bytes().all(is_token) {
            return Err(CookieConfigError::InvalidName(text.to_owned()));
        }
        Ok(Self { text: text.to_owned(), prefix })
    }

    pub(super) fn into_string(self) -> String {
        self.text
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the name promises that the cookie belongs to one host and to every path.
    pub(super) fn is_bound_to_host(&self) -> bool {
        matches!(self.prefix, Some(Prefix::Host | Prefix::HostHttp))
    }

    /// The name without its prefix, for a cookie that is not `Secure` and so may not carry one.
    pub(super) fn without_prefix(&self) -> Result<Self, CookieConfigError> {
        let rest = self.prefix.and_then(|prefix| self.text.strip_prefix(prefix.text()));
        Self::parse(rest.unwrap_or(&self.text))
    }
}

impl Prefix {
    /// The longer of two prefixes that begin alike comes first.
    const ALL: [Self; 4] = [Self::HostHttp, Self::Host, Self::Http, Self::Secure];

    const fn text(self) -> &'static str {
        match self {
            Self::HostHttp => "__Host-Http-",
            Self::Host => "__Host-",
            Self::Http => "__Http-",
            Self::Secure => "__Secure-",
        }
    }

    fn of(name: &str) -> Result<Option<Self>, CookieConfigError> {
        for prefix in Self::ALL {
            let Some(start) = name.get(..prefix.text().len()) else { continue };
            if start == prefix.text() {
                return Ok(Some(prefix));
            }
            if start.eq_ignore_ascii_case(prefix.text()) {
                return Err(CookieConfigError::MisspelledPrefix {
                    name: name.to_owned(),
                    prefix: prefix.text(),
                });
            }
        }
        Ok(None)
    }
}

/// RFC 9110 section 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
