//! The session before a handler asks for it and after the handler has finished: what a framework deals with.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_lock::OnceCell;
use http::header::{CACHE_CONTROL, SET_COOKIE, VARY};
use http::{HeaderMap, HeaderValue, StatusCode};
use tracing::Instrument as _;

use super::Session;
use super::error::{LoadError, SaveError};
use super::inner::{Inner, lock};
use super::state::{Held, LastSave, Origin, State};
use crate::cookie::{CookiePrintError, Freshness, Presented};
use crate::error::StoreError;
use crate::event::{Event, Rejection};
use crate::id::{SessionId, StoreKey};
use crate::manager::ManagerState;
use crate::plan::{CookieStep, Response, Shown, Usage};
use crate::policy::{Activity, LoadFailure, ServerErrorPolicy};
use crate::rotation::Reuse;
use crate::store::{Loaded, Store, Stored};
use crate::verifier::Standing;

/// A session that is loaded when somebody asks for it, and not before.
///
/// A framework makes one per request with [`SessionManager::begin`](crate::SessionManager::begin), puts it where
/// handlers find it, and calls [`LazySession::finish`] when the response is ready. Clones are handles to the same
/// session.
#[derive(Clone)]
pub struct LazySession {
    inner: Arc<LazyInner>,
}

struct LazyInner {
    manager: Arc<ManagerState>,
    presented: Presented,
    /// From where the request comes, where the framework knows.
    client: Option<IpAddr>,
    session: OnceCell<Session>,
    /// Whether the response was made ready, so that a session loaded afterwards cannot send a cookie either.
    finished: AtomicBool,
}

impl LazySession {
    pub(crate) fn new(manager: Arc<ManagerState>, presented: Presented, client: Option<IpAddr>) -> Self {
        Self {
            inner: Arc::new(LazyInner {
                manager,
                presented,
                client,
                session: OnceCell::new(),
                finished: AtomicBool::new(false),
            }),
        }
    }

    /// Loads the session, once per request however many callers ask, and gives a handle to it.
    ///
    /// A request without a believable cookie gets an empty session and the store is not asked.
    ///
    /// # Errors
    /// When the store fails and the policy says to refuse. Asking again tries again.
    ///
    /// After [`LazySession::finish`] a session can still be loaded, but no new one can be stored.
    ///
    /// # Cancel safety
    /// A dropped load has no effect.
    pub async fn load(&self) -> Result<Session, LoadError> {
        let session = self.loaded().await?;
        lock(&session.inner.state).usage = Usage::Used;
        Ok(session)
    }

    /// How much time the session has left, or `None` for a visitor without one. Asking is no activity, so that a page can
    /// warn of the end without putting it off (NIST SP 800-63B-4 section 5.2), unless the policy counts every cookie
    /// ([`Activity::Cookie`]).
    ///
    /// # Errors
    /// As for [`LazySession::load`].
    ///
    /// # Cancel safety
    /// A dropped look has no effect.
    pub async fn time_left(&self) -> Result<Option<TimeLeft>, LoadError> {
        let session = self.loaded().await?;
        let now = self.inner.manager.now();
        let mut state = lock(&session.inner.state);
        if state.usage == Usage::Ignored {
            state.usage = Usage::Looked;
        }
        Ok(state.held().map(|held| TimeLeft {
            unless_used: held.record.expires.since(now),
            at_most: held.record.deadline.map(|deadline| deadline.since(now)),
        }))
    }

    /// Stores what the handler did and says what the response must carry. The store has answered when this returns,
    /// so a client that follows a redirect finds what was written.
    ///
    /// `status` is the handler's own; a policy may drop changes when it is a server error.
    ///
    /// # Errors
    /// When the changes were not stored. The framework then answers with [`SaveError::status`] instead of with the
    /// handler's response, which claims what did not happen.
    ///
    /// # Cancel safety
    /// As for [`Session::save`]. A request that is dropped here gives its client no answer either.
    pub async fn finish(&self, status: StatusCode) -> Result<Finished, SaveError> {
        if self.inner.session.get().is_none() && self.inner.manager.policy.activity == Activity::Cookie {
            // Activity alone is not worth an error: a handler that never asked for the session can answer without it.
            let _ = self.loaded().await;
        }
        // Before looking for the session: one that is loaded from here on sees it.
        self.inner.finished.store(true, Ordering::SeqCst);
        let Some(session) = self.inner.session.get() else { return Ok(Finished::untouched()) };
        let inner = &session.inner;
        let last_save = lock(&inner.state).last_save;
        let unsaved = match (status.is_server_error(), last_save) {
            (true, LastSave::Fine) => inner.manager.policy.on_server_error,
            // A client that is told to try again would otherwise have its request carried out twice.
            (true, LastSave::Failed) => ServerErrorPolicy::Discard,
            (false, _) => ServerErrorPolicy::Save,
        };
        let closed = inner.close(unsaved).instrument(tracing::debug_span!("session_save")).await;
        if closed.is_err() {
            lock(&inner.state).last_save = LastSave::Failed;
        }
        closed?;
        Ok(inner.carried()?)
    }

