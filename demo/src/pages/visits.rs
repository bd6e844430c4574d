//! The first page: a counter that is exact however many tabs are open.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use cloakroom::Key;
use cloakroom::axum::{Session, SessionError};

use crate::page::{App, Frame, Tab, html};

const VISITS: Key<u64> = Key::new("visits");

#[derive(Template)]
#[template(path = "visits.html")]
struct VisitsPage {
    frame: Frame,
    visits: u64,
}

pub(crate) async fn show(State(app): State<App>, session: Session) -> Result<Response, SessionError> {
    let visits = session.update(VISITS, |visits: Option<u64>| visits.unwrap_or(0).saturating_add(1))?;
    let frame = app.frame_with_flash(Tab::Visits, &session)?;
    Ok(html(&VisitsPage { frame, visits }))
}
