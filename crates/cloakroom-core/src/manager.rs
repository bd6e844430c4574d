//! Everything that sessions share: store, policy, cookie, clock, random source and observer.

use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;

use crate::clock::{Clock, SystemClock, Timestamp};
use crate::cookie::{CookieConfig, CookieConfigError, SessionCookie};
use crate::epoch::Epoch;
use crate::error::StoreError;
use crate::event::{Event, Observer};
use crate::id::{SALT_BYTES, SessionId, StoreKey};
use crate::lifetime::Lifetime;
use crate::plan::PreviousId;
use crate::policy::{LoadFailure, Policy};
use crate::random::{Random, RandomError, SystemRandom};
use crate::record::Data;
use crate::report::{Pace, Reported};
use crate::session::{Held, LazySession, SaveError};
use crate::store::Store;
use crate::verifier::Verifier;
use crate::watch::{Watch, network};

/// The application's sessions: one for each cookie, shared by all requests.
///
/// A framework needs three hooks: [`SessionManager::begin`] with the request's headers, [`LazySession`] where the
/// handler finds it, and [`LazySession::finish`] when the response is ready.
///
/// ```
/// use cloakroom_core::{CookieConfig, MemoryStore, Policy, SessionManager};
///
/// let manager = SessionManager::builder(MemoryStore::default())
///     .cookie(CookieConfig::new("__Host-shop"))
///     .policy(Policy::default())
///     .build()?;
/// # let _ = manager;
/// # Ok::<(), cloakroom_core::CookieConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct SessionManager {
    inner: Arc<ManagerState>,
}

/// What the sessions of one manager share.
#[derive(Debug)]
pub(crate) struct ManagerState {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) policy: Policy,
    pub(crate) cookie: SessionCookie,
    pub(crate) random: Arc<dyn Random>,
    clock: Arc<dyn Clock>,
    observer: Option<Arc<dyn Observer>>,
    undecodable: Pace,
    observer_panicked: Pace,
    changes_dropped: Pace,
    watch: Watch,
    pub(crate) epoch: Epoch,
}

impl SessionManager {
    /// Begins to put a manager together. Everything but the store has a default.
    pub fn builder(store: impl Store) -> SessionManagerBuilder {
        SessionManagerBuilder {
            store: Arc::new(store),
            policy: Policy::default(),
            cookie: CookieConfig::default(),
            random: Arc::new(SystemRandom),
            clock: Arc::new(SystemClock),
            observer: None,
        }
    }

    /// The session of the request with these headers. Reads the cookie and does nothing else.
    pub fn begin(&self, headers: &HeaderMap) -> LazySession {
        LazySession::new(Arc::clone(&self.inner), self.inner.cookie.read(headers), None)
    }

    /// The same for a request whose client's address is known, so that somebody who tries ids is noticed; see
    /// [`Policy::guessing`].
    ///
    /// Behind a proxy the peer's address is the proxy's. Take the client's from the header that your proxy sets, and
    /// from no other: a client can send any.
    pub fn begin_from(&self, headers: &HeaderMap, client: IpAddr) -> LazySession {
        LazySession::new(Arc::clone(&self.inner), self.inner.cookie.read(headers), Some(client))
    }

