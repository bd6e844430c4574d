//! The sessions of one user: to see them, and to end them.

use std::fmt;
use std::num::NonZeroU32;

use cloakroom_core::{
    Device, Method, Page, Presence, Scope, Session, SessionHandle, StoreKey, Summary, Timestamp, UserId,
};

use crate::auth::Auth;
use crate::error::AuthError;
use crate::event::EndedBy;
use crate::history::{self, EndedSession, History};
use crate::marks;
use crate::user::User;
use crate::visit::Visit;

/// The sessions of one user.
///
/// Those of the visitor come from [`Visit::sessions`], those of anybody from [`Auth::sessions_of`]. Ask for a recent
/// authentication ([`Visit::require_recent`]) before you let a user end sessions (ASVS 7.5.2).
pub struct UserSessions<U> {
    auth: Auth<U>,
    user: UserId,
    /// The visitor, who is the user, where it is not the application that asks.
    visit: Option<Visit<U>>,
}

/// A session as its user sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedIn {
    /// What it is ended by. It opens nothing, so it may stand in a page. `None` for a session that was not opened by
    /// this crate; it ends with all the others.
    pub handle: Option<SessionHandle>,
    /// Whether it is the one that asks.
    pub place: Place,
    /// The device that it was opened on, if that was recorded.
    pub device: Option<Device>,
    /// When it began, which may be before somebody signed in.
    pub created: Timestamp,
    /// When it was last used. Touches are throttled, so this is coarse.
    pub seen: Timestamp,
    /// When it ends unless it is used before.
    pub expires: Timestamp,
    /// When its user last proved who they are.
    pub authenticated: Option<Timestamp>,
    /// How.
    pub method: Option<Method>,
    /// Whether they were there or the browser was remembered.
    pub presence: Option<Presence>,
}

/// Where a session is, as seen from the one that asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// It is the one that asks.
    Here,
    /// It is another.
    Elsewhere,
}

/// What became of a session that was to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It has ended.
    Ended,
    /// The user has no such session. It may have ended before, be another user's, or never have been: nobody learns
    /// which.
    Unknown,
}

const PAGE: NonZeroU32 = NonZeroU32::new(200).unwrap();

impl<U: User> UserSessions<U> {
    pub(crate) fn of_visitor(visit: Visit<U>, user: UserId) -> Self {
        Self { auth: visit.auth().clone(), user, visit: Some(visit) }
    }

    pub(crate) const fn of_anybody(auth: Auth<U>, user: UserId) -> Self {
        Self { auth, user, visit: None }
    }