    /// What the error response must carry after a failed [`LazySession::finish`].
    ///
    /// Usually nothing. When an earlier [`Session::save`] of the same request had changed the id, the old one is dead,
    /// so the browser must hear of the new one although the rest of the request failed.
    pub fn committed(&self) -> Finished {
        let Some(session) = self.inner.session.get() else { return Finished::untouched() };
        lock(&session.inner.state).response = Response::Sent;
        // Without a cookie the visitor is signed out, which an error response may do and a panic may not.
        session.inner.carried().unwrap_or_else(|_| Finished::untouched())
    }

    async fn loaded(&self) -> Result<Session, LoadError> {
        let load = self.inner.session.get_or_try_init(|| self.inner.open());
        let session = load.instrument(tracing::debug_span!("session_load")).await?.clone();
        if self.inner.finished.load(Ordering::SeqCst) {
            lock(&session.inner.state).response = Response::Sent;
        }
        Ok(session)
    }
}

impl fmt::Debug for LazySession {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("LazySession")
            .field("session", &self.inner.session.get())
            .finish_non_exhaustive()
    }
}

impl Inner {
    /// Takes what the browser has yet to be told.
    fn carried(&self) -> Result<Finished, CookiePrintError> {
        let mut state = lock(&self.state);
        let access = match state.usage {
            Usage::Used | Usage::Looked => Access::Used,
            Usage::Ignored => Access::Ignored,
        };
        let cookie = std::mem::replace(&mut state.cookie, CookieStep::Leave);
        let id = state.held().and_then(|held| self.manager.current_id(held));
        let ended_elsewhere = matches!(state.origin, Origin::Ended);
        drop(state);
        let set_cookie = match (cookie, id) {
            (CookieStep::Set(expiration), Some(id)) => {
                Some(self.manager.cookie.set(&id, expiration, &*self.manager.random)?)
            }
            (CookieStep::Remove, _) if !ended_elsewhere => Some(self.manager.cookie.removal()),
            (CookieStep::Leave | CookieStep::Set(_) | CookieStep::Remove, _) => None,
        };
        Ok(Finished { set_cookie, access })
    }
}

impl LazyInner {
    async fn open(&self) -> Result<Session, LoadError> {
        let manager = &self.manager;
        let (origin, freshness, store) = match &self.presented {
            Presented::Nothing => (Origin::Nothing, Freshness::Current, Arc::clone(&manager.store)),
            Presented::Refused(rejection) => {
                manager.notify(&Event::Rejected(*rejection));
                (Origin::Nothing, Freshness::Current, Arc::clone(&manager.store))
            }
            Presented::Id { id, freshness } => {
                let key = manager.key(id);
                let (found, store) = self.find(&key).await?;
                let origin = match self.origin(found, id, key) {
                    Recognised::As(origin) => self.of_this_epoch(origin, &*store).await?,
                    Recognised::Reused(key) => {
                        self.reused(&*store, &key).await?;
                        Origin::Nothing
                    }
                };
                (origin, *freshness, store)
            }
        };
        let state = State::new(origin, freshness, store, &manager.policy, manager.now());
        Ok(Session { inner: Arc::new(Inner::new(Arc::clone(manager), state)) })
    }

    /// Asks the store, and on failure whatever the policy names.
    async fn find(&self, key: &StoreKey) -> Result<(Found, Arc<dyn Store>), LoadError> {
        let manager = &self.manager;
        let error = match manager.store.load(key, manager.now()).await {
            Ok(loaded) => return Ok((Found::Answer(loaded), Arc::clone(&manager.store))),
            Err(error) => error,
        };
        manager.notify(&Event::StoreFailed(&error));
        match &manager.policy.on_load_failure {
            LoadFailure::Refuse { retry_after } => Err(refused(error, *retry_after)),
            LoadFailure::Anonymous => Ok((Found::NoAnswer, Arc::clone(&manager.store))),
            LoadFailure::Fallback(fallback) => match fallback.load(key, manager.now()).await {
                Ok(loaded) => Ok((Found::Answer(loaded), Arc::clone(fallback))),
                Err(error) => {
                    manager.notify(&Event::StoreFailed(&error));
                    Err(refused(error, manager.retry_after()))
                }
            },
        }
    }

