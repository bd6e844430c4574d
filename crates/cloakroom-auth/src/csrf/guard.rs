//! What the layers of the frameworks carry out.

use http::header::{CONTENT_TYPE, COOKIE};
use http::{HeaderMap, HeaderName, Method, StatusCode, Uri};

use cloakroom_core::Session;

use super::judgement::{Judgement, judge};
use super::origin::Origins;
use super::token::CsrfToken;

/// How a site judges requests that change something. Immutable; one for all requests.
///
/// ```
/// use cloakroom_auth::csrf::{Cookieless, CsrfGuard, Origins};
///
/// let guard = CsrfGuard::default()
///     .origins(Origins::default().trust(["https://partner.example".parse()?]))
///     .cookieless(Cookieless::Pass);
/// # let _ = guard;
/// # Ok::<(), cloakroom_auth::csrf::OriginError>(())
/// ```
#[derive(Clone, Debug)]
pub struct CsrfGuard {
    origins: Origins,
    header: HeaderName,
    field: String,
    form_limit: usize,
    cookieless: Cookieless,
}

/// What becomes of requests that bring no cookie at all and do not say from where they are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cookieless {
    /// They are refused.
    #[default]
    Refuse,
    /// They pass. Without a cookie nobody's session is used, so for what a session allows they cannot be forged.
    Pass,
}

/// What a layer does with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "the request is not guarded unless this is carried out"]
pub enum CsrfStep {
    /// Hand it on.
    Pass,
    /// Answer instead of the handler.
    Refuse(CsrfRefusal),
    /// Load the session and ask [`CsrfGuard::check`] about this token.
    Token(String),
    /// Read the form, of [`CsrfGuard::form_limit`] bytes at most, and look for its token with
    /// [`CsrfGuard::token_in`]; then as for [`CsrfStep::Token`], and hand on the form as it came.
    Form,
}

/// Why a request was refused. The client is told [`CsrfRefusal::advice`] and no more (ASVS 16.5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum CsrfRefusal {
    /// It was sent from a page of another origin.
    #[error("sent from another origin")]
    Foreign,
    /// It does not say from where it was sent, and has no token.
    #[error("without origin and without a token")]
    NoToken,
    /// It has the token of another session, of an earlier id, or none that was ever given.
    #[error("with a token that is not the session's")]
    WrongToken,
    /// Its form is larger than what is searched for a token.
    #[error("with a form that is too large to be searched for a token")]
    FormTooLarge,
    /// Its form broke off.
    #[error("with a form that could not be read")]
    FormUnreadable,
}

impl CsrfGuard {
    /// Which pages may send requests that change something.
    #[must_use]
    pub fn origins(self, origins: Origins) -> Self {
        Self { origins, ..self }
    }

    /// The header in which scripts send the token.
    ///
    /// # Default
    /// `X-CSRF-Token`, which other frameworks use as well.
    #[must_use]
    pub fn header(self, header: HeaderName) -> Self {
        Self { header, ..self }
    }

    /// The field in which forms send the token.
    ///
    /// # Default
    /// `csrf_token`. It is looked for in `application/x-www-form-urlencoded` and not in `multipart/form-data`: such
    /// forms need a browser that says from where it sends, or a script that sends the header.
    #[must_use]
    pub fn field(self, field: impl Into<String>) -> Self {
        Self { field: field.into(), ..self }
    }

    /// How many bytes of a form are kept in memory while its token is looked for; a larger form is refused with 413.
    ///
    /// # Default
    /// 64 KiB. Cost: as much for each request at once that brings a cookie and does not say from where it is sent. Forms
    /// of browsers that do say are neither read nor limited.
    #[must_use]
    pub fn with_form_limit(self, bytes: usize) -> Self {
        Self { form_limit: bytes, ..self }
    }

