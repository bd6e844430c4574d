//! Signing in.

use std::fmt;
use std::future::IntoFuture;
use std::pin::Pin;

use cloakroom_core::{Authentication, Outcome, Presence, SaveError, Session, Summary};

use crate::error::AuthError;
use crate::event::{AuthEvent, EndedBy};
use crate::marks;
use crate::user::User;
use crate::verified::Verified;
use crate::visit::Visit;

/// A sign-in that happens when it is awaited.
///
/// The session gets another id and another handle, also when somebody was signed in already (ASVS 7.2.4). Its data goes,
/// unless [`SignIn::keep_data`] says otherwise. Everything is stored when it returns; what the handler does afterwards
/// is stored with the response.
///
/// # Errors
/// [`AuthError::SessionLimit`], [`AuthError::Superseded`] and [`AuthError::UserGone`] refuse; the others say that
/// something failed. Nobody is signed in then, and what the request had done to the session is dropped.
///
/// # Cancel safety
/// A dropped sign-in was stored or was not. A browser that did not get the response is not signed in either way.
#[must_use = "nobody is signed in until it is awaited"]
pub struct SignIn<'a, U> {
    visit: &'a Visit<U>,
    verified: Verified<U>,
    presence: Presence,
    data: Data,
}

/// What becomes of what the session held.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Data {
    Dropped,
    Kept,
}

impl<'a, U: User> SignIn<'a, U> {
    pub(crate) const fn new(visit: &'a Visit<U>, verified: Verified<U>) -> Self {
        Self { visit, verified, presence: Presence::Present, data: Data::Dropped }
    }

    /// Remembers the browser: the cookie survives its restart, and the session lives as long as
    /// [`AuthBuilder::remembered`](crate::AuthBuilder::remembered) says. A remembered session never passes where a
    /// recent authentication is required, not even at first.
    pub const fn remember(mut self) -> Self {
        self.presence = Presence::Remembered;
        self
    }

    /// Keeps what the visitor had put into the session before they signed in, such as a basket. Whoever prepared the
    /// browser may have put it there. The data of another user's session is never kept.
    pub const fn keep_data(mut self) -> Self {
        self.data = Data::Kept;
        self
    }

    async fn run(self) -> Result<(), AuthError> {
        let Self { visit, verified, presence, data } = self;
        let (auth, (verified, method, began)) = (visit.auth(), verified.into_parts());
        let (settings, manager) = (&auth.inner, auth.manager());
        let session = visit.session().await?;
        let id = verified.id();

        // Both before the user is looked up again: whoever changes the user and then ends their sessions is seen by the
        // look-up, or finds this session, or has moved what it has to be admitted under.
        let epoch = manager.epoch().await?;
        let mark = marks::read(manager, &id).await?;
        if let Some(began) = began {
            // Within one millisecond nobody can say which came first: then the end did, and the user signs in once more.
            let all_ended = mark.ended_at.is_some_and(|ended| began.at <= ended);
            if all_ended || began.epoch != epoch {
                return Err(AuthError::Superseded);
            }
        }
        let user =
            settings.users.find(id.clone()).await.map_err(AuthError::Users)?.ok_or(AuthError::UserGone)?;
        if user.id() != id {
            return Err(AuthError::UserGone);
        }
        // What was verified was another password.
        if !user.accepts(&verified.fingerprint()) {
            return Err(AuthError::Superseded);
        }

        let new = Authentication::new(method, manager.now(), &**manager.random())?;

        let before = replaced(&session);
        let somebody_else = session.user().is_some_and(|user| user != id);
        if data == Data::Dropped || somebody_else {
            session.clear();
        }
        session.set_device(visit.device().clone());
        match presence {
            Presence::Remembered => session.renew(settings.remembered),
            // Whatever it was before: the session over which somebody signs in may have been a remembered one.
            Presence::Present => {
                session.renew(settings.lifetime.unwrap_or_else(|| manager.lifetime_of(&session.data())));
            }
        }
        let authentication = Authentication { presence, fingerprint: Some(user.fingerprint()), epoch, ..new };
        let method = authentication.method.clone();
        let signed_in = session.sign_in(id.clone(), authentication, mark.admission(settings.limit)).await;
        let signed_in = match signed_in {
            // Found out now rather than with the response, so that nobody is signed in unheard.
            Err(error) if error.outcome() == Outcome::Unknown => session.save().await.map(|()| Vec::new()),
            known => known,
        };
        let ended = signed_in.map_err(|error| match error {
            SaveError::SessionLimit => {
                auth.notify(&AuthEvent::LimitReached { user: &id });
                AuthError::SessionLimit
            }
            SaveError::SignInSuperseded => AuthError::Superseded,
            error => error.into(),
        })?;

        visit.remember_user(user);
        auth.notify(&AuthEvent::SignedIn { user: &id, method: &method, presence });
        if let Some(before) = before
            && let Some(user) = before.user.clone()
        {
            auth.ended(&user, &[before], EndedBy::SignIn, 1).await;
        }
        if !ended.is_empty() {
            auth.notify(&AuthEvent::LimitReached { user: &id });
            let number = u64::try_from(ended.len()).unwrap_or(u64::MAX);
            auth.ended(&id, &ended, EndedBy::Limit, number).await;
        }
        Ok(())
    }
}

/// The signed-in session over which somebody signs in.
fn replaced(session: &Session) -> Option<Summary> {
    crate::sessions::summary(session).filter(|it| it.user.is_some())
}

impl<'a, U: User> IntoFuture for SignIn<'a, U> {
    type Output = Result<(), AuthError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

impl<U> fmt::Debug for SignIn<'_, U> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SignIn").field("verified", &self.verified).finish_non_exhaustive()
    }
}
