//! Where somebody is signed in, and how they end that.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use cloakroom::auth::{Ending, Place, SignedIn};
use cloakroom::axum::{RequireRecent, Session};
use cloakroom::{Presence, SessionHandle, Timestamp};

use crate::agent;
use crate::auth::{Auth, RECENT};
use crate::flash::Flash;
use crate::page::{App, Frame, Tab, html};
use crate::pages::sign_out::farewell;
use crate::problem::Failure;
use crate::users::User;
use crate::when::When;

#[derive(Template)]
#[template(path = "devices.html")]
struct DevicesPage {
    frame: Frame,
    devices: Vec<Device>,
}

/// A session as its user sees it.
struct Device {
    /// What it is ended by. It opens nothing.
    handle: String,
    /// The browser in words.
    name: String,
    current: bool,
    signed_in: Option<When>,
    seen: Option<When>,
    created: Option<When>,
    address: Option<String>,
    remembered: bool,
}

pub(crate) async fn show(
    State(app): State<App>,
    session: Session,
    auth: Auth,
    RequireRecent(user): RequireRecent<User, RECENT>,
) -> Result<Response, Failure> {
    let mut sessions = auth.sessions().await?.list().await?;
    // This device first; the others stay in their order, the one last used first.
    sessions.sort_by_key(|session| session.place != Place::Here);
    let now = app.manager.now();
    let devices = sessions.into_iter().map(|session| Device::new(session, now)).collect();
    let frame = Frame::new(Tab::Devices, &session, Some(&user))?;
    Ok(html(&DevicesPage { frame, devices }))
}

/// The handle of another user, or of a session that has ended, is unknown.
pub(crate) async fn sign_out(
    headers: HeaderMap,
    session: Session,
    auth: Auth,
    RequireRecent(_): RequireRecent<User, RECENT>,
    Path(handle): Path<String>,
) -> Result<Response, Failure> {
    let Some(handle) = SessionHandle::parse(&handle) else {
        return Ok(StatusCode::NOT_FOUND.into_response());
    };
    let sessions = auth.sessions().await?;
    let listed = sessions.list().await?.into_iter().find(|session| session.handle == Some(handle));
    if sessions.end(handle).await? == Ending::Unknown {
        return Ok(StatusCode::NOT_FOUND.into_response());
    }
    match listed {
        Some(ended) if ended.place == Place::Here => Ok(farewell(&headers)),
        ended => {
            let name = agent::in_words(ended.as_ref().and_then(user_agent));
            Flash::leave(&session, format!("{name} is signed out."))?;
            Ok(Redirect::to("/devices").into_response())
        }
    }
}

pub(crate) async fn sign_out_others(
    session: Session,
    auth: Auth,
    RequireRecent(_): RequireRecent<User, RECENT>,
) -> Result<Redirect, Failure> {
    let text = match auth.sessions().await?.end_others().await? {
        0 => "No other device was signed in.".to_owned(),
        1 => "One other device is signed out.".to_owned(),
        ended => format!("{ended} other devices are signed out."),
    };
    Flash::leave(&session, text)?;
    Ok(Redirect::to("/devices"))
}

pub(crate) async fn sign_out_all(
    headers: HeaderMap,
    auth: Auth,
    RequireRecent(_): RequireRecent<User, RECENT>,
) -> Result<Response, Failure> {
    auth.sessions().await?.end_all().await?;
    Ok(farewell(&headers))
}

impl Device {
    fn new(session: SignedIn, now: Timestamp) -> Self {
        Self {
            handle: session.handle.map(|handle| handle.to_string()).unwrap_or_default(),
            name: agent::in_words(user_agent(&session)),
            current: session.place == Place::Here,
            signed_in: session.authenticated.and_then(|at| When::new(at, now)),
            seen: When::new(session.seen, now),
            created: When::new(session.created, now),
            address: session.device.as_ref().and_then(|device| device.address()).map(str::to_owned),
            remembered: session.presence == Some(Presence::Remembered),
        }
    }
}

fn user_agent(session: &SignedIn) -> Option<&str> {
    session.device.as_ref().and_then(cloakroom::Device::user_agent)
}
