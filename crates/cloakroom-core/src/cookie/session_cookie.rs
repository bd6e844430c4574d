//! The checked cookie: reads requests, prints `Set-Cookie` lines.

use std::fmt;
use std::time::Duration;

use cookie::{Cookie, time};
use http::{HeaderMap, HeaderValue, header};

use super::error::{CookieConfigError, CookiePrintError};
use super::header::{Found, find};
use super::presented::Presented;
use super::protection::Sealer;
use crate::event::Rejection;
use crate::id::SessionId;
use crate::random::Random;

/// The most that a browser keeps of one cookie, in bytes (RFC 6265bis section 5.6 for name and value; ASVS 3.3.5
/// counts the attributes too).
const MAX_LINE: usize = 4096;
/// 400 days in seconds, to which browsers shorten longer lives (RFC 6265bis section 5.5).
const MAX_AGE: u64 = 400 * 86_400;

/// A session cookie whose settings were checked, made by [`CookieConfig::build`](super::CookieConfig::build).
///
/// ```
/// use cloakroom_core::{CookieConfig, Expiration, Freshness, Presented, SessionId, SystemRandom};
/// use http::{HeaderMap, HeaderValue, header::COOKIE};
///
/// let cookie = CookieConfig::default().build()?;
/// let id = SessionId::generate(&SystemRandom)?;
/// let line = cookie.set(&id, Expiration::Browser, &SystemRandom)?;
/// assert_eq!(line, format!("__Host-id={}; HttpOnly; SameSite=Lax; Secure; Path=/", id.expose()));
///
/// let mut headers = HeaderMap::new();
/// assert_eq!(cookie.read(&headers), Presented::Nothing);
/// headers.insert(COOKIE, HeaderValue::try_from(format!("theme=dark; __Host-id={}", id.expose()))?);
/// assert_eq!(cookie.read(&headers), Presented::Id { id, freshness: Freshness::Current });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct SessionCookie {
    /// Everything but the value and its lifetime.
    template: Cookie<'static>,
    sealer: Sealer,
    removal: HeaderValue,
}

/// When the browser forgets the cookie. The server's limits hold whatever the browser does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Expiration {
    /// When it closes, unless it restores its tabs: no `Max-Age`.
    Browser,
    /// After this long: `Max-Age` in whole seconds, rounded down, at least 1 and at most 400 days.
    After(Duration),
}

impl SessionCookie {
    /// Takes a template that `CookieConfig::build` has checked, and measures the longest line that it leads to.
    pub(super) fn new(template: Cookie<'static>, sealer: Sealer) -> Result<Self, CookieConfigError> {
        let mut longest = template.clone();
        longest.set_value("-".repeat(sealer.value_length()));
        longest.set_max_age(max_age(Duration::MAX));
        let mut removal = template.clone();
        removal.set_max_age(time::Duration::ZERO);
        // Browsers from before Max-Age (RFC 6265 section 5.3 lets it win where both are known) go by the date.
        removal.set_expires(time::OffsetDateTime::UNIX_EPOCH);

        let (longest, removal) = (longest.to_string(), removal.to_string());
        let length = longest.len().max(removal.len());
        if length > MAX_LINE {
            return Err(CookieConfigError::TooLong(length));
        }
        let removal = HeaderValue::try_from(removal).map_err(|_| CookieConfigError::Unprintable)?;
        Ok(Self { template, sealer, removal })
    }

    /// The name as browsers send it, for [`StoreKey::native`](crate::StoreKey::native).
    pub fn name(&self) -> &str {
        self.template.name()
    }

    /// Reads a request's `Cookie` headers. No other header, no query and no body ever brings an id (fiber's #4469).
    ///
    /// The same value twice counts as one. Different values are [`Rejection::Ambiguous`] and none is believed: the
    /// header does not say which of them this host set, and a sibling domain can toss in a cookie that comes first
    /// (session fixation, login CSRF). Trying them in order would sign the visitor in to the attacker's session;
    /// refusing signs them out until the foreign cookie is gone, which they notice.
    ///
    /// The work is linear in the size of the headers. Neither it nor anything a client sends can fail or panic.
    pub fn read(&self, headers: &HeaderMap) -> Presented {
        match find(headers.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes), self.name()) {
            Found::Nothing => Presented::Nothing,
            Found::Several => Presented::Refused(Rejection::Ambiguous),
            Found::One(value) => self.sealer.open(value),
        }
    }

    /// The `Set-Cookie` line that gives `id` to the browser, marked sensitive. It is to be appended, never to replace
    /// another.
    ///
    /// # Errors
    /// When the random source fails, which only encrypted values ask.
    pub fn set(
        &self,
        id: &SessionId,
        expiration: Expiration,
        random: &dyn Random,
    ) -> Result<HeaderValue, CookiePrintError> {
        let mut cookie = self.template.clone();
        cookie.set_value(self.sealer.seal(id, random)?);
        if let Expiration::After(duration) = expiration {
            cookie.set_max_age(max_age(duration));
        }
        let mut line =
            HeaderValue::try_from(cookie.to_string()).map_err(|_| CookiePrintError::Unprintable)?;
        line.set_sensitive(true);
        Ok(line)
    }

    /// The `Set-Cookie` line that takes the cookie away from the browser: an empty value, an end in the past, and the
    /// same name and attributes, without which browsers leave the cookie where it is.
    pub fn removal(&self) -> HeaderValue {
        self.removal.clone()
    }
}

impl fmt::Debug for SessionCookie {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SessionCookie({}, {:?})", self.template, self.sealer)
    }
}

fn max_age(duration: Duration) -> time::Duration {
    let seconds = duration.as_secs().clamp(1, MAX_AGE);
    time::Duration::seconds(i64::try_from(seconds).unwrap_or(i64::MAX))
}
