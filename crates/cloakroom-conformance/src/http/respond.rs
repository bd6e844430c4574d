//! The application that every framework serves in the scenarios.

use std::time::Duration;

use cloakroom_core::{Data, LazySession, Lifetime, LoadError, SaveError, Session, UserId, ValueError};
use http::header::{CACHE_CONTROL, LOCATION, SET_COOKIE, VARY};
use http::{HeaderValue, Response, StatusCode};
use serde_json::{Value, json};

/// The scenarios' application, without a framework: a binding calls it from one handler for all paths and methods.
///
/// `session` is what the binding put into the request, and `target` the request's path and query. A [`LoadError`] goes
/// to the client as whatever the binding makes of it; every other answer is sent as it is. Parameters are taken as
/// they are written, without percent-decoding.
///
/// | target | what it does | answer |
/// |---|---|---|
/// | `/none` | does not ask for the session | `none` |
/// | `/look` | loads the session | `looked` |
/// | `/read?key=K` | reads a value | the value as JSON |
/// | `/data` | reads all values | a JSON object |
/// | `/info` | reads everything but the values, and loads twice | a JSON object |
/// | `/insert?key=K&value=V` | inserts a text | `done` |
/// | `/increment?key=K` | `update`s a number | the new number |
/// | `/remove?key=K`, `/clear` | removes one value, or all | `done` |
/// | `/rotate`, `/destroy` | changes the id, or ends the session | `done` |
/// | `/destroy-then-insert?key=K&value=V` | ends the session and begins another | `done` |
/// | `/sign-in?user=U`, `/sign-out` | sets or clears the user | `done` |
/// | `/remember` | renews for fourteen days idle and ninety overall, persistent | `done` |
/// | `/save?key=K&value=V` | inserts and saves before it answers | `done` |
/// | `/redirect?key=K&value=V` | inserts | 303 to `/read?key=K` |
/// | `/fail?key=K&value=V` | inserts | 500 |
/// | `/dressed?key=K&value=V` | inserts, with headers of its own: a cookie, `Vary` and a public `Cache-Control` | `done` |
///
/// # Errors
/// When the session cannot be loaded.
pub async fn respond(session: Option<&LazySession>, target: &str) -> Result<Response<Vec<u8>>, LoadError> {
    let Some(lazy) = session else {
        return Ok(text(StatusCode::INTERNAL_SERVER_ERROR, "the binding put no session into the request"));
    };
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    if path == "/none" {
        return Ok(text(StatusCode::OK, "none"));
    }
    let session = lazy.load().await?;
    let (key, value) = (parameter(query, "key"), parameter(query, "value"));
    let answer = match path {
        "/look" => "looked".to_owned(),
        "/read" => session.data().get(key).unwrap_or(&Value::Null).to_string(),
        "/data" => Value::Object(session.data()).to_string(),
        "/info" => Value::Object(info(&lazy.load().await?)).to_string(),
        "/increment" => match increment(&session, key) {
            Ok(count) => count.to_string(),
            Err(error) => return Ok(text(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())),
        },
        "/save" => match save(&session, key, value).await {
            Ok(()) => "done".to_owned(),
            Err(error) => return Ok(text(error.status(), error.to_string())),
        },
        _ => match change(&session, path, query) {
            Ok(()) => "done".to_owned(),
            Err(status) => return Ok(text(status, "")),
        },
    };
    Ok(dress(path, key, text(StatusCode::OK, answer)))
}

/// What changes the session without reading it.
fn change(session: &Session, path: &str, query: &str) -> Result<(), StatusCode> {
    let (key, value) = (parameter(query, "key"), parameter(query, "value"));
    let insert = || session.insert(key, value).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR);
    match path {
        "/insert" | "/redirect" | "/fail" | "/dressed" => insert()?,
        "/remove" => {
            session.remove(key);
        }
        "/clear" => session.clear(),
        "/rotate" => session.rotate(),
        "/destroy" => session.destroy(),
        "/destroy-then-insert" => {
            session.destroy();
            insert()?;
        }
        "/sign-in" => {
            let user = UserId::new(parameter(query, "user")).map_err(|_| StatusCode::BAD_REQUEST)?;
            session.set_user(user);
        }
        "/sign-out" => session.clear_user(),
        "/remember" => session.renew(remember_me()),
        _ => return Err(StatusCode::NOT_FOUND),
    }
    Ok(())
}

/// What `/remember` gives.
pub(super) fn remember_me() -> Lifetime {
    const DAY: u64 = 86_400;
    Lifetime::idle(Duration::from_secs(14 * DAY)).with_absolute(Duration::from_secs(90 * DAY)).persistent()
}

fn increment(session: &Session, key: &str) -> Result<u64, ValueError> {
    session.update(key, |count: Option<u64>| count.unwrap_or(0) + 1)
}

async fn save(session: &Session, key: &str, value: &str) -> Result<(), SaveError> {
    session.insert(key, value).map_err(ValueError::from)?;
    session.save().await
}

fn info(session: &Session) -> Data {
    let entries = [
        ("user", json!(session.user().map(|user| user.as_str().to_owned()))),
        ("new", json!(session.is_new())),
        ("values", json!(session.len())),
        ("created", json!(session.created().as_millis())),
        ("expires", json!(session.expires_at().as_millis())),
    ];
    entries.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Status and headers that the path asks for.
fn dress(path: &str, key: &str, mut response: Response<Vec<u8>>) -> Response<Vec<u8>> {
    match path {
        "/fail" => *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR,
        "/redirect" => {
            *response.status_mut() = StatusCode::SEE_OTHER;
            if let Ok(location) = HeaderValue::try_from(format!("/read?key={key}")) {
                response.headers_mut().insert(LOCATION, location);
            }
        }
        "/dressed" => {
            let headers = response.headers_mut();
            headers.append(SET_COOKIE, HeaderValue::from_static("theme=dark; Path=/"));
            headers.append(VARY, HeaderValue::from_static("Accept-Encoding"));
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600"));
        }
        _ => {}
    }
    response
}

fn parameter<'a>(query: &'a str, name: &str) -> &'a str {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.filter(|(key, _)| *key == name).map(|(_, value)| value).next().unwrap_or_default()
}

fn text(status: StatusCode, body: impl Into<String>) -> Response<Vec<u8>> {
    let mut response = Response::new(body.into().into_bytes());
    *response.status_mut() = status;
    response
}
