//! What the visitor has handed in: a list in a typed section, and the forms that change it.

use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use cloakroom::axum::{Session, SessionError};

use crate::flash::Flash;
use crate::page::{App, Frame, Tab, html};
use crate::things::{Complaints, Thing, Things, Typed};

#[derive(Template)]
#[template(path = "things.html")]
struct ThingsPage {
    frame: Frame,
    things: Things,
    form: ThingForm,
}

#[derive(Template)]
#[template(path = "thing.html")]
struct ThingPage {
    frame: Frame,
    number: u32,
    form: ThingForm,
}

/// What the form holds, and what is wrong with it.
#[derive(Default)]
struct ThingForm {
    typed: Typed,
    complaints: Complaints,
    /// What is wrong with more than one field can say.
    refusal: Option<String>,
}

impl ThingForm {
    fn has_errors(&self) -> bool {
        self.refusal.is_some() || self.complaints != Complaints::default()
    }
}

pub(crate) async fn show(State(app): State<App>, session: Session) -> Result<Response, SessionError> {
    let typed = Typed { name: String::new(), pieces: "1".to_owned() };
    show_list(&app, &session, ThingForm { typed, ..ThingForm::default() })
}

pub(crate) async fn show_one(
    State(app): State<App>,
    session: Session,
    Path(number): Path<u32>,
) -> Result<Response, SessionError> {
    let Some(typed) = session.section::<Things>()?.find(number).map(Typed::from) else {
        return Ok(StatusCode::NOT_FOUND.into_response());
    };
    let frame = app.frame_with_flash(Tab::Things, &session)?;
    Ok(html(&ThingPage { frame, number, form: ThingForm { typed, ..ThingForm::default() } }))
}

pub(crate) async fn hand_in(
    State(app): State<App>,
    session: Session,
    Form(typed): Form<Typed>,
) -> Result<Response, SessionError> {
    let description = match typed.read() {
        Ok(description) => description,
        Err(complaints) => {
            let form = ThingForm { typed, complaints, refusal: None };
            return Ok((StatusCode::UNPROCESSABLE_ENTITY, show_list(&app, &session, form)?).into_response());
        }
    };
    if session.section::<Things>()?.is_full() {
        let refusal =
            "Your hook is full. Take something back first; what you typed is still here.".to_owned();
        let form = ThingForm { typed, refusal: Some(refusal), ..ThingForm::default() };
        return Ok((StatusCode::CONFLICT, show_list(&app, &session, form)?).into_response());
    }
    let name = description.name().to_owned();
    session.update_section(move |things: &mut Things| things.hand_in(&description))?;
    Flash::leave(&session, format!("“{name}” is on your hook."))?;
    Ok(Redirect::to("/things").into_response())
}

pub(crate) async fn change(
    State(app): State<App>,
    session: Session,
    Path(number): Path<u32>,
    Form(typed): Form<Typed>,
) -> Result<Response, SessionError> {
    if session.section::<Things>()?.find(number).is_none() {
        let refusal =
            "That thing was taken back meanwhile. What you typed is still here: hand it in again.".to_owned();
        let form = ThingForm { typed, refusal: Some(refusal), ..ThingForm::default() };
        return Ok((StatusCode::NOT_FOUND, show_list(&app, &session, form)?).into_response());
    }
    let description = match typed.read() {
        Ok(description) => description,
        Err(complaints) => {
            let form = ThingForm { typed, complaints, refusal: None };
            let frame = app.frame(Tab::Things);
            let page = html(&ThingPage { frame, number, form });
            return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
        }
    };
    let name = description.name().to_owned();
    session.update_section(move |things: &mut Things| things.change(number, &description))?;
    Flash::leave(&session, format!("Changed to “{name}”."))?;
    Ok(Redirect::to("/things").into_response())
}

/// Taking back what is gone already succeeds: a form may be sent twice.
pub(crate) async fn take_back(session: Session, Path(number): Path<u32>) -> Result<Redirect, SessionError> {
    if let Some(Thing { name, .. }) = session.section::<Things>()?.find(number) {
        session.update_section(move |things: &mut Things| things.take_back(number))?;
        Flash::leave(&session, format!("“{name}” is yours again."))?;
    }
    Ok(Redirect::to("/things"))
}

fn show_list(app: &App, session: &Session, form: ThingForm) -> Result<Response, SessionError> {
    let things = session.section()?;
    let frame = app.frame_with_flash(Tab::Things, session)?;
    Ok(html(&ThingsPage { frame, things, form }))
}