    /// The store, for listing, counting, ending and sweeping.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.inner.store
    }

    /// Ends every session in which somebody has signed in by [`Session::sign_in`](crate::Session::sign_in), at the cost
    /// of one write however many there are (ASVS 7.4.5). Sign-ins that are under way come too late as well. Visitors who
    /// are not signed in keep their sessions; to end all of them use [`Store::end`].
    ///
    /// Other processes notice within [`Policy::epoch_age`], this one at once. The rows go when they would have expired.
    /// Returns how often this was done so far.
    ///
    /// # Errors
    /// When the store fails; then ask again.
    ///
    /// # Cancel safety
    /// Everybody is signed out or nobody is.
    pub async fn sign_everybody_out(&self) -> Result<u64, StoreError> {
        self.inner.epoch.advance(&*self.inner.store, self.now()).await
    }

    /// How often everybody was signed out, as the store has it now: what a new
    /// [`Authentication`](crate::Authentication) records.
    ///
    /// # Errors
    /// When the store fails.
    ///
    /// # Cancel safety
    /// Nothing is changed.
    pub async fn epoch(&self) -> Result<u64, StoreError> {
        self.inner.epoch.read(&*self.inner.store, self.now()).await
    }

    /// The lifetime that the policy gives to a session with this data.
    pub fn lifetime_of(&self, data: &Data) -> Lifetime {
        let policy = &self.inner.policy;
        policy.lifetime_function().map_or_else(|| policy.usual_lifetime(), |decide| decide(data))
    }

    /// The random source, for what is made beside sessions.
    pub fn random(&self) -> &Arc<dyn Random> {
        &self.inner.random
    }

    /// The name of the cookie.
    pub fn cookie_name(&self) -> &str {
        self.inner.cookie.name()
    }

    /// The key in the store that an id has under this manager's cookie.
    pub fn key(&self, id: &SessionId) -> StoreKey {
        self.inner.key(id)
    }

    /// The current instant by the manager's clock.
    pub fn now(&self) -> Timestamp {
        self.inner.now()
    }
}

/// Puts a [`SessionManager`] together.
#[derive(Debug)]
#[must_use = "nothing happens until build is called"]
pub struct SessionManagerBuilder {
    store: Arc<dyn Store>,
    policy: Policy,
    cookie: CookieConfig,
    random: Arc<dyn Random>,
    clock: Arc<dyn Clock>,
    observer: Option<Arc<dyn Observer>>,
}

impl SessionManagerBuilder {
    /// The cookie. Default: [`CookieConfig::default`].
    pub fn cookie(self, cookie: CookieConfig) -> Self {
        Self { cookie, ..self }
    }

    /// The policy. Default: [`Policy::default`].
    pub fn policy(self, policy: Policy) -> Self {
        Self { policy, ..self }
    }

    /// The clock. Default: [`SystemClock`].
    pub fn clock(self, clock: impl Clock) -> Self {
        Self { clock: Arc::new(clock), ..self }
    }

    /// The random source. Default: [`SystemRandom`].
    pub fn random(self, random: impl Random) -> Self {
        Self { random: Arc::new(random), ..self }
    }

    /// Who is told of every event. Default: nobody but `tracing`.
    pub fn observer(self, observer: impl Observer) -> Self {
        Self { observer: Some(Arc::new(observer)), ..self }
    }

    /// Checks the configuration.
    ///
    /// # Errors
    /// When the cookie's attributes contradict each other or no browser would keep it, at start-up rather than at the
    /// first visitor.
    pub fn build(self) -> Result<SessionManager, CookieConfigError> {
        let Self { store, mut policy, cookie, random, clock, observer } = self;
        let cookie = cookie.build()?;
        let epoch = Epoch::new(cookie.name());
        let reported = |store| Arc::new(Reported::new(store, Arc::clone(&clock))) as Arc<dyn Store>;
        let store = reported(store);
        if let LoadFailure::Fallback(fallback) = &mut policy.on_load_failure {
            *fallback = reported(Arc::clone(fallback));
        }
        Ok(SessionManager {
            inner: Arc::new(ManagerState {
                store,
                policy,
                cookie,
                random,
                clock,
                observer,
                undecodable: Pace::default(),
                observer_panicked: Pace::default(),
                changes_dropped: Pace::default(),
                watch: Watch::default(),
                epoch,
            }),
        })
    }
}

impl ManagerState {
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn key(&self, id: &SessionId) -> StoreKey {
        StoreKey::native(self.cookie.name(), id)
    }

    /// The id of a new session, its key, and the verifier that accepts it.
    pub(crate) fn new_id(&self, now: Timestamp) -> Result<(SessionId, StoreKey, Verifier), RandomError> {
        let id = SessionId::generate(&*self.random)?;
        let key = self.key(&id);
        let verifier = Verifier::issue(self.cookie.name(), &id, now);
        Ok((id, key, verifier))
    }

