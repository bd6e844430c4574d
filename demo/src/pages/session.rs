//! The session itself: what is known about it, another id, and its end.

use askama::Template;
use axum::extract::State;
use axum::http::HeaderName;
use axum::response::{IntoResponse, Redirect, Response};
use cloakroom::Persistence;
use cloakroom::axum::{Session, SessionError};

use crate::flash::Flash;
use crate::limit::in_words;
use crate::page::{App, Frame, Tab, html};
use crate::when::When;

#[derive(Template)]
#[template(path = "session.html")]
struct SessionPage<'a> {
    frame: Frame,
    details: Option<Details>,
    values: Vec<(String, String)>,
    cookie: &'a str,
}

/// Everything but the id, which no page shows: whoever has it is the visitor.
struct Details {
    created: Option<When>,
    seen: Option<When>,
    expires: Option<When>,
    idle: String,
    absolute: String,
    persistence: &'static str,
}

#[derive(Template)]
#[template(path = "forgotten.html")]
struct ForgottenPage {
    frame: Frame,
}

pub(crate) async fn show(State(app): State<App>, session: Session) -> Result<Response, SessionError> {
    let frame = app.frame_with_flash(Tab::Session, &session)?;
    let details = (!session.is_new()).then(|| Details::new(&app, &session));
    let values = session.data().iter().map(|(name, value)| (name.clone(), value.to_string())).collect();
    Ok(html(&SessionPage { frame, details, values, cookie: app.manager.cookie_name() }))
}

pub(crate) async fn rotate(session: Session) -> Result<Redirect, SessionError> {
    session.rotate();
    Flash::leave(&session, "Your session has a new id. The old one opens nothing any more.")?;
    Ok(Redirect::to("/session"))
}

/// The redirect goes to a page without a session: a message left there would begin a new one. What the browser kept of
/// this site goes too (ASVS 14.3.1), so that nobody who comes after sees it with the *back* button.
pub(crate) async fn forget(session: Session) -> impl IntoResponse {
    session.destroy();
    let clear = (HeaderName::from_static("clear-site-data"), "\"cache\", \"cookies\", \"storage\"");
    ([clear], Redirect::to("/forgotten"))
}

pub(crate) async fn forgotten(State(app): State<App>) -> Response {
    html(&ForgottenPage { frame: app.frame(Tab::None) })
}

impl Details {
    fn new(app: &App, session: &Session) -> Self {
        let now = app.manager.now();
        let lifetime = session.lifetime();
        let limit = |limit| Option::map_or(limit, "none".to_owned(), in_words);
        Self {
            created: When::new(session.created(), now),
            seen: When::new(session.seen(), now),
            expires: When::new(session.expires_at(), now),
            idle: limit(lifetime.idle_limit()),
            absolute: limit(lifetime.absolute_limit()),
            persistence: match lifetime.persistence() {
                Persistence::Browser => "until the browser closes",
                Persistence::Persistent => "until the session ends, also when the browser closes",
            },
        }
    }
}
