//! One request's view of sign-in.

use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cloakroom_core::{
    Authentication, Device, LazySession, LoadError, Method, Presence, SaveError, Session, TimeLeft, UserId,
};

use crate::auth::Auth;
use crate::error::AuthError;
use crate::event::{AuthEvent, EndedBy};
use crate::sessions::UserSessions;
use crate::sign_in::SignIn;
use crate::strategy::{Refusal, Strategy, Verdict};
use crate::user::User;
use crate::verified::{Began, Verified};

/// How far the clocks of two nodes may lie apart.
const SKEW: Duration = Duration::from_secs(60);

/// What one request may ask and do: who is signed in, sign in, sign out, see and end sessions.
///
/// Nothing is loaded until something is asked. Clones are handles to the same.
pub struct Visit<U> {
    inner: Arc<Inner<U>>,
}

struct Inner<U> {
    auth: Auth<U>,
    session: LazySession,
    device: Device,
    client: Option<IpAddr>,
    /// The user as they were looked up in this request.
    user: Mutex<Option<U>>,
}

impl<U: User> Visit<U> {
    pub(crate) fn new(auth: Auth<U>, session: LazySession, device: Device, client: Option<IpAddr>) -> Self {
        Self { inner: Arc::new(Inner { auth, session, device, client, user: Mutex::default() }) }
    }

    /// Who is signed in. The user is looked up once in a request, whoever asks, so that a change of their rights shows
    /// on the next one (ASVS 8.3.2).
    ///
    /// A session whose user is gone, or whose user's credentials have changed since it was opened, ends with this
    /// request.
    ///
    /// # Errors
    /// When the session cannot be loaded, or nobody can say who the user is; nobody is signed out then.
    /// [`LoadError::Gone`] when the credentials changed and the session got another id during this request: what the
    /// browser has heard of it meanwhile holds.
    ///
    /// # Cancel safety
    /// Dropped, it has no effect.
    pub async fn user(&self) -> Result<Option<U>, AuthError> {
        let session = self.session().await?;
        let Some(id) = session.user() else { return Ok(None) };
        if let Some(user) = self.looked_up().clone().filter(|user| user.id() == id) {
            return Ok(Some(user));
        }
        let found = self.inner.auth.inner.users.find(id.clone()).await.map_err(AuthError::Users)?;
        // Somebody else's account, as a careless look-up might find it, is not theirs.
        let Some(user) = found.filter(|user| user.id() == id) else {
            self.end(&session, &id, EndedBy::UserGone).await?;
            return Ok(None);
        };
        let accepted = || {
            let earlier = session.authentication().and_then(|it| it.fingerprint);
            earlier.is_none_or(|earlier| user.accepts(&earlier))
        };
        if !accepted() {
            // Another request of this browser may have taken the session through the change after this one loaded it.
            session.reload().await?;
            if !accepted() {
                self.end(&session, &id, EndedBy::Credentials).await?;
                return Ok(None);
            }
        }
        *self.looked_up() = Some(user.clone());
        Ok(Some(user))
    }

    /// Has `strategy` judge the credentials, and limits how often that may be tried. `account` is what the account is
    /// looked up by, normalised, whether there is such an account or not.
    ///
    /// Nobody is signed in by it: [`Visit::sign_in`] takes what it found.
    ///
    /// # Errors
    /// When the strategy or the store fails; the attempt does not count.
    ///
    /// # Cancel safety
    /// Dropped, the attempt counts as one that failed.
    pub async fn verify<Credentials: Send>(
        &self,
        strategy: &impl Strategy<Credentials, U>,
        credentials: Credentials,
        account: Option<&str>,
    ) -> Result<Verdict<U>, AuthError> {
        let auth = &self.inner.auth;
        let at = auth.manager().now();
        let attempt = match auth.inner.attempts.as_ref().map(|it| it.begin(account, self.inner.client, at)) {
            None => None,
            Some(Ok(attempt)) => Some(attempt),
            Some(Err(too_many)) => {
                let retry_after = too_many.retry_after;
                auth.notify(&AuthEvent::Limited { retry_after });
                return Ok(Verdict::Refused(Refusal::TooManyAttempts { retry_after }));
            }
        };
        let judged = match auth.manager().epoch().await {
            Ok(epoch) => {
                let judged = strategy.verify(credentials).await.map_err(AuthError::Users);
                judged.map(|verdict| (verdict, Began { at, epoch }))
            }
            Err(error) => Err(error.into()),
        };
        match judged {
            Ok((Verdict::Verified(verified), began)) => {
                if let Some(attempt) = attempt {
                    attempt.succeeded(auth.manager().now());
                }
                Ok(Verdict::Verified(verified.begun(began)))
            }
            Ok((verdict, _)) => {
                if let Verdict::Refused(refusal) = verdict {
                    auth.notify(&AuthEvent::Refused(refusal));
                }
                Ok(verdict)
            }
            Err(error) => {
                if let Some(attempt) = attempt {
                    attempt.withdraw();
                }
                Err(error)
            }
        }
    }

