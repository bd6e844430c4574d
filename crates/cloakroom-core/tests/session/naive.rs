//! What sessions are, said as plainly as possible.

use std::collections::HashMap;

use cloakroom_core::Data;

pub(crate) const MINUTE_MS: i64 = 60_000;
/// Idle limit, absolute limit (milliseconds), and whether the browser keeps the cookie.
pub(crate) const LIFETIMES: [(Option<i64>, Option<i64>, bool); 3] = [
    (Some(10 * MINUTE_MS), Some(60 * MINUTE_MS), false),
    (Some(30 * MINUTE_MS), None, true),
    (None, Some(20 * MINUTE_MS), true),
];

#[derive(Clone, Debug)]
pub(crate) enum Call {
    Insert(u8, u8),
    Remove(u8),
    Update(u8),
    Clear,
    Rotate,
    Destroy,
    SetUser(u8),
    ClearUser,
    SignIn(u8, Entry),
    Renew(usize),
    Save,
    Reload,
    Wait(u8),
}

/// What a sign-in meets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Entry {
    Open,
    /// All sessions of the user were ended since it began.
    Superseded,
    /// There may be one session, and the others make room.
    Only,
    /// There may be one session, and whoever comes second is refused.
    First,
}

/// A session as the model keeps it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Kept {
    pub(crate) data: Data,
    pub(crate) user: Option<u8>,
    /// When the user signed in, if that was recorded.
    pub(crate) signed_in: Option<i64>,
    pub(crate) seen: i64,
    pub(crate) deadline: Option<i64>,
    pub(crate) kind: usize,
}

impl Kept {
    pub(crate) fn new(now: i64) -> Self {
        let mut kept =
            Self { data: Data::new(), user: None, signed_in: None, seen: now, deadline: None, kind: 0 };
        kept.restart(now);
        kept
    }

    pub(crate) fn restart(&mut self, now: i64) {
        self.deadline = LIFETIMES[self.kind].1.map(|limit| now + limit);
    }

    pub(crate) fn expires(&self) -> i64 {
        let idle = LIFETIMES[self.kind].0.map_or(i64::MAX, |limit| self.seen + limit);
        idle.min(self.deadline.unwrap_or(i64::MAX))
    }

