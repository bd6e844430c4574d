//! Signing up.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use cloakroom::Method;
use cloakroom::auth::Verified;
use cloakroom::auth::password::Password;
use cloakroom::axum::Session;
use serde::Deserialize;

use crate::auth::Auth;
use crate::auth::new_password;
use crate::flash::Flash;
use crate::form::{Field, Form};
use crate::page::{App, Frame, Tab, html};
use crate::problem::Failure;
use crate::things::Things;
use crate::users::{Email, Name, UsersError};

#[derive(Template)]
#[template(path = "sign_up.html")]
struct SignUpPage {
    frame: Frame,
    form: Form,
    has_things: bool,
}

/// What was typed.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Typed {
    name: String,
    email: String,
    password: Password,
    keep: Option<String>,
}

/// What is wrong with it, field by field.
#[derive(Default)]
struct Complaints {
    name: Option<String>,
    email: Option<String>,
    password: Option<String>,
}

pub(crate) async fn show(session: Session, auth: Auth) -> Result<Response, Failure> {
    page(&session, &auth, &Typed::default(), Complaints::default()).await
}

pub(crate) async fn sign_up(
    State(app): State<App>,
    session: Session,
    auth: Auth,
    axum::Form(typed): axum::Form<Typed>,
) -> Result<Response, Failure> {
    let (name, email) = (Name::read(&typed.name), Email::read(&typed.email));
    let password = new_password(&app.passwords, &typed.password).await?;
    let (name, email, hash) = match (name, email, password) {
        (Ok(name), Ok(email), Ok(hash)) => (name, email, hash),
        (name, email, hash) => {
            let complaints = Complaints { name: name.err(), email: email.err(), password: hash.err() };
            let page = page(&session, &auth, &typed, complaints).await?;
            return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
        }
    };
    let user = match app.users.add(&name, &email, hash.as_str(), app.manager.now()).await {
        Ok(user) => user,
        Err(UsersError::EmailTaken) => {
            let taken = "There is an account with this address already. Sign in, or use another address.";
            let complaints = Complaints { email: Some(taken.to_owned()), ..Complaints::default() };
            let page = page(&session, &auth, &typed, complaints).await?;
            return Ok((StatusCode::CONFLICT, page).into_response());
        }
        Err(error) => return Err(error.into()),
    };
    // Whoever has just chosen a password knows it.
    let sign_in = auth.sign_in(Verified::vouched(user, Method::password()));
    if typed.keep.is_some() {
        sign_in.keep_data().await?;
    } else {
        sign_in.await?;
    }
    Flash::leave(&session, format!("Welcome, {}.", name.as_str()))?;
    Ok(Redirect::to("/").into_response())
}

async fn page(
    session: &Session,
    auth: &Auth,
    typed: &Typed,
    complaints: Complaints,
) -> Result<Response, Failure> {
    let form = Form::new([
        Field::text("name", "Your name").autocomplete("name").value(&*typed.name).complaint(complaints.name),
        Field::email("email", "Email").value(&*typed.email).complaint(complaints.email),
        Field::new_password("password", "Password")
            .hint("At least 8 characters. A few words are easier to remember than a riddle.")
            .complaint(complaints.password),
    ]);
    let frame = Frame::new(Tab::SignUp, session, auth.user().await?.as_ref())?;
    Ok(html(&SignUpPage { frame, form, has_things: has_things(session)? }))
}

/// Whether there is anything to be taken along into a session that begins by signing in.
pub(super) fn has_things(session: &Session) -> Result<bool, Failure> {
    Ok(!session.section::<Things>()?.list().is_empty())
}
