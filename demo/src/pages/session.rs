//! What the site keeps of its visitor: everything in the session but the id, which no page shows.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use cloakroom::Persistence;
use cloakroom::axum::Session;

use crate::auth::Auth;
use crate::configuration::in_words;
use crate::page::{App, Frame, Tab, html};
use crate::problem::Failure;
use crate::when::When;

#[derive(Template)]
#[template(path = "session.html")]
struct SessionPage<'a> {
    frame: Frame,
    details: Option<Details>,
    values: Vec<(String, String)>,
    cookie: &'a str,
}

/// Everything but the id: whoever has it is the visitor.
struct Details {
    created: Option<When>,
    seen: Option<When>,
    /// When and by what the user last proved who they are.
    signed_in: Option<(Option<When>, String)>,
    expires: Option<When>,
    idle: String,
    absolute: String,
    persistence: &'static str,
}

pub(crate) async fn show(State(app): State<App>, session: Session, auth: Auth) -> Result<Response, Failure> {
    let frame = Frame::new(Tab::Session, &session, auth.user().await?.as_ref())?;
    let details = (!session.is_new()).then(|| Details::new(&app, &session));
    let values = session.data().iter().map(|(name, value)| (name.clone(), value.to_string())).collect();
    Ok(html(&SessionPage { frame, details, values, cookie: app.manager.cookie_name() }))
}

impl Details {
    fn new(app: &App, session: &Session) -> Self {
        let now = app.manager.now();
        let lifetime = session.lifetime();
        let limit = |limit| Option::map_or(limit, "none".to_owned(), in_words);
        Self {
            created: When::new(session.created(), now),
            seen: When::new(session.seen(), now),
            signed_in: session
                .authentication()
                .map(|signed_in| (When::new(signed_in.at, now), signed_in.method.as_str().to_owned())),
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
