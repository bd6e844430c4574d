//! Who is let through, and what the others are told.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::header::{CACHE_CONTROL, LOCATION, VARY, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, StatusCode};

use crate::audience::{Asked, Audience};
use crate::error::AuthError;
use crate::user::User;
use crate::visit::Visit;

/// What a part of the application asks of its visitors. Clones ask the same.
pub struct Guard<U> {
    demand: Demand<U>,
}

enum Demand<U> {
    User,
    Recent(Duration),
    Allowed(Arc<Predicate<U>>),
}

type Predicate<U> = dyn Fn(&U) -> bool + Send + Sync;

impl<U: User> Guard<U> {
    /// Somebody is signed in.
    pub const fn user() -> Self {
        Self { demand: Demand::User }
    }

    /// Somebody has proved within `max_age` who they are (ASVS 7.5.1); see [`Visit::require_recent`].
    pub const fn recent(max_age: Duration) -> Self {
        Self { demand: Demand::Recent(max_age) }
    }

    /// Somebody is signed in of whom `predicate` says that they may. It sees them as they are at this request.
    pub fn allowed(predicate: impl Fn(&U) -> bool + Send + Sync + 'static) -> Self {
        Self { demand: Demand::Allowed(Arc::new(predicate)) }
    }

    /// Lets the visitor through, and says who it is.
    ///
    /// # Errors
    /// [`AuthError::NotSignedIn`], [`AuthError::RecentRequired`], [`AuthError::Forbidden`], and as for [`Visit::user`].
    ///
    /// # Cancel safety
    /// Dropped, it has no effect.
    pub async fn check(&self, visit: &Visit<U>) -> Result<U, AuthError> {
        match &self.demand {
            Demand::User => visit.user().await?.ok_or(AuthError::NotSignedIn),
            Demand::Recent(max_age) => visit.require_recent(*max_age).await,
            Demand::Allowed(predicate) => {
                let user = visit.user().await?.ok_or(AuthError::NotSignedIn)?;
                if predicate(&user) { Ok(user) } else { Err(AuthError::Forbidden) }
            }
        }
    }
}

impl<U> Clone for Guard<U> {
    fn clone(&self) -> Self {
        let demand = match &self.demand {
            Demand::User => Demand::User,
            Demand::Recent(max_age) => Demand::Recent(*max_age),
            Demand::Allowed(predicate) => Demand::Allowed(Arc::clone(predicate)),
        };
        Self { demand }
    }
}

impl<U> fmt::Debug for Guard<U> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.demand {
            Demand::User => formatter.write_str("Guard(user)"),
            Demand::Recent(max_age) => write!(formatter, "Guard(within {max_age:?})"),
            Demand::Allowed(_) => formatter.write_str("Guard(allowed)"),
        }
    }
}

/// Something that only some users may do, as a type, so that a handler can name it among its arguments.
///
/// ```
/// use cloakroom_auth::Permission;
///
/// struct Account { is_editor: bool }
///
/// enum Edit {}
///
/// impl Permission<Account> for Edit {
///     fn allows(user: &Account) -> bool {
///         user.is_editor
///     }
/// }
/// ```
pub trait Permission<U>: 'static {
    /// Whether this user may, as they are at this request.
    fn allows(user: &U) -> bool;
}

/// Why a visitor is not let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Denied {
    /// Nobody is signed in.
    NotSignedIn,
    /// They have to prove again who they are.
    RecentRequired,
    /// They may not, whoever they prove to be.
    Forbidden,
}

/// The pages that help visitors who are not let through. A visitor is led there with the parameter `next`, from which
/// [`ReturnPath::from_query`](crate::return_path::ReturnPath::from_query) reads where they came from.
#[derive(Clone, Debug)]
pub struct Pages {
    sign_in: Cow<'static, str>,
    confirm: Cow<'static, str>,
}

impl Pages {
    /// The page on which visitors sign in. Default: `/sign-in`.
    #[must_use]
    pub fn sign_in(self, path: impl Into<Cow<'static, str>>) -> Self {
        Self { sign_in: path.into(), ..self }
    }

