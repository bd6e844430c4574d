//! The application's sign-in: what all requests share.

use std::fmt;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use cloakroom_core::{LazySession, Lifetime, SessionLimit, SessionManager, StoreError, Summary, UserId};
use http::HeaderMap;

use crate::attempts::{Attempts, Limits};
use crate::device::Addresses;
use crate::event::{AuthEvent, AuthObserver, EndedBy};
use crate::history::{self, History};
use crate::sessions::UserSessions;
use crate::user::{AnyUsers, User, Users};
use crate::visit::Visit;

/// How users sign in and what they may do with their sessions: one for each [`SessionManager`], shared by all requests.
/// Clones are handles to the same.
///
/// A framework makes a [`Visit`] of it for each request.
///
/// Two cookies, such as one of customers and one of staff, may share a table only if an id of a user means the same
/// person under both: sessions are listed, limited and ended by the user's id alone. Otherwise give each a table.
pub struct Auth<U> {
    pub(crate) inner: Arc<Inner<U>>,
}

pub(crate) struct Inner<U> {
    pub(crate) manager: SessionManager,
    pub(crate) users: Box<dyn AnyUsers<U>>,
    pub(crate) lifetime: Option<Lifetime>,
    pub(crate) remembered: Lifetime,
    pub(crate) limit: Option<SessionLimit>,
    pub(crate) history: History,
    pub(crate) addresses: Addresses,
    pub(crate) attempts: Option<Attempts>,
    observer: Option<Arc<dyn AuthObserver>>,
}

impl<U: User> Auth<U> {
    /// Begins to put it together: whose sessions, and where users are found. All else has a default.
    pub fn builder(manager: SessionManager, users: impl Users<U>) -> AuthBuilder<U> {
        AuthBuilder {
            inner: Inner {
                manager,
                users: Box::new(users),
                lifetime: None,
                remembered: AuthBuilder::<U>::REMEMBERED,
                limit: None,
                history: History::default(),
                addresses: Addresses::default(),
                attempts: Some(Attempts::new(Limits::default())),
                observer: None,
            },
        }
    }

    /// With every default.
    pub fn new(manager: SessionManager, users: impl Users<U>) -> Self {
        Self::builder(manager, users).build()
    }

    /// One request: its session, its headers, and the client's address where that is known.
    pub fn visit(&self, session: LazySession, headers: &HeaderMap, client: Option<IpAddr>) -> Visit<U> {
        Visit::new(self.clone(), session, self.inner.addresses.device(headers, client), client)
    }

    /// The sessions of any user, for those who run the application: to end them when the user is disabled or has reset
    /// their password by mail.
    pub fn sessions_of(&self, user: UserId) -> UserSessions<U> {
        UserSessions::of_anybody(self.clone(), user)
    }

    /// Signs everybody out, at the cost of one write; see [`SessionManager::sign_everybody_out`].
    ///
    /// # Errors
    /// When the store fails; then ask again.
    ///
    /// # Cancel safety
    /// Everybody is signed out or nobody is.
    pub async fn sign_everybody_out(&self) -> Result<(), StoreError> {
        self.inner.manager.sign_everybody_out().await?;
        self.notify(&AuthEvent::EverybodyOut);
        Ok(())
    }

    /// Whose sessions they are.
    pub fn manager(&self) -> &SessionManager {
        &self.inner.manager
    }

    /// Tells of `number` sessions of `user` that have ended, and remembers those that are known as far as the history goes.
    pub(crate) async fn ended(&self, user: &UserId, sessions: &[Summary], by: EndedBy, number: u64) {
        if number > 0 {
            self.notify(&AuthEvent::Ended { user, by, sessions: number });
            history::remember(self.manager(), self.inner.history, user, sessions, by).await;
        }
    }