    /// Signs a verified user in, once it is awaited. The id of the session always changes.
    pub fn sign_in(&self, verified: Verified<U>) -> SignIn<'_, U> {
        SignIn::new(self, verified)
    }

    /// Ends the session, with everything in it, at once. Without one it does nothing.
    ///
    /// # Errors
    /// When the store fails: then nobody may be told that they are signed out.
    ///
    /// # Cancel safety
    /// As for [`Session::save`].
    pub async fn sign_out(&self) -> Result<(), AuthError> {
        let session = self.session().await?;
        if let Some(user) = session.user() {
            return self.end(&session, &user, EndedBy::SignOut).await;
        }
        session.destroy();
        Ok(session.save().await?)
    }

    /// The sessions of whoever is signed in.
    ///
    /// # Errors
    /// [`AuthError::NotSignedIn`], and as for [`Visit::user`].
    pub async fn sessions(&self) -> Result<UserSessions<U>, AuthError> {
        let user = self.user().await?.ok_or(AuthError::NotSignedIn)?;
        Ok(UserSessions::of_visitor(self.clone(), user.id()))
    }

    /// Lets through whoever has proved within `max_age` who they are (ASVS 7.5.1). Having been remembered is not enough,
    /// and activity does not count. Whether everybody was signed out is asked of the store at once.
    ///
    /// # Errors
    /// [`AuthError::RecentRequired`], [`AuthError::NotSignedIn`], and as for [`Visit::user`].
    pub async fn require_recent(&self, max_age: Duration) -> Result<U, AuthError> {
        let user = self.user().await?.ok_or(AuthError::NotSignedIn)?;
        let session = self.session().await?;
        let manager = self.inner.auth.manager();
        if let Some(Authentication { at, presence, epoch, .. }) = session.authentication() {
            if epoch != manager.epoch().await? {
                self.end(&session, &user.id(), EndedBy::Application).await?;
                return Err(AuthError::NotSignedIn);
            }
            let now = manager.now();
            // One that lies ahead by more than clocks of two nodes differ, by a clock that was set back, is not recent.
            let recent = now.since(at) <= max_age && at.since(now) <= max_age.min(SKEW);
            if presence == Presence::Present && recent {
                return Ok(user);
            }
        }
        self.inner.auth.notify(&AuthEvent::RecentRequired { user: &user.id() });
        Err(AuthError::RecentRequired)
    }

    /// Takes note that whoever is signed in has proved it again. The id changes, both limits start afresh (NIST SP
    /// 800-63B-4 section 5.2), and what was asked for by [`Visit::require_recent`] is granted from now on. It is stored
    /// with the response.
    ///
    /// # Errors
    /// [`AuthError::AnotherUser`] when the proof is somebody else's, [`AuthError::Superseded`] when their credentials
    /// have changed since it was given, [`AuthError::NotSignedIn`], and as for [`Visit::user`].
    pub async fn reauthenticate(&self, verified: Verified<U>) -> Result<(), AuthError> {
        let user = self.user().await?.ok_or(AuthError::NotSignedIn)?;
        let (proved, method, _) = verified.into_parts();
        if proved.id() != user.id() {
            return Err(AuthError::AnotherUser);
        }
        // What was verified was another password. Either may have been looked up first.
        if !user.accepts(&proved.fingerprint()) && !proved.accepts(&user.fingerprint()) {
            return Err(AuthError::Superseded);
        }
        let session = self.session().await?;
        let again = self.authentication(&session, &user, method).await?;
        self.inner.auth.notify(&AuthEvent::Confirmed { user: &user.id(), method: &again.method });
        session.authenticate_again(again);
        Ok(())
    }

    /// Takes note that the user who is signed in has changed their credentials, and `user` is them as they are now. All
    /// their other sessions end, and sign-ins with the old credentials that are under way; this session gets another id
    /// and goes on (ASVS 7.4.3). Call it when the change is stored.
    ///
    /// It is no proof: when the user last proved who they are stays as it was, see [`Visit::reauthenticate`].
    ///
    /// # Errors
    /// As for [`UserSessions::end_others`]. When this session has ended meanwhile, the others have as well. The other
    /// sessions end even if this was never called, when they are used next.
    ///
    /// # Cancel safety
    /// Dropped, it may have gone any part of the way; what is left happens when the other sessions are used next.
    pub async fn credentials_changed(&self, user: &U) -> Result<(), AuthError> {
        let session = self.session().await?;
        if session.user().is_none_or(|id| id != user.id()) {
            return Err(AuthError::AnotherUser);
        }
        let fingerprint = Some(user.fingerprint());
        let now = match session.authentication() {
            Some(before) => Authentication { fingerprint, ..before },
            // It was not opened by this crate, so nobody knows how.
            None => self.authentication(&session, user, Method::password()).await?,
        };
        *self.looked_up() = Some(user.clone());
        // Stored first: from here on the changed credentials end every other session, whatever happens next.
        session.authenticate_again(now);
        let saved = session.save().await;
        if saved.is_err() {
            self.forget();
        }
        // Somebody else may have ended this session because they saw the change first. The others end nevertheless.
        if !matches!(saved, Ok(()) | Err(SaveError::Gone)) {
            return Ok(saved?);
        }
        let sessions = UserSessions::of_visitor(self.clone(), user.id());
        sessions.end_but(session.key().as_ref(), EndedBy::Credentials).await?;
        Ok(saved?)
    }

    /// How much time the session has left. Asking is no activity; see [`LazySession::time_left`].
    ///
    /// # Errors
    /// When the session cannot be loaded.
    pub async fn time_left(&self) -> Result<Option<TimeLeft>, LoadError> {
        self.inner.session.time_left().await
    }

    /// The session, loaded.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn session(&self) -> Result<Session, LoadError> {
        self.inner.session.load().await
    }

    /// What all requests share.
    pub fn auth(&self) -> &Auth<U> {
        &self.inner.auth
    }

    /// Whether this request has asked who is signed in, and somebody is: then the answer may tell of them.
    pub fn knows_user(&self) -> bool {
        self.looked_up().is_some()
    }

    /// The client's address, where it is known.
    pub fn client(&self) -> Option<IpAddr> {
        self.inner.client
    }

    pub(crate) fn device(&self) -> &Device {
        &self.inner.device
    }

    /// How the user has just proved who they are, in the session that they have.
    async fn authentication(
        &self,
        session: &Session,
        user: &U,
        method: Method,
    ) -> Result<Authentication, AuthError> {
        let manager = self.inner.auth.manager();
        let fingerprint = Some(user.fingerprint());
        let before = if let Some(before) = session.authentication() {
            before
        } else {
            let epoch = manager.epoch().await?;
            Authentication {
                epoch,
                ..Authentication::new(method.clone(), manager.now(), &**manager.random())?
            }
        };
        Ok(Authentication { at: manager.now(), method, presence: Presence::Present, fingerprint, ..before })
    }

    /// Ends the visitor's session at once, whatever the handler answers.
    async fn end(&self, session: &Session, user: &UserId, by: EndedBy) -> Result<(), AuthError> {
        let summary = crate::sessions::summary(session);
        session.destroy();
        session.save().await?;
        self.forget();
        self.inner.auth.ended(user, summary.as_slice(), by, 1).await;
        Ok(())
    }

    pub(crate) fn remember_user(&self, user: U) {
        *self.looked_up() = Some(user);
    }

    pub(crate) fn forget(&self) {
        *self.looked_up() = None;
    }

    fn looked_up(&self) -> MutexGuard<'_, Option<U>> {
        self.inner.user.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<U> Clone for Visit<U> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

impl<U> fmt::Debug for Visit<U> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Visit").field("session", &self.inner.session).finish_non_exhaustive()
    }
}
