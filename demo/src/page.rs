//! What all pages have in common.

use std::sync::Arc;

use askama::Template;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use cloakroom::auth::csrf::CsrfToken;
use cloakroom::auth::password::Passwords;
use cloakroom::auth::{Auth, AuthError};
use cloakroom::{Session, SessionManager, SystemRandom};

use crate::auth::ByPassword;
use crate::configuration::Origin;
use crate::flash::Flash;
use crate::problem::Failure;
use crate::proxies::Proxies;
use crate::users::{User, Users};

/// What every handler may ask for.
#[derive(Clone, Debug)]
pub(crate) struct App {
    pub(crate) manager: SessionManager,
    pub(crate) auth: Auth<User>,
    pub(crate) users: Users,
    pub(crate) passwords: Passwords,
    pub(crate) by_password: ByPassword,
    pub(crate) proxies: Proxies,
    pub(crate) public_origin: Option<Arc<Origin>>,
    /// How long a session lives whose user asked to be remembered, in words.
    pub(crate) remembered_for: Arc<str>,
}

/// The frame around a page: `templates/layout.html`.
pub(crate) struct Frame {
    pub(crate) tab: Tab,
    pub(crate) flash: Option<Flash>,
    pub(crate) visitor: Visitor,
    /// For browsers that do not say from where they send a form.
    pub(crate) csrf_token: Option<String>,
}

/// Whom a page greets.
pub(crate) enum Visitor {
    User(String),
    Anonymous,
    /// The page asks for no session, so it cannot know.
    Unknown,
}

/// Which entry of the navigation a page belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tab {
    Things,
    Devices,
    Profile,
    SignIn,
    SignUp,
    Session,
    None,
}

impl Frame {
    /// A frame that touches no session.
    pub(crate) fn without_session() -> Self {
        Self { tab: Tab::None, flash: None, visitor: Visitor::Unknown, csrf_token: None }
    }

    /// A frame that greets the visitor and shows the message left in the session.
    ///
    /// # Errors
    /// When the message does not decode, or the random source fails.
    pub(crate) fn new(tab: Tab, session: &Session, user: Option<&User>) -> Result<Self, Failure> {
        let visitor = user.map_or(Visitor::Anonymous, |user| Visitor::User(user.name.clone()));
        let csrf_token = CsrfToken::new(session.clone(), &SystemRandom).map_err(AuthError::from)?.text();
        Ok(Self { tab, flash: Flash::take(session)?, visitor, csrf_token })
    }

    /// What the link of `tab` says to people who cannot see which page is open.
    pub(crate) fn current(&self, tab: Tab) -> &'static str {
        if self.tab == tab { "page" } else { "false" }
    }
}

/// Renders a page.
pub(crate) fn html(page: &impl Template) -> Response {
    match page.render() {
        Ok(text) => Html(text).into_response(),
        // Templates are checked when the program is compiled; what is left are errors of the values' own formatting.
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
