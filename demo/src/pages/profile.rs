//! Who somebody is: their name can be changed here, their password elsewhere.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use cloakroom::axum::{RequireUser, Session};
use serde::Deserialize;

use crate::flash::Flash;
use crate::form::{Field, Form};
use crate::page::{App, Frame, Tab, html};
use crate::problem::Failure;
use crate::users::{LONGEST_NAME, Name, User};

#[derive(Template)]
#[template(path = "profile.html")]
struct ProfilePage {
    frame: Frame,
    form: Form,
    email: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Typed {
    name: String,
}

pub(crate) async fn show(
    session: Session,
    RequireUser(user): RequireUser<User>,
) -> Result<Response, Failure> {
    let name = user.name.clone();
    page(&session, &user, name, None)
}

pub(crate) async fn change(
    State(app): State<App>,
    session: Session,
    RequireUser(user): RequireUser<User>,
    axum::Form(typed): axum::Form<Typed>,
) -> Result<Response, Failure> {
    match Name::read(&typed.name) {
        Ok(name) => {
            app.users.rename(&user.id, &name, app.manager.now()).await?;
            Flash::leave(&session, "Your name is changed.")?;
            Ok(Redirect::to("/profile").into_response())
        }
        Err(complaint) => {
            let page = page(&session, &user, typed.name, Some(complaint))?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
    }
}

fn page(
    session: &Session,
    user: &User,
    name: String,
    complaint: Option<String>,
) -> Result<Response, Failure> {
    let field = Field::text("name", "Your name")
        .autocomplete("name")
        .hint(format!("Up to {LONGEST_NAME} characters."))
        .value(name)
        .complaint(complaint);
    let frame = Frame::new(Tab::Profile, session, Some(user))?;
    Ok(html(&ProfilePage { frame, form: Form::new([field]), email: user.email.clone() }))
}