    /// What becomes of requests that bring no cookie at all and do not say from where they are sent.
    ///
    /// # Default
    /// [`Cookieless::Refuse`]. Why: an old browser that was made to sign in as somebody else would pass, and so would
    /// one that has other credentials than cookies, as HTTP authentication and client certificates. Choose
    /// [`Cookieless::Pass`] where programs call the same routes.
    #[must_use]
    pub fn cookieless(self, cookieless: Cookieless) -> Self {
        Self { cookieless, ..self }
    }

    /// How many bytes of a form are searched.
    pub fn form_limit(&self) -> usize {
        self.form_limit
    }

    /// Decides what is to be done with a request, from its head alone.
    pub fn step(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> CsrfStep {
        match judge(method, uri, headers, &self.origins) {
            Judgement::Safe | Judgement::SameOrigin | Judgement::Trusted => return CsrfStep::Pass,
            Judgement::Foreign => return CsrfStep::Refuse(CsrfRefusal::Foreign),
            Judgement::Unknown => {}
        }
        if !headers.contains_key(COOKIE) {
            return match self.cookieless {
                Cookieless::Pass => CsrfStep::Pass,
                // A token is that of a session, and the session is named by a cookie.
                Cookieless::Refuse => CsrfStep::Refuse(CsrfRefusal::NoToken),
            };
        }
        let mut tokens = headers.get_all(&self.header).iter();
        match (tokens.next(), tokens.next()) {
            (Some(token), None) => match token.to_str() {
                Ok(token) => CsrfStep::Token(token.to_owned()),
                Err(_) => CsrfStep::Refuse(CsrfRefusal::WrongToken),
            },
            (Some(_), Some(_)) => CsrfStep::Refuse(CsrfRefusal::WrongToken),
            (None, _) if is_form(headers) => CsrfStep::Form,
            (None, _) => CsrfStep::Refuse(CsrfRefusal::NoToken),
        }
    }

    /// The token of a form, if it has one: the first field of its name.
    pub fn token_in(&self, form: &[u8]) -> Option<String> {
        form_urlencoded::parse(form)
            .find_map(|(name, value)| (name == self.field.as_str()).then(|| value.into_owned()))
    }

    /// Checks a token that came with a request of `session`.
    ///
    /// # Errors
    /// [`CsrfRefusal::WrongToken`] unless it is the session's.
    pub fn check(&self, session: &Session, token: &str) -> Result<(), CsrfRefusal> {
        if CsrfToken::is_of(session, token) { Ok(()) } else { Err(CsrfRefusal::WrongToken) }
    }
}

impl Default for CsrfGuard {
    fn default() -> Self {
        Self {
            origins: Origins::default(),
            header: HeaderName::from_static("x-csrf-token"),
            field: "csrf_token".to_owned(),
            form_limit: 64 * 1024,
            cookieless: Cookieless::Refuse,
        }
    }
}

impl CsrfRefusal {
    /// The status that the client gets.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Foreign | Self::NoToken | Self::WrongToken => StatusCode::FORBIDDEN,
            Self::FormTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::FormUnreadable => StatusCode::BAD_REQUEST,
        }
    }

    /// What the client may know.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::Foreign | Self::NoToken | Self::WrongToken => {
                "This was not sent from one of our pages as you see them now. Please reload the page and try again.\n"
            }
            Self::FormTooLarge => "The form is too large.\n",
            Self::FormUnreadable => "The form could not be read. Please send it again.\n",
        }
    }
}

fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(guard: &CsrfGuard, headers: &[(&'static str, &str)]) -> CsrfStep {
        let headers =
            headers.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()));
        let mut map = HeaderMap::new();
        headers.for_each(|(name, value)| {
            map.append(name, value);
        });
        guard.step(&Method::POST, &Uri::from_static("/"), &map)
    }

    const COOKIE: (&str, &str) = ("cookie", "a=b");
    const FORM: (&str, &str) = ("content-type", "Application/X-WWW-Form-Urlencoded ; charset=utf-8");

    #[test]
    fn asvs_3_5_2_what_does_not_say_where_it_is_from_needs_a_token() {
        let guard = CsrfGuard::default();
        let refused = |refusal| CsrfStep::Refuse(refusal);
        let token = |text: &str| CsrfStep::Token(text.to_owned());
        for (headers, expected) in [
            ([].as_slice(), refused(CsrfRefusal::NoToken)),
            (&[FORM], refused(CsrfRefusal::NoToken)),
            (&[("x-csrf-token", "t")], refused(CsrfRefusal::NoToken)),
            (&[COOKIE], refused(CsrfRefusal::NoToken)),
            (&[COOKIE, ("content-type", "multipart/form-data; boundary=b")], refused(CsrfRefusal::NoToken)),
            (&[COOKIE, ("content-type", "text/plain")], refused(CsrfRefusal::NoToken)),
            (&[COOKIE, ("content-type", "application/json")], refused(CsrfRefusal::NoToken)),
            (&[COOKIE, FORM], CsrfStep::Form),
            (&[COOKIE, ("x-csrf-token", "t")], token("t")),
            (&[COOKIE, FORM, ("x-csrf-token", "t")], token("t")),
            (&[COOKIE, FORM, ("x-csrf-token", "")], token("")),
            (&[COOKIE, ("x-csrf-token", "é")], refused(CsrfRefusal::WrongToken)),
            (&[COOKIE, ("x-csrf-token", "t"), ("x-csrf-token", "t")], refused(CsrfRefusal::WrongToken)),
            // A right token does not make up for a foreign sender.
            (
                &[COOKIE, ("x-csrf-token", "t"), ("sec-fetch-site", "cross-site")],
                refused(CsrfRefusal::Foreign),
            ),
            (&[COOKIE, ("sec-fetch-site", "same-origin")], CsrfStep::Pass),
        ] {
            assert_eq!(step(&guard, headers), expected, "{headers:?}");
        }
    }

    #[test]
    fn programs_without_a_cookie_pass_where_that_was_chosen_and_browsers_of_others_do_not() {
        let guard = CsrfGuard::default().cookieless(Cookieless::Pass);
        assert_eq!(step(&guard, &[]), CsrfStep::Pass);
        assert_eq!(step(&guard, &[FORM]), CsrfStep::Pass);
        assert_eq!(step(&guard, &[COOKIE]), CsrfStep::Refuse(CsrfRefusal::NoToken));
        assert_eq!(step(&guard, &[("sec-fetch-site", "cross-site")]), CsrfStep::Refuse(CsrfRefusal::Foreign));
        assert_eq!(step(&guard, &[("origin", "null")]), CsrfStep::Refuse(CsrfRefusal::Foreign));
    }

    #[test]
    fn the_token_of_a_form_is_its_field() {
        let guard = CsrfGuard::default();
        for (form, token) in [
            ("csrf_token=t", Some("t")),
            ("a=b&csrf_token=t&c=d", Some("t")),
            ("csrf%5Ftoken=%74+u", Some("t u")),
            ("csrf_token=t&csrf_token=u", Some("t")),
            ("csrf_token=", Some("")),
            ("csrf_token", Some("")),
            ("", None),
            ("a=csrf_token=t", None),
            ("xcsrf_token=t", None),
            ("CSRF_TOKEN=t", None),
            ("&&==&%%%", None),
        ] {
            assert_eq!(guard.token_in(form.as_bytes()).as_deref(), token, "{form}");
        }
        assert_eq!(guard.token_in(b"\xff\xfe=\xff&csrf_token=t").as_deref(), Some("t"));
        assert_eq!(CsrfGuard::default().field("_csrf").token_in(b"_csrf=t").as_deref(), Some("t"));
        let renamed = CsrfGuard::default().header(HeaderName::from_static("x-xsrf-token"));
        assert_eq!(step(&renamed, &[COOKIE, ("x-xsrf-token", "t")]), CsrfStep::Token("t".to_owned()));
        assert_eq!(step(&renamed, &[COOKIE, ("x-csrf-token", "t")]), CsrfStep::Refuse(CsrfRefusal::NoToken));
    }
}
