//! Browsers of all processes, which share their cookies through files, and the application that they ask.

use std::convert::Infallible;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cloakroom::{LazySession, SaveError, Session, SessionError, SessionLayer, SessionManager, Store};
use http::header::{COOKIE, SET_COOKIE};
use http::{Request, Response, StatusCode};
use rustix::time::{ClockId, clock_gettime};
use tower::{Layer as _, ServiceExt as _, service_fn};

use super::{Act, Entry, Reply, Seen};

#[derive(Clone)]
pub(crate) struct Client {
    manager: SessionManager,
    folder: PathBuf,
}

impl Client {
    /// A browser whose cookies are in `folder`.
    pub(crate) fn new(store: Arc<dyn Store>, folder: &Path) -> Self {
        let manager = SessionManager::builder(store).build().unwrap();
        Self { manager, folder: folder.to_owned() }
    }

    /// Begins a session and keeps its cookie.
    pub(crate) async fn begin(&self, session: usize) {
        let (_, cookie) = self.send("begin", None).await;
        self.keep(session, &cookie.unwrap());
    }

    /// The cookie that the browsers hold for a session.
    pub(crate) fn cookie(&self, session: usize) -> String {
        fs::read_to_string(self.file(session)).unwrap()
    }

    /// Makes a request and notes what came of it.
    pub(crate) async fn ask(&self, session: usize, cookie: String, act: Act) -> Entry {
        let begun = now();
        let (reply, issued) = self.send(&serde_json::to_string(&act).unwrap(), Some(&cookie)).await;
        let ended = now();
        if let Some(issued) = &issued {
            self.keep(session, issued);
        }
        Entry { session, cookie, issued, act, begun, ended, reply }
    }

    /// Replaces the cookie in one step. Whoever rotates has read the cookie before, so the newest is kept last.
    fn keep(&self, session: usize, cookie: &str) {
        let (file, new) = (self.file(session), self.folder.join(cookie));
        fs::write(&new, cookie).unwrap();
        fs::rename(new, file).unwrap();
    }

    fn file(&self, session: usize) -> PathBuf {
        self.folder.join(format!("cookie-{session}"))
    }

    async fn send(&self, act: &str, cookie: Option<&str>) -> (Reply, Option<String>) {
        let mut request = Request::get("/").extension(act.to_owned());
        if let Some(cookie) = cookie {
            request = request.header(COOKIE, format!("{}={cookie}", self.manager.cookie_name()));
        }
        let service = SessionLayer::from(self.manager.clone()).layer(service_fn(handle));
        let response = service.oneshot(request.body(()).unwrap()).await.unwrap();
        let set = response.headers().get(SET_COOKIE).map(|line| line.to_str().unwrap());
        let set = set.map(|line| line.split(';').next().unwrap().split_once('=').unwrap().1.to_owned());
        (reply(&response), set.filter(|value| !value.is_empty()))
    }
}

fn reply(response: &Response<Vec<u8>>) -> Reply {
    let error = response.extensions().get::<Arc<SessionError>>();
    match (response.status(), error.map(AsRef::as_ref)) {
        (StatusCode::OK, _) => Reply::Done(serde_json::from_slice(response.body()).unwrap()),
        (StatusCode::NOT_FOUND, _) => Reply::Stranger,
        (StatusCode::CONFLICT, _) => Reply::Gone,
        (_, Some(SessionError::Save(SaveError::Contended { .. }))) => Reply::Contended,
        (StatusCode::SERVICE_UNAVAILABLE, _) => Reply::Unknown,
        (status, error) => panic!("no answer for a client: {status}, {error:?}"),
    }
}

async fn handle(request: Request<()>) -> Result<Response<Vec<u8>>, Infallible> {
    let lazy = request.extensions().get::<LazySession>().unwrap();
    let act = request.extensions().get::<String>().unwrap();
    Ok(match respond(lazy, act).await {
        Ok(Some(seen)) => Response::new(serde_json::to_vec(&seen).unwrap()),
        Ok(None) => Response::builder().status(StatusCode::NOT_FOUND).body(Vec::new()).unwrap(),
        Err(error) => error.into_http(Vec::new()),
    })
}

/// The application: does what is asked and answers what is stored then. A stranger gets nothing, and stores nothing.
async fn respond(lazy: &LazySession, act: &str) -> Result<Option<Seen>, SessionError> {
    let session = lazy.load().await?;
    if act == "begin" {
        session.insert("count", 0)?;
        return Ok(Some(Seen::default()));
    }
    if session.is_new() {
        return Ok(None);
    }
    let before = seen(&session)?;
    match serde_json::from_str(act).unwrap() {
        Act::Read => return Ok(Some(before)),
        Act::Count => drop(session.update("count", |count: Option<u64>| count.unwrap_or(0) + 1)?),
        Act::Write(value) => session.insert("written", value)?,
        Act::Insert(key) => session.insert(format!("key-{key}"), key)?,
        Act::Remove(key) => drop(session.remove(format!("key-{key}"))),
        Act::Rotate => session.rotate(),
        Act::Destroy => {
            session.destroy();
            session.save().await?;
            return Ok(Some(before));
        }
    }
    session.save().await?;
    Ok(Some(seen(&session)?))
}

fn seen(session: &Session) -> Result<Seen, SessionError> {
    let data = session.data();
    let keys = data.iter().filter(|(name, _)| name.starts_with("key-")).filter_map(|(_, key)| key.as_u64());
    Ok(Seen {
        count: session.get("count")?.unwrap_or_default(),
        written: session.get("written")?.unwrap_or_default(),
        keys: keys.collect(),
    })
}

/// Nanoseconds of the one clock that all processes of a machine share and nobody sets.
fn now() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    u64::try_from(now.tv_sec).unwrap() * 1_000_000_000 + u64::try_from(now.tv_nsec).unwrap()
}
