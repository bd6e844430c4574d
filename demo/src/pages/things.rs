//! What the visitor has handed in: a list in a typed section, and the forms that change it.

use askama::Template;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use cloakroom::axum::Session;

use crate::auth::Auth;
use crate::flash::Flash;
use crate::form::{Field, Form};
use crate::page::{Frame, Tab, html};
use crate::problem::Failure;
use crate::things::{Complaints, LONGEST_NAME, MOST_PIECES, Thing, Things, Typed};

#[derive(Template)]
#[template(path = "things.html")]
struct ThingsPage {
    frame: Frame,
    things: Things,
    form: Form,
}

#[derive(Template)]
#[template(path = "thing.html")]
struct ThingPage {
    frame: Frame,
    number: u32,
    form: Form,
}

pub(crate) async fn show(session: Session, auth: Auth) -> Result<Response, Failure> {
    let typed = Typed { name: String::new(), pieces: "1".to_owned() };
    show_list(&session, &auth, form(typed, Complaints::default())).await
}

pub(crate) async fn show_one(
    session: Session,
    auth: Auth,
    Path(number): Path<u32>,
) -> Result<Response, Failure> {
    let Some(typed) = session.section::<Things>()?.find(number).map(Typed::from) else {
        return Ok(StatusCode::NOT_FOUND.into_response());
    };
    let frame = frame(&session, &auth).await?;
    Ok(html(&ThingPage { frame, number, form: form(typed, Complaints::default()) }))
}

pub(crate) async fn hand_in(
    session: Session,
    auth: Auth,
    axum::Form(typed): axum::Form<Typed>,
) -> Result<Response, Failure> {
    let description = match typed.read() {
        Ok(description) => description,
        Err(complaints) => {
            let form = form(typed, complaints);
            return Ok(
                (StatusCode::UNPROCESSABLE_ENTITY, show_list(&session, &auth, form).await?).into_response()
            );
        }
    };
    if session.section::<Things>()?.is_full() {
        let refusal =
            "Your hook is full. Take something back first; what you typed is still here.".to_owned();
        let form = form(typed, Complaints::default()).refused(refusal);
        return Ok((StatusCode::CONFLICT, show_list(&session, &auth, form).await?).into_response());
    }
    let name = description.name().to_owned();
    session.update_section(move |things: &mut Things| things.hand_in(&description))?;
    Flash::leave(&session, format!("“{name}” is on your hook."))?;
    Ok(Redirect::to("/").into_response())
}

pub(crate) async fn change(
    session: Session,
    auth: Auth,
    Path(number): Path<u32>,
    axum::Form(typed): axum::Form<Typed>,
) -> Result<Response, Failure> {
    if session.section::<Things>()?.find(number).is_none() {
        let refusal =
            "That thing was taken back meanwhile. What you typed is still here: hand it in again.".to_owned();
        let form = form(typed, Complaints::default()).refused(refusal);
        return Ok((StatusCode::NOT_FOUND, show_list(&session, &auth, form).await?).into_response());
    }
    let description = match typed.read() {
        Ok(description) => description,
        Err(complaints) => {
            let form = form(typed, complaints);
            let frame = frame(&session, &auth).await?;
            let page = html(&ThingPage { frame, number, form });
            return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
        }
    };
    let name = description.name().to_owned();
    session.update_section(move |things: &mut Things| things.change(number, &description))?;
    Flash::leave(&session, format!("Changed to “{name}”."))?;
    Ok(Redirect::to("/").into_response())
}

/// Taking back what is gone already succeeds: a form may be sent twice.
pub(crate) async fn take_back(session: Session, Path(number): Path<u32>) -> Result<Redirect, Failure> {
    if let Some(Thing { name, .. }) = session.section::<Things>()?.find(number) {
        session.update_section(move |things: &mut Things| things.take_back(number))?;
        Flash::leave(&session, format!("“{name}” is yours again."))?;
    }
    Ok(Redirect::to("/"))
}

fn form(typed: Typed, complaints: Complaints) -> Form {
    Form::new([
        Field::text("name", "What is it?")
            .hint(format!("Up to {LONGEST_NAME} characters."))
            .value(typed.name)
            .complaint(complaints.name),
        Field::whole_number("pieces", "How many pieces?")
            .hint(format!("From 1 to {MOST_PIECES}."))
            .value(typed.pieces)
            .complaint(complaints.pieces),
    ])
}

async fn frame(session: &Session, auth: &Auth) -> Result<Frame, Failure> {
    Frame::new(Tab::Things, session, auth.user().await?.as_ref())
}

async fn show_list(session: &Session, auth: &Auth, form: Form) -> Result<Response, Failure> {
    let things = session.section()?;
    let frame = frame(session, auth).await?;
    Ok(html(&ThingsPage { frame, things, form }))
}
