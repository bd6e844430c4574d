//! What may come of requests that race: what comes of them when they run one after the other, in some order.
//!
//! This model shares no code with the library. A session has an owner, values and one cookie that opens it. The rules:
//!
//! * A request whose cookie opens nothing is a stranger's: it reads nothing, and what it writes begins a new session.
//! * A rotation and a sign-in give the session another cookie, and the one before opens nothing from then on.
//! * A renewal gives it another cookie because of its age. The one before still opens it, and whoever comes with that one
//!   is told the new one. It is work beside the request: it is left undone when the session ends, or is given another
//!   cookie, under its hands.
//! * A request that was refused (409) has not happened. It is only refused when its session was ended, or given another
//!   cookie, by another request.
//! * A request that ends the session and that found it with its cookie ends it, whatever cookie it has by then: a
//!   visitor who signs out is signed out, although a rotation was faster.

use http::StatusCode;
use serde_json::{Value, json};

use crate::site::{Answer, Cookie, End, Kind, OTHER, OWNER, Outcome, value};

/// The session that is there at first. Its cookie is the one that the requests come with.
const FIRST: usize = 0;

#[derive(Clone, Debug)]
struct Model {
    sessions: Vec<Session>,
    /// Whether an expired session waits to be swept.
    expired: bool,
}

#[derive(Clone, Debug)]
struct Session {
    alive: bool,
    /// What opens it: 0 is the cookie with which the requests come, `number + 1` what a request's response set.
    cookies: Vec<usize>,
    /// The cookie before a renewal, which opens it as well.
    previous: Option<usize>,
    user: Option<&'static str>,
    data: Value,
    /// Whether activity has moved its expiry.
    moved: bool,
}

/// Why no order explains an outcome.
pub(crate) type Unexplained = String;

/// Finds an order of the requests, one after the other, that explains what came of them.
pub(crate) fn explain(kinds: &[Kind], outcome: &Outcome) -> Result<Vec<usize>, Unexplained> {
    for (number, answer) in outcome.answers.iter().enumerate() {
        check_refusal(number, kinds, answer, &outcome.answers)?;
        check_renewal(number, kinds, answer, &outcome.answers)?;
    }
    let happened: Vec<_> = (0..kinds.len()).filter(|number| is_done(&outcome.answers[*number])).collect();
    let mut order = Vec::new();
    if search(&Model::first(kinds), kinds, outcome, &happened, &mut order) {
        return Ok(order);
    }
    Err("no order of the requests, one after the other, explains this".to_owned())
}

/// Puts the requests that are left behind those in `order`, in every way that their answers allow.
fn search(model: &Model, kinds: &[Kind], outcome: &Outcome, left: &[usize], order: &mut Vec<usize>) -> bool {
    if left.is_empty() {
        return model.end(kinds.len()) == outcome.end;
    }
    left.iter().any(|number| {
        let (mut model, answer) = (model.clone(), &outcome.answers[*number]);
        order.push(*number);
        let rest: Vec<_> = left.iter().copied().filter(|other| other != number).collect();
        let explained = model.play(*number, kinds[*number], answer) == *answer
            && search(&model, kinds, outcome, &rest, order);
        if !explained {
            order.pop();
        }
        explained
    })
}

fn is_done(answer: &Answer) -> bool {
    answer.status == StatusCode::OK
}

/// A refusal needs a reason, and must not speak of a cookie.
fn check_refusal(
    number: usize,
    kinds: &[Kind],
    answer: &Answer,
    answers: &[Answer],
) -> Result<(), Unexplained> {
    if is_done(answer) {
        return Ok(());
    }
    let kind = kinds[number];
    let may_be_refused = {
        use Kind::{Count, CountAndSave, Rotate, SignIn, SignInAgain, WriteA, WriteB};
        matches!(kind, WriteA | WriteB | Count | CountAndSave | Rotate | SignIn | SignInAgain)
    };
    if answer.status != StatusCode::CONFLICT || !may_be_refused || !another_ended(number, kinds, answers) {
        return Err(format!("request {number} was refused without a reason"));
    }
    if answer.cookie != Cookie::Left {
        return Err(format!("request {number} was refused and its response speaks of a cookie"));
    }
    Ok(())
}

/// A renewal that found the session and was not made needs a reason.
fn check_renewal(
    number: usize,
    kinds: &[Kind],
    answer: &Answer,
    answers: &[Answer],
) -> Result<(), Unexplained> {
    let undone =
        kinds[number] == Kind::Renew && answer.body["found"] == true && answer.cookie == Cookie::Left;
    if undone && !another_ended(number, kinds, answers) {
        return Err(format!("request {number} did not renew the cookie, without a reason"));
    }
    Ok(())
}

/// Whether another request ended the session or gave it another cookie at once.
fn another_ended(number: usize, kinds: &[Kind], answers: &[Answer]) -> bool {
    use Kind::{Destroy, DestroyThenInsert, EndUser, Rotate, SignIn, SignInAgain};
    (0..kinds.len()).filter(|other| *other != number && is_done(&answers[*other])).any(|other| {
        matches!(kinds[other], Rotate | SignIn | SignInAgain | Destroy | DestroyThenInsert | EndUser)
    })
}

impl Model {
    fn first(kinds: &[Kind]) -> Self {
        let session = Session {
            alive: true,
            cookies: vec![FIRST],
            previous: None,
            user: Some(OWNER),
            data: json!({ "a": 0, "b": 0, "n": 0 }),
            moved: false,
        };
        let expired = kinds.iter().any(|kind| matches!(kind, Kind::Create | Kind::Sweep));
        Self { sessions: vec![session], expired }
    }