    fn origin(&self, found: Found, id: &SessionId, key: StoreKey) -> Recognised {
        let manager = &self.manager;
        let now = manager.now();
        let origin = match found {
            // The store has said so already; asking again costs one comparison and guards law 6 against any store.
            Found::Answer(Loaded::Live(stored)) if stored.record.is_live(now) => {
                let (id, shown) = match stored.record.verifier.standing(manager.cookie.name(), id, now) {
                    Standing::Current => (id.clone(), Shown::Yes),
                    Standing::Previous(current) => (current.unwrap_or_else(|| id.clone()), Shown::No),
                    Standing::Superseded => {
                        manager.notify(&Event::Rejected(Rejection::Superseded));
                        manager.unknown(id, self.client);
                        return Recognised::As(Origin::Nothing);
                    }
                    Standing::Reused => return Recognised::Reused(key),
                };
                manager.notify(&Event::Loaded);
                let Stored { record, version } = stored;
                Origin::Stored(Held { id, shown, key, record: Arc::new(record), version })
            }
            Found::Answer(Loaded::Live(_) | Loaded::Expired) => {
                manager.notify(&Event::Expired);
                Origin::Nothing
            }
            Found::Answer(Loaded::Absent) => {
                manager.notify(&Event::Rejected(Rejection::Unknown));
                manager.unknown(id, self.client);
                Origin::Nothing
            }
            Found::NoAnswer => Origin::Detached,
        };
        Recognised::As(origin)
    }

    /// The session, unless everybody was signed out since its user signed in. When nobody can say, it is not let in.
    async fn of_this_epoch(&self, origin: Origin, store: &dyn Store) -> Result<Origin, LoadError> {
        let Origin::Stored(Held { record, .. }) = &origin else { return Ok(origin) };
        let Some(authentication) = &record.authentication else { return Ok(origin) };
        let (manager, now) = (&self.manager, self.manager.now());
        let (age, known) = (manager.policy.epoch_age.0, authentication.epoch);
        let epoch = manager.epoch.within(age, known, store, now).await.map_err(|error| {
            manager.notify(&Event::StoreFailed(&error));
            refused(error, manager.retry_after())
        })?;
        if authentication.epoch == epoch {
            return Ok(origin);
        }
        manager.notify(&Event::Rejected(Rejection::SignedOut));
        Ok(Origin::Nothing)
    }

    /// Somebody shows an id whose successor the browser has shown already.
    async fn reused(&self, store: &dyn Store, key: &StoreKey) -> Result<(), LoadError> {
        let manager = &self.manager;
        manager.notify(&Event::Reused);
        match manager.policy.rotation.map(|rotation| rotation.reuse) {
            Some(Reuse::End) => {}
            Some(Reuse::Report) | None => return Ok(()),
        }
        store.delete(key).await.map_err(|error| {
            manager.notify(&Event::StoreFailed(&error));
            refused(error, manager.retry_after())
        })?;
        manager.notify(&Event::Destroyed);
        Ok(())
    }
}

/// What the id of a request turned out to be.
#[allow(clippy::large_enum_variant, reason = "nearly every id is that of a session, or of none")]
enum Recognised {
    As(Origin),
    /// The id of the session under this key before the one that its browser has shown.
    Reused(StoreKey),
}

#[allow(clippy::large_enum_variant, reason = "an answer is what nearly every load gets")]
enum Found {
    Answer(Loaded),
    NoAnswer,
}

const fn refused(source: StoreError, retry_after: Duration) -> LoadError {
    LoadError::Store { source, retry_after }
}

/// How much time a session has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeLeft {
    /// Until it ends unless it is used before. Touches are throttled, so activity may have given it a little more.
    pub unless_used: Duration,
    /// Until it ends however busy it is, if it has an absolute limit.
    pub at_most: Option<Duration>,
}

/// What a response must carry.
#[derive(Clone, Debug)]
#[must_use = "the response must carry it: call Finished::apply with its headers"]
pub struct Finished {
    set_cookie: Option<HeaderValue>,
    access: Access,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    Ignored,
    Used,
}

impl Finished {
    const fn untouched() -> Self {
        Self { set_cookie: None, access: Access::Ignored }
    }

    /// The session's `Set-Cookie`, if there is one, for frameworks with header types of their own.
    pub const fn set_cookie(&self) -> Option<&HeaderValue> {
        self.set_cookie.as_ref()
    }

    /// Whether the response depends on the cookie, so that it needs `Vary: Cookie`.
    pub fn varies(&self) -> bool {
        self.access == Access::Used || self.set_cookie.is_some()
    }

    /// Puts the headers on a response.
    ///
    /// `Set-Cookie` is appended, so that other cookies stay (on-headers' CVE-2025-7339). A response to which the
    /// session mattered varies by `Cookie` (Flask's CVE-2023-30861). One that sets the cookie is never stored by a
    /// cache (ASVS 14.3.2): it gets `Cache-Control: no-store` unless it is `no-store` or `private` already.
    pub fn apply(&self, headers: &mut HeaderMap) {
        if self.varies() && !lists(headers, &VARY, &["cookie", "*"]) {
            headers.append(VARY, HeaderValue::from_static("Cookie"));
        }
        if let Some(set_cookie) = &self.set_cookie {
            headers.append(SET_COOKIE, set_cookie.clone());
            if !lists(headers, &CACHE_CONTROL, &["no-store", "private"]) {
                headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            }
        }
    }
}

/// Whether one of `tokens` is a member of the header's comma-separated lists, in any case.
fn lists(headers: &HeaderMap, name: &http::HeaderName, tokens: &[&str]) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|member| tokens.iter().any(|token| member.trim().eq_ignore_ascii_case(token)))
}