    pub(crate) fn is_blank(&self) -> bool {
        self.data.is_empty() && self.user.is_none()
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    pub(crate) now: i64,
    pub(crate) sessions: HashMap<usize, Kept>,
    pub(crate) made: usize,
    /// What each browser holds: a session and until when.
    pub(crate) browsers: [Option<(usize, i64)>; 3],
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Stored {
    Nothing,
    At(usize),
    Ended,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Wish {
    Stay,
    Move,
    End,
}

/// What the browser is told: nothing, to keep the cookie for so many seconds, or to remove it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Told {
    Nothing,
    Keep(i64),
    Remove,
}

/// One request in the model.
pub(crate) struct Work {
    pub(crate) arrived: bool,
    pub(crate) stored: Stored,
    /// The session as this request last saw it stored.
    pub(crate) seen: Kept,
    pub(crate) wanted: Kept,
    pub(crate) wish: Wish,
    /// Whether anything was asked for since the session ended.
    pub(crate) touched: bool,
    pub(crate) cookie: Told,
}

impl Work {
    fn belong_to(&mut self, user: u8, signed_in: Option<i64>, now: i64) {
        (self.wanted.user, self.wanted.signed_in) = (Some(user), signed_in);
        self.wanted.restart(now);
        if self.wish == Wish::Stay {
            self.wish = Wish::Move;
        }
    }
}

/// What was done is not stored, and the handler was told.
pub(crate) struct Gone;

impl Model {
    pub(crate) fn live(&self, id: usize) -> Option<&Kept> {
        self.sessions.get(&id).filter(|kept| self.now < kept.expires())
    }

    pub(crate) fn begin(&self, visitor: usize) -> Work {
        let held = self.browsers[visitor].filter(|(_, until)| self.now < *until).map(|(id, _)| id);
        let stored = held.filter(|id| self.live(*id).is_some());
        let wanted = stored.and_then(|id| self.live(id).cloned()).unwrap_or_else(|| Kept::new(self.now));
        Work {
            arrived: stored.is_some(),
            seen: wanted.clone(),
            wanted,
            stored: stored.map_or(Stored::Nothing, Stored::At),
            wish: Wish::Stay,
            touched: false,
            cookie: Told::Nothing,
        }
    }

    pub(crate) fn call(&mut self, work: &mut Work, call: &Call) -> Result<(), Gone> {
        let key = |key: &u8| format!("k{key}");
        let now = self.now;
        work.touched |= match call {
            Call::Rotate | Call::Destroy | Call::Save | Call::Reload | Call::Wait(_) => false,
            Call::Remove(name) => work.wanted.data.contains_key(&key(name)),
            _ => true,
        };
        match call {
            Call::Insert(name, value) => drop(work.wanted.data.insert(key(name), (*value).into())),
            Call::Remove(name) => drop(work.wanted.data.shift_remove(&key(name))),
            Call::Update(name) => {
                let old = work.wanted.data.get(&key(name)).and_then(serde_json::Value::as_i64).unwrap_or(0);
                work.wanted.data.insert(key(name), (old + 1).into());
            }
            Call::Clear => work.wanted.data.clear(),
            Call::Rotate if work.wish == Wish::Stay => work.wish = Wish::Move,
            Call::Rotate => {}
            Call::Destroy => {
                work.wish = Wish::End;
                work.wanted = Kept::new(now);
                work.touched = false;
                if work.stored == Stored::Ended {
                    work.stored = Stored::Nothing;
                }
            }
            Call::SetUser(user) => work.belong_to(*user, None, now),
            Call::ClearUser => (work.wanted.user, work.wanted.signed_in) = (None, None),
            Call::SignIn(user, entry) => {
                work.belong_to(*user, Some(now), now);
                self.sign_in(work, *user, *entry)?;
            }
            Call::Renew(kind) => {
                work.wanted.kind = *kind;
                work.wanted.restart(now);
            }
            Call::Wait(minutes) => self.now += i64::from(*minutes) * MINUTE_MS,
            Call::Save => self.commit(work)?,
            Call::Reload => match work.stored {
                Stored::Ended => return Err(Gone),
                Stored::At(id) if self.live(id).is_none() => {
                    self.end(work);
                    return Err(Gone);
                }
                Stored::At(_) | Stored::Nothing => {}
            },
        }
        Ok(())
    }

    fn sign_in(&mut self, work: &mut Work, user: u8, entry: Entry) -> Result<(), Gone> {
        if work.stored == Stored::Ended {
            return self.commit(work);
        }
        let own = |id: usize| work.stored == Stored::At(id);
        let others: Vec<usize> = self.sessions.keys().copied().filter(|id| !own(*id)).collect();
        let others =
            others.into_iter().filter(|id| self.live(*id).is_some_and(|kept| kept.user == Some(user)));
        let others: Vec<usize> = others.collect();
        if entry == Entry::Superseded || entry == Entry::First && !others.is_empty() {
            work.wanted = match work.stored {
                Stored::At(_) => work.seen.clone(),
                Stored::Nothing | Stored::Ended => Kept::new(self.now),
            };
            (work.wish, work.touched) = (Wish::Stay, false);
            return Err(Gone);
        }
        self.commit(work)?;
        if entry == Entry::Only {
            self.sessions.retain(|id, _| !others.contains(id));
        }
        Ok(())
    }

    pub(crate) fn end(&self, work: &mut Work) {
        work.stored = Stored::Ended;
        work.wanted = Kept::new(self.now);
        work.wish = Wish::Stay;
        work.touched = false;
    }

    pub(crate) fn commit(&mut self, work: &mut Work) -> Result<(), Gone> {
        let id = match work.stored {
            Stored::Ended if work.touched => {
                self.end(work);
                return Err(Gone);
            }
            Stored::Ended => return Ok(()),
            Stored::Nothing if work.wanted.is_blank() => return Ok(()),
            Stored::Nothing => {
                self.make(work);
                return Ok(());
            }
            Stored::At(id) => id,
        };
        if work.wish == Wish::End && work.wanted.is_blank() {
            self.sessions.remove(&id);
            (work.stored, work.wish) = (Stored::Nothing, Wish::Stay);
            work.cookie = if work.arrived { Told::Remove } else { Told::Nothing };
            return Ok(());
        }
        let alive = self.live(id).is_some();
        if !alive && work.wish == Wish::End {
            work.stored = Stored::Nothing;
            self.make(work);
            return Ok(());
        }
        let before = work.seen.clone();
        let limits_changed = (work.wanted.kind, work.wanted.deadline) != (before.kind, before.deadline);
        let moved = Kept { seen: work.wanted.seen.max(self.now), ..work.wanted.clone() };
        let changed = limits_changed || work.wanted.data != before.data;
        let renames = work.wish != Wish::Stay || work.wanted.user != before.user;
        if !changed && !renames && moved.expires() == before.expires() {
            return Ok(());
        }
        if !alive {
            self.end(work);
            // A mere sign of life that comes too late is no error.
            return if changed || renames { Err(Gone) } else { Ok(()) };
        }
        if renames {
            self.sessions.remove(&id);
            self.make(work);
            return Ok(());
        }
        (work.wanted, work.seen) = (moved.clone(), moved.clone());
        self.sessions.insert(id, moved);
        let cookie_moves = LIFETIMES[work.wanted.kind].2 && work.wanted.expires() != before.expires();
        if limits_changed || cookie_moves {
            work.cookie = self.until(&work.wanted);
        }
        Ok(())
    }

    pub(crate) fn make(&mut self, work: &mut Work) {
        self.made += 1;
        work.wanted.seen = work.wanted.seen.max(self.now);
        self.sessions.insert(self.made, work.wanted.clone());
        work.cookie = self.until(&work.wanted);
        work.seen = work.wanted.clone();
        (work.stored, work.wish) = (Stored::At(self.made), Wish::Stay);
    }

    /// How long the browser is told to keep the cookie, in whole seconds.
    pub(crate) fn until(&self, kept: &Kept) -> Told {
        Told::Keep(if LIFETIMES[kept.kind].2 { (kept.expires() - self.now) / 1_000 } else { i64::MAX })
    }

    pub(crate) fn finish(&mut self, visitor: usize, work: &mut Work) -> Result<(), Gone> {
        self.commit(work)?;
        match (work.cookie, work.stored) {
            (Told::Keep(seconds), Stored::At(id)) => {
                let until = seconds.checked_mul(1_000).map_or(i64::MAX, |millis| self.now + millis);
                self.browsers[visitor] = Some((id, until));
            }
            (Told::Remove, Stored::Nothing) => self.browsers[visitor] = None,
            _ => {}
        }
        Ok(())
    }
}
