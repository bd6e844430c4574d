//! The application whose requests race, and the stage on which they do.

use std::convert::Infallible;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cloakroom::{
    LazySession, Policy, Random, RandomError, Rotation, Scope, SessionError, SessionLayer, SessionManager,
    Store, SystemRandom, Timestamp, TouchPolicy, UserId,
};
use cloakroom_conformance::{ManualClock, Moment, Release, Schedule, Waiting};
use http::header::{COOKIE, SET_COOKIE};
use http::{Request, Response, StatusCode};
use serde_json::{Value, json};
use tower::{Layer as _, ServiceExt as _, service_fn};

use crate::support::Place;

/// What a request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Reads everything and changes nothing, not even the time of last activity.
    Read,
    /// Inserts under `a`.
    WriteA,
    /// Inserts under `b`.
    WriteB,
    /// Adds one to `n`, and leaves saving to the layer.
    Count,
    /// Adds one to `n`, saves, and answers what `n` then is.
    CountAndSave,
    /// Reads, and moves the expiry.
    Touch,
    Rotate,
    /// Gives the session another id because of the id's age.
    Renew,
    /// Signs another user in.
    SignIn,
    /// Signs the user in to whom the session belongs.
    SignInAgain,
    Destroy,
    DestroyThenInsert,
    /// Removes what has expired.
    Sweep,
    /// Comes without a cookie and draws an id under which an expired session still lies, the same id as every other
    /// request of this kind.
    Create,
    /// Ends all sessions of the user to whom the session belongs.
    EndUser,
}

pub(crate) const KINDS: [Kind; 15] = [
    Kind::Read,
    Kind::WriteA,
    Kind::WriteB,
    Kind::Count,
    Kind::CountAndSave,
    Kind::Touch,
    Kind::Rotate,
    Kind::Renew,
    Kind::SignIn,
    Kind::SignInAgain,
    Kind::Destroy,
    Kind::DestroyThenInsert,
    Kind::Sweep,
    Kind::Create,
    Kind::EndUser,
];

/// To whom the session belongs when the requests begin.
pub(crate) const OWNER: &str = "ann";
/// Who signs in.
pub(crate) const OTHER: &str = "bob";

/// When the session begins.
const START: Timestamp = Timestamp::from_millis(1_800_000_000_000);
/// When the requests come: half of the idle limit has gone, so activity moves the expiry.
const RACE: Timestamp = Timestamp::from_millis(START.as_millis() + 1_800_000);
/// So long ago that a session of then has expired.
const LONG_AGO: Timestamp = Timestamp::from_millis(START.as_millis() - 10 * 86_400_000);

/// What a request's client got.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// What the handler said. A refusal replaces it.
    pub(crate) body: Value,
    pub(crate) cookie: Cookie,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cookie {
    /// The response does not speak of it.
    Left,
    /// It names a session from now on.
    Set,
    /// It is taken away.
    Removed,
}

/// What came of a race.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) answers: Vec<Answer>,
    pub(crate) end: End,
}

/// What is there when all requests have finished.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct End {
    /// What each cookie opens: first the one with which the requests came, then the one that each request's response
    /// set, if it did.
    pub(crate) opened: Vec<Option<Value>>,
    /// How many live sessions the store holds, whether or not anybody has their cookies.
    pub(crate) live: u64,
}

/// A place with a node for each request, and one more for what is before and after a race.
pub(crate) struct Stage {
    nodes: Vec<Arc<dyn Store>>,
    store: Arc<dyn Store>,
    clock: ManualClock,
}

impl Stage {
    /// For races of at most so many requests.
    pub(crate) async fn new(place: &Place, requests: usize) -> Self {
        let mut nodes = Vec::new();
        for _ in 0..requests {
            nodes.push(place.store().await);
        }
        Self { nodes, store: place.store().await, clock: ManualClock::at(START) }
    }

