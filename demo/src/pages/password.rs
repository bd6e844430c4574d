//! Changing the password, which signs out every other device; and confirming it, before what matters is done.

use askama::Template;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use cloakroom::Presence;
use cloakroom::auth::Verified;
use cloakroom::auth::password::Password;
use cloakroom::axum::{RequireRecent, RequireUser, Session};
use serde::Deserialize;

use crate::auth::{Auth, RECENT, new_password};
use crate::flash::Flash;
use crate::form::{Field, Form};
use crate::page::{App, Frame, Tab, html};
use crate::pages::refused::Refused;
use crate::pages::sign_in::{back, verify};
use crate::problem::Failure;
use crate::users::{Email, User};

#[derive(Template)]
#[template(path = "password.html")]
struct PasswordPage<'a> {
    frame: Frame,
    form: Form,
    email: &'a str,
}

#[derive(Template)]
#[template(path = "confirm.html")]
struct ConfirmPage<'a> {
    frame: Frame,
    form: Form,
    email: &'a str,
    action: &'a str,
    reason: &'static str,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct TypedChange {
    current: Password,
    new: Password,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct TypedConfirmation {
    password: Password,
}

pub(crate) async fn show(
    session: Session,
    RequireRecent(user): RequireRecent<User, RECENT>,
) -> Result<Response, Failure> {
    page(&session, &user, None, None)
}

pub(crate) async fn change(
    State(app): State<App>,
    session: Session,
    auth: Auth,
    RequireRecent(user): RequireRecent<User, RECENT>,
    axum::Form(typed): axum::Form<TypedChange>,
) -> Result<Response, Failure> {
    let verified = match check(&app, &auth, &user, typed.current).await? {
        Ok(verified) => verified,
        Err(refused) => {
            let page = page(&session, &user, Some(refused.text.clone()), None)?;
            return Ok(refused.answer(page));
        }
    };
    let new = match new_password(&app.passwords, &typed.new).await? {
        Ok(hash) => hash,
        Err(complaint) => {
            let page = page(&session, &user, None, Some(complaint))?;
            return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
        }
    };
    let old = &verified.user().password_hash;
    if !app.users.replace_hash(&user.id, old, new.as_str(), None, app.manager.now()).await? {
        let complaint = "Your password was changed somewhere else at this moment.".to_owned();
        let page = page(&session, &user, Some(complaint), None)?;
        return Ok((StatusCode::CONFLICT, page).into_response());
    }
    let changed = User { password_hash: new.into_string(), upgrade_link: None, ..user };
    auth.credentials_changed(&changed).await?;
    Flash::leave(&session, "Your password is changed, and all your other devices are signed out.")?;
    Ok(Redirect::to("/profile").into_response())
}

pub(crate) async fn ask(
    uri: Uri,
    session: Session,
    RequireUser(user): RequireUser<User>,
) -> Result<Response, Failure> {
    confirm_page(&uri, &session, &user, None)
}

pub(crate) async fn confirm(
    State(app): State<App>,
    uri: Uri,
    session: Session,
    auth: Auth,
    RequireUser(user): RequireUser<User>,
    axum::Form(typed): axum::Form<TypedConfirmation>,
) -> Result<Response, Failure> {
    match check(&app, &auth, &user, typed.password).await? {
        Ok(verified) => {
            auth.reauthenticate(verified).await?;
            Ok(Redirect::to(back(&uri).as_ref().map_or("/", |path| path.as_str())).into_response())
        }
        Err(refused) => {
            let page = confirm_page(&uri, &session, &user, Some(refused.text.clone()))?;
            Ok(refused.answer(page))
        }
    }
}

/// Checks the password of whoever is signed in, under the same limits as at sign-in.
async fn check(
    app: &App,
    auth: &Auth,
    user: &User,
    password: Password,
) -> Result<Result<Verified<User>, Refused>, Failure> {
    let checked = verify(app, auth, Email::of(&user.email), password).await?;
    Ok(checked.map_err(|refusal| Refused::new(refusal, "That is not your password.")))
}

fn page(
    session: &Session,
    user: &User,
    current: Option<String>,
    new: Option<String>,
) -> Result<Response, Failure> {
    let form = Form::new([
        Field::current_password("current", "Present password").complaint(current),
        Field::new_password("new", "New password").hint("At least 8 characters.").complaint(new),
    ]);
    let frame = Frame::new(Tab::Profile, session, Some(user))?;
    Ok(html(&PasswordPage { frame, form, email: &user.email }))
}

fn confirm_page(
    uri: &Uri,
    session: &Session,
    user: &User,
    complaint: Option<String>,
) -> Result<Response, Failure> {
    let form = Form::new([Field::current_password("password", "Password").complaint(complaint)]);
    let action = back(uri).map_or_else(|| "/confirm".to_owned(), |path| path.sign_in_location("/confirm"));
    let remembered =
        session.authentication().is_some_and(|signed_in| signed_in.presence == Presence::Remembered);
    let reason = if remembered {
        "this device was remembered: anybody who has it could be asking"
    } else {
        "you signed in some time ago"
    };
    let frame = Frame::new(Tab::None, session, Some(user))?;
    Ok(html(&ConfirmPage { frame, form, email: &user.email, action: &action, reason }))
}
