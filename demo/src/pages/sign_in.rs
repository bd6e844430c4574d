//! Signing in, for people and for programs.

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use cloakroom::auth::password::Password;
use cloakroom::auth::return_path::ReturnPath;
use cloakroom::auth::{Audience, AuthError, Refusal, Verified};
use cloakroom::axum::Session;
use serde::{Deserialize, Deserializer};

use crate::auth::{Auth, Credentials};
use crate::body::Body;
use crate::flash::Flash;
use crate::form::{Field, Form};
use crate::page::{App, Frame, Tab, html};
use crate::pages::refused::Refused;
use crate::pages::sign_up::has_things;
use crate::problem::Failure;
use crate::users::{Email, User};

/// Whatever is wrong, so that nobody learns who has an account.
const INVALID: &str = "Invalid email or password";

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage<'a> {
    frame: Frame,
    form: Form,
    action: &'a str,
    remember: bool,
    remembered_for: &'a str,
    has_things: bool,
}

/// What was sent. What is missing is wrong like anything else that is wrong.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Typed {
    email: String,
    password: Password,
    #[serde(deserialize_with = "choice")]
    remember: bool,
    #[serde(deserialize_with = "choice")]
    keep: bool,
}

pub(crate) async fn show(
    State(app): State<App>,
    uri: Uri,
    session: Session,
    auth: Auth,
) -> Result<Response, Failure> {
    if mentions_credentials(&uri) {
        return Ok(StatusCode::BAD_REQUEST.into_response());
    }
    page(&app, &uri, &session, &auth, &Typed::default(), None).await
}

/// 200 for programs and a redirect for people; 401 and one sentence for both, whatever is wrong.
pub(crate) async fn sign_in(
    State(app): State<App>,
    uri: Uri,
    headers: HeaderMap,
    session: Session,
    auth: Auth,
    Body(typed): Body<Typed>,
) -> Result<Response, Failure> {
    // Addresses are logged, kept in histories and sent to others.
    if mentions_credentials(&uri) {
        return Ok((StatusCode::BAD_REQUEST, "Credentials do not belong into an address").into_response());
    }
    let audience = Audience::of(&headers);
    let refusal = match verify(&app, &auth, Email::of(&typed.email), typed.password.clone()).await? {
        Ok(verified) => match enter(&auth, verified, &typed).await {
            Ok(()) => return arrive(audience, &uri, &session),
            // The account was disabled, or its password changed, at this very moment.
            Err(AuthError::UserGone | AuthError::Superseded) => Refusal::Credentials,
            Err(error) => return Err(error.into()),
        },
        Err(refusal) => refusal,
    };
    let refused = Refused::new(refusal, INVALID);
    let text = refused.text.clone();
    Ok(match audience {
        Audience::Program => refused.answer(text),
        Audience::Page => refused.answer(page(&app, &uri, &session, &auth, &typed, Some(text)).await?),
    })
}

/// Checks a password, if there were not too many attempts.
pub(super) async fn verify(
    app: &App,
    auth: &Auth,
    email: Email,
    password: Password,
) -> Result<Result<Verified<User>, Refusal>, Failure> {
    let account = email.key().to_owned();
    let verdict = auth.verify(&app.by_password, Credentials { email, password }, Some(&account)).await?;
    Ok(verdict.verified())
}

async fn enter(auth: &Auth, verified: Verified<User>, typed: &Typed) -> Result<(), AuthError> {
    let sign_in = auth.sign_in(verified);
    let sign_in = if typed.remember { sign_in.remember() } else { sign_in };
    if typed.keep { sign_in.keep_data().await } else { sign_in.await }
}

fn arrive(audience: Audience, uri: &Uri, session: &Session) -> Result<Response, Failure> {
    if audience == Audience::Program {
        return Ok(StatusCode::OK.into_response());
    }
    Flash::leave(session, "You are signed in.")?;
    Ok(Redirect::to(back(uri).as_ref().map_or("/", |path| path.as_str())).into_response())
}

async fn page(
    app: &App,
    uri: &Uri,
    session: &Session,
    auth: &Auth,
    typed: &Typed,
    refusal: Option<String>,
) -> Result<Response, Failure> {
    let form = Form {
        refusal,
        fields: vec![
            Field::email("email", "Email").value(&*typed.email),
            Field::current_password("password", "Password"),
        ],
    };
    let action = back(uri).map_or_else(|| "/sign-in".to_owned(), |path| path.sign_in_location("/sign-in"));
    let user = auth.user().await?;
    let frame = Frame::new(Tab::SignIn, session, user.as_ref())?;
    let page = SignInPage {
        frame,
        form,
        action: &action,
        remember: typed.remember,
        remembered_for: &app.remembered_for,
        has_things: has_things(session)?,
    };
    Ok(html(&page))
}

/// Where the parameter of an address leads back to, if it is a page of ours.
pub(super) fn back(uri: &Uri) -> Option<ReturnPath> {
    uri.query().and_then(ReturnPath::from_query)
}

fn mentions_credentials(uri: &Uri) -> bool {
    let names = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    names.into_iter().any(|(name, _)| {
        let name = name.to_ascii_lowercase();
        ["email", "password"].iter().any(|field| name.starts_with(field))
    })
}

/// A box that was ticked, or `true` in JSON.
fn choice<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Choice {
        Said(bool),
        Ticked(String),
    }
    Ok(match Choice::deserialize(deserializer)? {
        Choice::Said(choice) => choice,
        Choice::Ticked(text) => !matches!(&*text, "" | "false" | "no" | "off"),
    })
}