    /// Lets these requests race from the same session and the same cookie. Whenever all of them wait for the store,
    /// before or after they ask it as `moments` say, `choose` says who goes next.
    pub(crate) async fn race(
        &self,
        kinds: &[Kind],
        moments: &[Moment],
        choose: impl FnMut(&[Waiting]) -> Release,
    ) -> Outcome {
        let outside = self.manager(Arc::clone(&self.store), policy(), SystemRandom);
        if kinds.iter().any(|kind| matches!(kind, Kind::Create | Kind::Sweep)) {
            self.clock.set(LONG_AGO);
            let same = self.manager(Arc::clone(&self.store), policy(), Same::default());
            send(&same, "/write-a", 0, None).await;
        }
        self.clock.set(START);
        let (_, cookie) = send(&outside, "/prepare", 0, None).await;
        let cookie = cookie.unwrap();
        self.clock.set(RACE);

        let schedule = Schedule::new(moments);
        let requests = kinds.iter().enumerate().map(|(number, kind)| {
            let store = schedule.store(number, Arc::clone(&self.nodes[number]));
            self.perform(*kind, number, store, &cookie)
        });
        let performed = schedule.run(requests, choose).await;

        let mut opened = vec![look(&outside, &cookie).await];
        for (_, cookie) in &performed {
            opened.push(match cookie {
                Some(cookie) => look(&outside, cookie).await,
                None => None,
            });
        }
        let live = self.store.count(&Scope::All, RACE).await.unwrap();
        self.store.end(&Scope::All, None, LONG_AGO).await.unwrap();
        Outcome {
            answers: performed.into_iter().map(|(answer, _)| answer).collect(),
            end: End { opened, live },
        }
    }
    /// One request, from its headers to its response.
    async fn perform(
        &self,
        kind: Kind,
        number: usize,
        store: impl Store,
        cookie: &str,
    ) -> (Answer, Option<String>) {
        let mut policy = policy();
        let (path, cookie) = match kind {
            Kind::Read => ("/look", Some(cookie)),
            Kind::Touch => {
                policy = policy.touch(TouchPolicy::Always);
                ("/look", Some(cookie))
            }
            Kind::Renew => {
                // The id is twice as old as that.
                policy = policy.rotation(Rotation::every(Duration::from_mins(15)));
                ("/renew", Some(cookie))
            }
            Kind::WriteA => ("/write-a", Some(cookie)),
            Kind::WriteB => ("/write-b", Some(cookie)),
            Kind::Count => ("/count", Some(cookie)),
            Kind::CountAndSave => ("/count-and-save", Some(cookie)),
            Kind::Rotate => ("/rotate", Some(cookie)),
            Kind::SignIn => ("/sign-in", Some(cookie)),
            Kind::SignInAgain => ("/sign-in-again", Some(cookie)),
            Kind::Destroy => ("/destroy", Some(cookie)),
            Kind::DestroyThenInsert => ("/destroy-then-insert", Some(cookie)),
            Kind::Create => {
                let manager = self.manager(Arc::new(store), policy, Same::default());
                return send(&manager, "/write-a", number, None).await;
            }
            Kind::Sweep => {
                let removed = store.sweep(NonZeroU32::MAX, RACE).await.unwrap().removed;
                return (Answer::done(json!(removed)), None);
            }
            Kind::EndUser => {
                let scope = Scope::User(UserId::new(OWNER).unwrap());
                let ended = store.end(&scope, None, RACE).await.unwrap();
                return (Answer::done(json!(ended)), None);
            }
        };
        send(&self.manager(Arc::new(store), policy, SystemRandom), path, number, cookie).await
    }

    fn manager(&self, store: Arc<dyn Store>, policy: Policy, random: impl Random) -> SessionManager {
        let builder = SessionManager::builder(store).clock(self.clock.clone()).random(random);
        builder.policy(policy).build().unwrap()
    }
}

/// Of all requests, but for what their kind adds: ids are replaced because of their age, and this one is young.
fn policy() -> Policy {
    Policy::default().touch(TouchPolicy::Off).rotation(Rotation::every(Duration::from_hours(24)))
}

impl Answer {
    fn done(body: Value) -> Self {
        Self { status: StatusCode::OK, body, cookie: Cookie::Left }
    }
}

/// What a visitor with this cookie sees; `None` for a stranger.
async fn look(manager: &SessionManager, cookie: &str) -> Option<Value> {
    let (answer, _) = send(manager, "/look-closely", 0, Some(cookie)).await;
    assert_eq!(answer.status, StatusCode::OK);
    (answer.body["found"] == true).then_some(answer.body)
}