    /// The id that a browser must have to open the session, if this request knows it.
    pub(crate) fn current_id(&self, held: &Held) -> Option<SessionId> {
        held.record.verifier.accepts(self.cookie.name(), &held.id).then(|| held.id.clone())
    }

    /// The id that takes the place of `held`'s, and the verifier that accepts it.
    pub(crate) fn next_id(
        &self,
        held: &Held,
        previous: PreviousId,
        now: Timestamp,
    ) -> Result<(SessionId, Verifier), RandomError> {
        let name = self.cookie.name();
        Ok(match (previous, &self.policy.rotation) {
            (PreviousId::Lingers, Some(rotation)) => {
                let mut salt = [0; SALT_BYTES];
                self.random.fill(&mut salt)?;
                let id = held.id.successor(&salt);
                let until = rotation.grace_from(now);
                let verifier = held.record.verifier.succeeded((name, &id), salt, now, until);
                (id, verifier)
            }
            (PreviousId::Dies | PreviousId::Lingers, _) => {
                let id = held.id.with_secret_of(&SessionId::generate(&*self.random)?);
                let verifier = Verifier::issue(name, &id, now);
                (id, verifier)
            }
        })
    }

    pub(crate) fn retry_after(&self) -> Duration {
        match self.policy.on_load_failure {
            LoadFailure::Refuse { retry_after } => retry_after,
            LoadFailure::Anonymous | LoadFailure::Fallback(_) => Duration::from_secs(5),
        }
    }

    pub(crate) fn save_error(&self, source: StoreError) -> SaveError {
        SaveError::Store { source, retry_after: self.retry_after() }
    }

    /// Tells the log that a request's changes go nowhere, as its policy says.
    pub(crate) fn changes_dropped(&self) {
        if let Some(requests) = self.changes_dropped.count(self.now()) {
            tracing::warn!(
                requests,
                "changes to sessions are dropped, because the store could not be asked for them"
            );
        }
    }

    /// Takes note of an id that names no session.
    pub(crate) fn unknown(&self, id: &SessionId, client: Option<IpAddr>) {
        let Some(client) = client else { return };
        if let Some(ids) = self.watch.unknown(self.policy.guessing, client, id, self.now()) {
            self.notify(&Event::Guessing { address: network(client), ids });
        }
    }

    /// Tells the log and the observer. A panicking observer is reported and stops nothing.
    ///
    /// What may happen on every request for hours is told to the log once a minute, and to the observer every time. A
    /// store's failures reach the log through [`Reported`].
    pub(crate) fn notify(&self, event: &Event<'_>) {
        match event {
            Event::Rejected(reason) => tracing::info!(?reason, "session cookie not accepted"),
            Event::Undecodable { .. } => {
                if let Some(times) = self.undecodable.count(self.now()) {
                    tracing::warn!(times, "a value of a session no longer decodes");
                }
            }
            Event::StoreFailed(_) => {}
            Event::Conflict { attempt } => {
                tracing::debug!(attempt, "session written by another request first");
            }
            Event::Reused => {
                tracing::warn!("a replaced session id was used again: somebody may hold a copy of a cookie");
            }
            Event::Guessing { address, ids } => {
                tracing::warn!(%address, ids, "many session ids that name no session came from one address");
            }
            Event::Gone => tracing::debug!("session ended during the request"),
            Event::Created
            | Event::Loaded
            | Event::Saved
            | Event::Touched
            | Event::Rotated
            | Event::Destroyed
            | Event::Expired => tracing::debug!(?event, "session"),
        }
        if let Some(observer) = &self.observer
            && catch_unwind(AssertUnwindSafe(|| observer.observe(event))).is_err()
            && let Some(times) = self.observer_panicked.count(self.now())
        {
            tracing::error!(times, "the session observer panicked; no session is affected");
        }
    }
}