    /// The session that a cookie opens.
    fn open(&mut self, cookie: usize) -> Option<&mut Session> {
        self.sessions.iter_mut().find(|session| session.is_opened_by(cookie))
    }

    /// What the response says of the cookie to somebody who comes with the first one and changes no cookie.
    fn tell(&mut self, number: usize) -> Cookie {
        match self.open(FIRST) {
            Some(session) if session.previous == Some(FIRST) => {
                session.cookies.push(number + 1);
                Cookie::Set
            }
            _ => Cookie::Left,
        }
    }

    /// A request runs from its beginning to its end. What it was told decides two things that are open: whether one
    /// that ends the session found it, perhaps before a rotation did its work, and whether a sweep removed what another
    /// sweep or an ending may have had in hand.
    fn play(&mut self, number: usize, kind: Kind, told: &Answer) -> Answer {
        let mut body = json!({ "found": self.open(FIRST).is_some() });
        let mut cookie = Cookie::Left;
        let own = value(number as u64);
        match kind {
            Kind::Read | Kind::Touch => {
                let session = self.open(FIRST);
                let shown = session.as_deref().map_or((json!({}), None), |it| (it.data.clone(), it.user));
                (body["data"], body["user"]) = (shown.0, json!(shown.1));
                if let (Kind::Touch, Some(session)) = (kind, session) {
                    session.moved = true;
                }
                cookie = self.tell(number);
            }
            Kind::Renew => {
                if let Some(session) = self.open(FIRST)
                    && session.previous.is_none()
                    && told.cookie == Cookie::Set
                {
                    session.rename(number);
                    session.previous = Some(FIRST);
                    cookie = Cookie::Set;
                } else {
                    cookie = self.tell(number);
                }
            }
            Kind::WriteA => cookie = self.change(number, |data| data["a"] = json!(own)),
            Kind::WriteB => cookie = self.change(number, |data| data["b"] = json!(own)),
            Kind::Count | Kind::CountAndSave => {
                let mut count = 0;
                cookie = self.change(number, |data| {
                    count = data["n"].as_u64().unwrap_or(0) + 1;
                    data["n"] = json!(count);
                });
                if kind == Kind::CountAndSave {
                    body["n"] = json!(count);
                }
            }
            Kind::Rotate => {
                if let Some(session) = self.open(FIRST) {
                    session.rename(number);
                    cookie = Cookie::Set;
                }
            }
            Kind::SignIn | Kind::SignInAgain => {
                let user = if kind == Kind::SignIn { OTHER } else { OWNER };
                match self.open(FIRST) {
                    Some(session) => {
                        session.rename(number);
                        session.user = Some(user);
                    }
                    None => self.sessions.push(Session { user: Some(user), ..Session::stranger(number) }),
                }
                cookie = Cookie::Set;
            }
            Kind::Destroy | Kind::DestroyThenInsert => {
                // It may have been given another cookie since, or have ended: it is gone either way.
                if told.body["found"] == true {
                    self.sessions[FIRST].alive = false;
                    body = json!({ "found": true });
                    cookie = Cookie::Removed;
                }
                if kind == Kind::DestroyThenInsert {
                    self.sessions.push(Session { data: json!({ "a": own }), ..Session::stranger(number) });
                    cookie = Cookie::Set;
                }
            }
            Kind::Create => {
                self.sessions.push(Session { data: json!({ "a": own }), ..Session::stranger(number) });
                self.expired = false;
                body = json!({ "found": false });
                cookie = Cookie::Set;
            }
            Kind::Sweep => {
                let removed = self.expired && told.body != json!(0);
                self.expired &= !removed;
                body = json!(u64::from(removed));
            }
            Kind::EndUser => {
                let owned = self.sessions.iter_mut().filter(|it| it.alive && it.user == Some(OWNER));
                body = json!(owned.map(|session| session.alive = false).count());
            }
        }
        Answer { status: StatusCode::OK, body, cookie }
    }

    /// Writes into the session that the cookie opens, or into a new one.
    fn change(&mut self, number: usize, change: impl FnOnce(&mut Value)) -> Cookie {
        if let Some(session) = self.open(FIRST) {
            change(&mut session.data);
            session.moved = true;
            return self.tell(number);
        }
        let mut session = Session::stranger(number);
        change(&mut session.data);
        self.sessions.push(session);
        Cookie::Set
    }

    fn end(&self, requests: usize) -> End {
        let opened = (0..=requests).map(|cookie| {
            let session = self.sessions.iter().find(|session| session.is_opened_by(cookie));
            session.map(Session::shown)
        });
        let live = self.sessions.iter().filter(|session| session.alive).count();
        End { opened: opened.collect(), live: live as u64 }
    }
}

impl Session {
    /// What begins when a stranger writes.
    fn stranger(number: usize) -> Self {
        let cookies = vec![number + 1];
        Self { alive: true, cookies, previous: None, user: None, data: json!({}), moved: true }
    }

    fn is_opened_by(&self, cookie: usize) -> bool {
        self.alive && (self.cookies.contains(&cookie) || self.previous == Some(cookie))
    }

    fn rename(&mut self, number: usize) {
        self.cookies = vec![number + 1];
        self.previous = None;
        self.moved = true;
    }

    fn shown(&self) -> Value {
        json!({ "found": true, "data": self.data, "user": self.user, "moved": self.moved })
    }
}