/// Sends a request through the layer and returns the answer and the value of the cookie that it sets.
async fn send(
    manager: &SessionManager,
    path: &str,
    number: usize,
    cookie: Option<&str>,
) -> (Answer, Option<String>) {
    let mut request = Request::get(format!("{path}?{number}"));
    if let Some(cookie) = cookie {
        request = request.header(COOKIE, format!("{}={cookie}", manager.cookie_name()));
    }
    let service = SessionLayer::from(manager.clone()).layer(service_fn(handle));
    let response = service.oneshot(request.body(()).unwrap()).await.unwrap();
    let mut lines = response.headers().get_all(SET_COOKIE).iter().map(|line| line.to_str().unwrap());
    let line = lines.next();
    assert_eq!(lines.next(), None, "one response speaks of the cookie twice");
    let value = line.map(|line| line.split(';').next().unwrap().split_once('=').unwrap().1.to_owned());
    let cookie = match value.as_deref() {
        None => Cookie::Left,
        Some("") => Cookie::Removed,
        Some(_) => Cookie::Set,
    };
    let answer = Answer {
        status: response.status(),
        body: serde_json::from_slice(response.body()).unwrap_or_default(),
        cookie,
    };
    (answer, value.filter(|value| !value.is_empty()))
}

async fn handle(request: Request<()>) -> Result<Response<Vec<u8>>, Infallible> {
    let session = request.extensions().get::<LazySession>().unwrap().clone();
    let number = request.uri().query().and_then(|query| query.parse().ok()).unwrap();
    Ok(match act(&session, request.uri().path(), number).await {
        Ok(body) => Response::new(body.to_string().into_bytes()),
        Err(error) => error.into_http(Vec::new()),
    })
}

/// The application. Every answer says whether the cookie named a session when the handler asked for it.
async fn act(lazy: &LazySession, path: &str, number: u64) -> Result<Value, SessionError> {
    let session = lazy.load().await?;
    let mut body = json!({ "found": !session.is_new() });
    match path {
        "/prepare" => {
            session.set_user(UserId::new(OWNER).unwrap());
            for key in ["a", "b", "n"] {
                session.insert(key, 0)?;
            }
        }
        "/look" => {
            body["data"] = Value::Object(session.data());
            body["user"] = json!(session.user().map(|user| user.as_str().to_owned()));
        }
        // Requests that race do not tell their clients about activity: it is noted late and roughly, by design.
        "/look-closely" => {
            body["data"] = Value::Object(session.data());
            body["user"] = json!(session.user().map(|user| user.as_str().to_owned()));
            body["moved"] =
                json!(session.expires_at() > START.plus(session.lifetime().idle_limit().unwrap()));
        }
        "/write-a" => session.insert("a", value(number))?,
        "/write-b" => session.insert("b", value(number))?,
        "/count" => drop(session.update("n", increment)?),
        "/count-and-save" => {
            session.update("n", increment)?;
            session.save().await?;
            body["n"] = json!(session.get::<u64>("n")?);
        }
        // What is to happen happens to every request that asks for the session.
        "/renew" => {}
        "/rotate" => session.rotate(),
        "/sign-in" => session.set_user(UserId::new(OTHER).unwrap()),
        "/sign-in-again" => session.set_user(UserId::new(OWNER).unwrap()),
        "/destroy" => session.destroy(),
        "/destroy-then-insert" => {
            session.destroy();
            session.insert("a", value(number))?;
        }
        other => panic!("no such page: {other}"),
    }
    Ok(body)
}

/// What the request with this number writes.
pub(crate) fn value(number: u64) -> u64 {
    100 + number
}

fn increment(count: Option<u64>) -> u64 {
    count.unwrap_or(0) + 1
}

/// Draws the same bits as every other of its kind, once, and random ones from then on.
#[derive(Debug, Default)]
struct Same {
    drawn: AtomicBool,
}

impl Random for Same {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomError> {
        if self.drawn.swap(true, Ordering::SeqCst) {
            return SystemRandom.fill(bytes);
        }
        bytes.fill(7);
        Ok(())
    }
}