    pub(crate) fn notify(&self, event: &AuthEvent<'_>) {
        match event {
            AuthEvent::SignedIn { method, presence, .. } => {
                tracing::info!(method = method.as_str(), ?presence, "signed in");
            }
            AuthEvent::Confirmed { method, .. } => {
                tracing::info!(method = method.as_str(), "signed in again");
            }
            AuthEvent::Refused(refusal) => tracing::info!(?refusal, "sign-in refused"),
            AuthEvent::Limited { retry_after } => {
                tracing::info!(seconds = retry_after.as_secs(), "too many attempts to sign in");
            }
            AuthEvent::Ended { by, sessions, .. } => tracing::info!(?by, sessions, "sessions ended"),
            AuthEvent::LimitReached { .. } => tracing::info!("a user has as many sessions as they may"),
            AuthEvent::RecentRequired { .. } => tracing::debug!("a more recent authentication is required"),
            AuthEvent::EverybodyOut => tracing::warn!("everybody was signed out"),
        }
        if let Some(observer) = &self.inner.observer
            && catch_unwind(AssertUnwindSafe(|| observer.observe(event))).is_err()
        {
            tracing::error!("the observer of sign-in panicked; nobody's session is affected");
        }
    }
}

impl<U> Clone for Auth<U> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

impl<U> fmt::Debug for Auth<U> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Auth").field("manager", &self.inner.manager).finish_non_exhaustive()
    }
}

/// Puts an [`Auth`] together.
#[must_use = "nothing happens until build is called"]
pub struct AuthBuilder<U> {
    inner: Inner<U>,
}

impl<U: User> AuthBuilder<U> {
    /// Thirty days overall, fourteen without a visit, in a cookie that survives the browser's restart.
    const REMEMBERED: Lifetime = Lifetime::idle(Duration::from_secs(14 * 86_400))
        .with_absolute(Duration::from_secs(30 * 86_400))
        .persistent();

    /// The lifetime of a session once somebody has signed in: [`Lifetime::aal1`], [`Lifetime::aal2`],
    /// [`Lifetime::aal3`] or one of the application's own.
    ///
    /// # Default
    /// That of the manager's policy.
    pub fn lifetime(mut self, lifetime: Lifetime) -> Self {
        self.inner.lifetime = Some(lifetime);
        self
    }

    /// The lifetime of a session whose user asked to be remembered. Its cookie always survives the browser's restart.
    ///
    /// # Default
    /// Thirty days overall, fourteen without a visit (within NIST SP 800-63B-4 AAL1).
    ///
    /// # Cost
    /// Whoever has the device has the account for that long; what matters should ask for a recent authentication.
    pub fn remembered(mut self, lifetime: Lifetime) -> Self {
        self.inner.remembered = lifetime.persistent();
        self
    }

    /// How many sessions a user may have at once (ASVS 7.1.2).
    ///
    /// # Default
    /// As many as they like.
    ///
    /// # Cost
    /// Signing in reads the user's other sessions, in the same transaction.
    pub fn session_limit(mut self, limit: SessionLimit) -> Self {
        self.inner.limit = Some(limit);
        self
    }

    /// Whether sessions that have ended are remembered.
    ///
    /// # Default
    /// They are not.
    pub fn history(mut self, history: History) -> Self {
        self.inner.history = history;
        self
    }

    /// In what form addresses are kept.
    ///
    /// # Default
    /// [`Addresses::Truncated`].
    pub fn addresses(mut self, addresses: Addresses) -> Self {
        self.inner.addresses = addresses;
        self
    }

    /// How often somebody may try to sign in.
    ///
    /// # Default
    /// [`Limits::default`].
    pub fn attempts(mut self, attempts: Attempts) -> Self {
        self.inner.attempts = Some(attempts);
        self
    }

    /// Lets everybody try as often as they like: for applications that limit attempts elsewhere.
    pub fn unlimited_attempts(mut self) -> Self {
        self.inner.attempts = None;
        self
    }

    /// Who is told of every event. Default: nobody but `tracing`.
    pub fn observer(mut self, observer: impl AuthObserver) -> Self {
        self.inner.observer = Some(Arc::new(observer));
        self
    }

    /// Puts it together.
    pub fn build(self) -> Auth<U> {
        Auth { inner: Arc::new(self.inner) }
    }
}

impl<U> fmt::Debug for AuthBuilder<U> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("AuthBuilder").finish_non_exhaustive()
    }
}
