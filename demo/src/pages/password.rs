//! Changing the password, which signs out every other device; and confirming it, before what matters is done.

use askama::Template;
use axum::extract::State;
use axum::http::header::RETRY_AFTER;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use cloakroom::Presence;
use cloakroom::auth::password::Password;
use cloakroom::auth::{Refusal, Verified};
use cloakroom::axum::{RequireRecent, RequireUser, Session};
use serde::Deserialize;

use crate::auth::{Auth, RECENT, new_password};
use crate::flash::Flash;
use crate::form::{Field, Form};
use crate::page::{App, Frame, Tab, html};
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

/// Why a password was not accepted.
struct Wrong {
    status: StatusCode,
    complaint: String,
    retry_after: Option<u64>,
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
        Err(wrong) => {
            let page = page(&session, &user, Some(wrong.complaint.clone()), None)?;
            return Ok(wrong.answer(page));
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
        Err(wrong) => {
            let page = confirm_page(&uri, &session, &user, Some(wrong.complaint.clone()))?;
            Ok(wrong.answer(page))
        }
    }
}

/// Checks the password of whoever is signed in, under the same limits as at sign-in.
async fn check(
    app: &App,
    auth: &Auth,
    user: &User,
    password: Password,
) -> Result<Result<Verified<User>, Wrong>, Failure> {
    let complaint = |status, complaint: String| Wrong { status, complaint, retry_after: None };
    Ok(match verify(app, auth, Email::of(&user.email), password).await? {
        Ok(verified) => Ok(verified),
        Err(Refusal::TooManyAttempts { retry_after }) => {
            let seconds = retry_after.as_secs() + 1;
            let text = format!("Too many attempts. Try again in {seconds} seconds.");
            Err(Wrong { retry_after: Some(seconds), ..complaint(StatusCode::TOO_MANY_REQUESTS, text) })
        }
        Err(_) => Err(complaint(StatusCode::UNAUTHORIZED, "That is not your password.".to_owned())),
    })
}

impl Wrong {
    fn answer(self, page: Response) -> Response {
        let mut response = (self.status, page).into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        response
    }
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