    /// The page on which users prove again who they are. Default: `/confirm`.
    #[must_use]
    pub fn confirm(self, path: impl Into<Cow<'static, str>>) -> Self {
        Self { confirm: path.into(), ..self }
    }
}

impl Default for Pages {
    fn default() -> Self {
        Self { sign_in: Cow::Borrowed("/sign-in"), confirm: Cow::Borrowed("/confirm") }
    }
}

/// What every 401 has to carry (RFC 9110 section 15.5.2). No scheme is registered for a session in a cookie: `Basic`
/// would open the browser's own dialogue, and `Bearer` would have clients look for a token. Browsers and clients pass
/// over a scheme that they do not know.
const CHALLENGE: HeaderValue = HeaderValue::from_static(r#"Cookie realm="session""#);
/// The error code is that of RFC 9470 section 3, so that a client can tell it from not being signed in.
const CHALLENGE_RECENT: HeaderValue =
    HeaderValue::from_static(r#"Cookie realm="session", error="insufficient_user_authentication""#);

impl Denied {
    /// What the visitor is told: 303 and the page that helps, if they sit before a window, and [`Denied::refusal`]
    /// otherwise.
    ///
    /// Only a page that can be asked for again is returned to: after a refused `POST` the visitor begins anew. Nobody
    /// is led from the page that helps to itself.
    pub fn answer(self, asked: &Asked, pages: &Pages) -> (StatusCode, HeaderMap) {
        let (mut status, mut headers) = self.refusal();
        if let Some(location) = self.redirect(asked, pages) {
            status = StatusCode::SEE_OTHER;
            headers.remove(WWW_AUTHENTICATE);
            headers.insert(LOCATION, location);
        }
        (status, headers)
    }

    /// Where [`Denied::answer`] leads, for frameworks that have made the refusal before they know who asked.
    pub fn redirect(self, asked: &Asked, pages: &Pages) -> Option<HeaderValue> {
        let page = match self {
            Self::NotSignedIn => &pages.sign_in,
            Self::RecentRequired => &pages.confirm,
            Self::Forbidden => return None,
        };
        if asked.audience() == Audience::Program || page.split('?').next() == Some(asked.path()) {
            return None;
        }
        let location =
            asked.return_path().map_or_else(|| page.to_string(), |path| path.sign_in_location(page));
        // A page whose address no header can carry helps nobody.
        HeaderValue::try_from(location).ok()
    }

    /// What a program is told: 401 with a challenge, or 403. No cache keeps it.
    pub fn refusal(self) -> (StatusCode, HeaderMap) {
        let mut headers = HeaderMap::new();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(VARY, HeaderValue::from_static("Cookie, Accept, Sec-Fetch-Mode"));
        let challenge = match self {
            Self::NotSignedIn => CHALLENGE,
            Self::RecentRequired => CHALLENGE_RECENT,
            Self::Forbidden => return (StatusCode::FORBIDDEN, headers),
        };
        headers.insert(WWW_AUTHENTICATE, challenge);
        (StatusCode::UNAUTHORIZED, headers)
    }

    /// One line for a person.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::NotSignedIn => "Please sign in.\n",
            Self::RecentRequired => "Please confirm who you are.\n",
            Self::Forbidden => "You may not do this.\n",
        }
    }
}

impl AuthError {
    /// Whether the visitor was not let through, rather than that something failed.
    pub const fn denied(&self) -> Option<Denied> {
        match self {
            Self::NotSignedIn => Some(Denied::NotSignedIn),
            Self::RecentRequired => Some(Denied::RecentRequired),
            Self::Forbidden => Some(Denied::Forbidden),
            _ => None,
        }
    }
}

impl From<Denied> for AuthError {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::NotSignedIn => Self::NotSignedIn,
            Denied::RecentRequired => Self::RecentRequired,
            Denied::Forbidden => Self::Forbidden,
        }
    }
}