    /// All that are live, the one last used first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn list(&self) -> Result<Vec<SignedIn>, AuthError> {
        let current = self.current().await?.and_then(|session| session.key());
        let mut found = self.summaries(&Scope::User(self.user.clone())).await?;
        found.sort_by_key(|it| (std::cmp::Reverse(it.seen), it.key.clone()));
        Ok(found.into_iter().map(|it| SignedIn::new(it, current.as_ref())).collect())
    }

    /// Those that have ended, the last one first, as far as [`AuthBuilder::history`](crate::AuthBuilder::history) says.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn history(&self) -> Result<Vec<EndedSession>, AuthError> {
        match self.auth.inner.history {
            History::Off => Ok(Vec::new()),
            History::Kept { .. } => Ok(history::read(self.auth.manager(), &self.user).await?),
        }
    }

    /// Forgets those that have ended: personal data of a user who is deleted, which the next one with the same id must
    /// not see. Sessions that end afterwards are remembered again, so end all of them first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn forget_history(&self) -> Result<(), AuthError> {
        Ok(history::forget(self.auth.manager(), &self.user).await?)
    }

    /// Ends the one that has this handle, if it is this user's.
    ///
    /// # Errors
    /// When the store fails.
    ///
    /// # Cancel safety
    /// It has ended or it has not.
    pub async fn end(&self, handle: SessionHandle) -> Result<Ending, AuthError> {
        if let (Some(visit), Some(session)) = (&self.visit, self.current().await?)
            && session.authentication().is_some_and(|it| it.handle == handle)
        {
            visit.sign_out().await?;
            return Ok(Ending::Ended);
        }
        let scope = Scope::Session(self.user.clone(), handle);
        let sessions = self.for_history(&scope, None).await?;
        let ended = self.auth.manager().store().end(&scope, None, self.auth.manager().now()).await?;
        if ended == 0 {
            return Ok(Ending::Unknown);
        }
        self.auth.ended(&self.user, &sessions, self.by(), ended).await;
        Ok(Ending::Ended)
    }

    /// Ends all but the visitor's own, which gets another id, and returns how many. Sign-ins of the user that are under
    /// way come to nothing. For the application, which has no session of the user's, it ends all.
    ///
    /// # Errors
    /// When the store fails.
    ///
    /// # Cancel safety
    /// They have all ended or none has; sign-ins under way may have come to nothing.
    pub async fn end_others(&self) -> Result<u64, AuthError> {
        let Some(session) = self.current().await? else { return self.end_but(None, self.by()).await };
        let ended = self.end_but(session.key().as_ref(), self.by()).await?;
        session.rotate();
        Ok(ended)
    }

    /// Ends all of them, the visitor's own too, and returns how many. Sign-ins of the user that are under way come to
    /// nothing.
    ///
    /// # Errors
    /// When the store fails.
    ///
    /// # Cancel safety
    /// As for [`UserSessions::end_others`].
    pub async fn end_all(&self) -> Result<u64, AuthError> {
        let ended = self.end_but(None, self.by()).await?;
        if let (Some(visit), Some(session)) = (&self.visit, self.current().await?) {
            // It has ended in the store. This removes the cookie, and ends what another request may have made of it.
            session.destroy();
            visit.forget();
        }
        Ok(ended)
    }

    pub(crate) async fn end_but(&self, keep: Option<&StoreKey>, by: EndedBy) -> Result<u64, AuthError> {
        let manager = self.auth.manager();
        let scope = Scope::User(self.user.clone());
        // First, so that no sign-in which began before comes after.
        marks::renew(manager, &self.user).await?;
        let sessions = self.for_history(&scope, keep).await?;
        let ended = manager.store().end(&scope, keep, manager.now()).await?;
        self.auth.ended(&self.user, &sessions, by, ended).await;
        Ok(ended)
    }

    /// The visitor's own session, if it is one of these.
    async fn current(&self) -> Result<Option<Session>, AuthError> {
        let Some(visit) = &self.visit else { return Ok(None) };
        let session = visit.session().await?;
        Ok((session.user().as_ref() == Some(&self.user)).then_some(session))
    }

    /// What will have ended, if anybody wants to know.
    async fn for_history(&self, scope: &Scope, keep: Option<&StoreKey>) -> Result<Vec<Summary>, AuthError> {
        match self.auth.inner.history {
            History::Off => Ok(Vec::new()),
            History::Kept { .. } => {
                let mut sessions = self.summaries(scope).await?;
                sessions.retain(|it| Some(&it.key) != keep);
                Ok(sessions)
            }
        }
    }

    fn by(&self) -> EndedBy {
        if self.visit.is_some() { EndedBy::User } else { EndedBy::Application }
    }

    /// Those of this epoch, page by page.
    async fn summaries(&self, scope: &Scope) -> Result<Vec<Summary>, AuthError> {
        let manager = self.auth.manager();
        let epoch = manager.epoch().await?;
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let page = manager.store().list(scope, Page { after, limit: PAGE }, manager.now()).await?;
            after = page.last().map(|it| it.key.clone());
            let full = page.len() >= usize::try_from(PAGE.get()).unwrap_or(usize::MAX);
            let live = |it: &Summary| {
                it.authentication.as_ref().is_none_or(|authentication| authentication.epoch == epoch)
            };
            all.extend(page.into_iter().filter(live));
            if !full {
                return Ok(all);
            }
        }
    }
}

/// What a listing would say of a session, if it is stored.
pub(crate) fn summary(session: &Session) -> Option<Summary> {
    Some(Summary {
        key: session.key()?,
        user: session.user(),
        authentication: session.authentication(),
        created: session.created(),
        seen: session.seen(),
        expires: session.expires_at(),
        device: session.device(),
    })
}

impl SignedIn {
    fn new(session: Summary, current: Option<&StoreKey>) -> Self {
        let place = if current == Some(&session.key) { Place::Here } else { Place::Elsewhere };
        let authentication = session.authentication;
        Self {
            handle: authentication.as_ref().map(|it| it.handle),
            place,
            device: session.device,
            created: session.created,
            seen: session.seen,
            expires: session.expires,
            authenticated: authentication.as_ref().map(|it| it.at),
            presence: authentication.as_ref().map(|it| it.presence),
            method: authentication.map(|it| it.method),
        }
    }
}

impl<U> fmt::Debug for UserSessions<U> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("UserSessions").finish_non_exhaustive()
    }
}
