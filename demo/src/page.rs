//! What all pages have in common.

use std::sync::Arc;

use askama::Template;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use cloakroom::{DecodeError, Session, SessionManager};

use crate::configuration::Origin;
use crate::flash::Flash;
use crate::proxies::Proxies;
use crate::users::Users;

/// What every handler may ask for.
#[derive(Clone, Debug)]
pub(crate) struct App {
    pub(crate) manager: SessionManager,
    pub(crate) users: Users,
    pub(crate) proxies: Proxies,
    pub(crate) public_origin: Option<Arc<Origin>>,
}

/// The frame around a page: `templates/layout.html`.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) tab: Tab,
    pub(crate) flash: Option<Flash>,
}

/// Which entry of the navigation a page belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tab {
    Things,
    Session,
    None,
}

impl App {
    /// A frame that touches no session.
    pub(crate) fn frame(&self, tab: Tab) -> Frame {
        Frame { tab, flash: None }
    }

    /// A frame that shows the message left in the session.
    ///
    /// # Errors
    /// When the message does not decode.
    pub(crate) fn frame_with_flash(&self, tab: Tab, session: &Session) -> Result<Frame, DecodeError> {
        Ok(Frame { flash: Flash::take(session)?, ..self.frame(tab) })
    }
}

impl Frame {
    /// What the link of `tab` says to people who cannot see which page is open.
    pub(crate) fn current(&self, tab: Tab) -> &'static str {
        if self.tab == tab { "page" } else { "false" }
    }
}

/// Renders a page.
pub(crate) fn html(page: &impl Template) -> Response {
    match page.render() {
        Ok(text) => Html(text).into_response(),
        // Templates are checked when the demo is compiled; what is left are errors of the values' own formatting.
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