#[cfg(test)]
mod tests {
    use http::header::ACCEPT;
    use http::{Method, Uri};

    use super::*;

    fn asked(method: &Method, uri: &str, accept: &'static str) -> Asked {
        let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(accept))]);
        Asked::new(method, &uri.parse::<Uri>().unwrap(), &headers)
    }

    fn location(denied: Denied, asked: &Asked, pages: &Pages) -> Option<String> {
        let (status, headers) = denied.answer(asked, pages);
        let location = headers.get(LOCATION).map(|it| it.to_str().unwrap().to_owned());
        assert_eq!(status == StatusCode::SEE_OTHER, location.is_some());
        assert_eq!(status == StatusCode::UNAUTHORIZED, headers.contains_key(WWW_AUTHENTICATE));
        assert_eq!(headers[CACHE_CONTROL], "no-store");
        location
    }

    #[test]
    fn programs_get_the_status_and_what_rfc_9110_asks_for() {
        let asked = asked(&Method::GET, "/notes", "application/json");
        for (denied, status, challenge) in [
            (Denied::NotSignedIn, 401, Some(r#"Cookie realm="session""#)),
            (
                Denied::RecentRequired,
                401,
                Some(r#"Cookie realm="session", error="insufficient_user_authentication""#),
            ),
            (Denied::Forbidden, 403, None),
        ] {
            let (answered, headers) = denied.answer(&asked, &Pages::default());
            assert_eq!(answered, status);
            assert_eq!(headers.get(WWW_AUTHENTICATE).map(|it| it.to_str().unwrap()), challenge);
            assert_eq!(headers.get(LOCATION), None);
            assert_eq!(answered, AuthError::from(denied).status());
            assert_eq!(AuthError::from(denied).denied(), Some(denied));
        }
    }

    #[test]
    fn people_are_led_to_the_page_that_helps_and_know_the_way_back() {
        let pages = Pages::default().sign_in("/enter").confirm("/really?lang=de");
        let page = asked(&Method::GET, "/notes?page=2", "text/html");
        let led = |denied| location(denied, &page, &pages);
        assert_eq!(led(Denied::NotSignedIn).as_deref(), Some("/enter?next=%2Fnotes%3Fpage%3D2"));
        assert_eq!(led(Denied::RecentRequired).as_deref(), Some("/really?lang=de&next=%2Fnotes%3Fpage%3D2"));
        assert_eq!(led(Denied::Forbidden), None, "no page helps");
    }

    #[test]
    fn what_cannot_be_asked_for_again_or_is_not_ours_is_not_returned_to() {
        let led =
            |method, uri| location(Denied::NotSignedIn, &asked(&method, uri, "text/html"), &Pages::default());
        assert_eq!(led(Method::HEAD, "/notes").as_deref(), Some("/sign-in?next=%2Fnotes"));
        for method in [Method::POST, Method::DELETE, Method::PUT, Method::PATCH] {
            assert_eq!(led(method, "/notes/7").as_deref(), Some("/sign-in"));
        }
        for uri in ["//elsewhere.example/", "/a//elsewhere.example", "*"] {
            assert_eq!(led(Method::GET, uri).as_deref(), Some("/sign-in"), "{uri}");
        }
        // Behind a proxy, or in HTTP/2: whatever host the client names, it is not gone to.
        assert_eq!(
            led(Method::GET, "https://elsewhere.example/notes").as_deref(),
            Some("/sign-in?next=%2Fnotes")
        );
    }

    #[test]
    fn nobody_is_led_in_a_circle_or_nowhere() {
        let led = |uri, pages| location(Denied::NotSignedIn, &asked(&Method::GET, uri, "text/html"), &pages);
        assert_eq!(led("/sign-in?next=%2F", Pages::default()), None);
        assert_eq!(led("/enter", Pages::default().sign_in("/enter?lang=de")), None);
        assert_eq!(led("/notes", Pages::default().sign_in("/enter\r\nset-cookie: a=b")), None);
    }
}
